"""Partitions that no ledger answers, as files of the data folder, from the ledgers for `printledger status`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import structlog

from events.decoding import from_json
from infra.files import FileNotWritten, write_whole
from processors.ledger.errors import LedgerBroken

log = structlog.get_logger(__name__)

FOLDER = "stopped-partitions"


class StoppedPartition(msgspec.Struct, frozen=True, kw_only=True):
    """A partition whose commands wait, and why."""

    stream: str
    partition: int
    error: str


class StoppedPartitions:
    """Keeps one file for each stopped partition of a stream, until whichever process has it next could load it."""

    def __init__(self, data_dir: Path, stream: str) -> None:
        self._folder = data_dir / FOLDER
        self._stream = stream

    def __call__(self, partition: int, error: LedgerBroken | None) -> None:
        """Note what stops a partition, or that nothing does any more."""
        path = self._folder / f"{self._stream}-{partition}.json"
        try:
            if error is None:
                path.unlink(missing_ok=True)
                return
            said = f"{type(error).__name__}: {error}"
            stopped = StoppedPartition(stream=self._stream, partition=partition, error=said)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, msgspec.json.encode(stopped).decode())
        except (OSError, FileNotWritten) as failed:
            # The other partitions are worth more than this note; the ledger's log has it too.
            log.warning("stopped_partition_not_noted", partition=partition, error=str(failed))


def stopped_partitions(data_dir: Path) -> list[StoppedPartition]:
    """What the ledgers of this data folder noted, by stream and partition."""
    found = []
    for path in (data_dir / FOLDER).glob("*.json"):
        # A ledger may take the note away at this moment.
        with contextlib.suppress(FileNotFoundError):
            found.append(from_json(path.read_bytes(), StoppedPartition))
    return sorted(found, key=lambda one: (one.stream, one.partition))

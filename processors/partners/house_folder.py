"""The folder that a house print shop and printledger share: what waits, what is started, and the jobs of its presses.

    queue/EFFECT.json        a print run that waits for a batch
    started/EFFECT.json      one whose order said yes to a press
    cancelled/EFFECT.json    one that was stopped before; also one that was stopped before it came
    jobs/BATCH/              a batch's sheets with its job ticket (`ticket.json`, `ticket.pdf`)
    jobs/BATCH/sheet-001.outcome.json    what the press says of a sheet: `{"outcome": "printed"}`, or "spoiled" and why

A print run is in one of the first three, and moves by renaming, which a file system does once: whether it was stopped
or started first is decided by whoever renames it first. A worker that was slow to queue a run may leave it in the queue
beside where it has gone; what is in `started` or `cancelled` counts then, and is never left again. A job's folder
appears whole, under its name, or not at all. Everything blocks on the file system; the folder may be a network share.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from events.decoding import from_json
from processors.partners.protocol import PrintJob
from processors.ports import NamedError

QUEUE, STARTED, CANCELLED, JOBS = "queue", "started", "cancelled", "jobs"
PRINTED: Final = "printed"
SPOILED: Final = "spoiled"
_PLAIN: Final = re.compile(r"^[A-Za-z0-9-]{1,64}$")
RECORD_BYTES_MAX: Final = 100_000
#: Print runs that may wait in the folder; more than a shop makes in weeks.
WAITING_MAX: Final = 20_000


class FolderRecordUnreadable(NamedError):
    """A file in the shop's folder cannot be read. Write it anew, or remove it; a print run without one is cancelled."""


class FolderAway(NamedError, OSError):
    """The shop's folder is not there. Mount it again, or set up where it is now; nothing was queued or stopped."""


class SheetOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the press says of a sheet; a spoiled one has a reason code, such as `head_strike`."""

    outcome: Literal["printed", "spoiled"]
    reason_code: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")] = "spoiled"


class HouseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A print run in the folder; the links to its files are left out, because the presses get sheets."""

    effect_key: str
    partner_variant: str
    quantity: int
    units: tuple[int, ...]
    sha256: tuple[str, ...]
    accepted_at: int

    def same_job(self, other: HouseRecord) -> bool:
        """Whether it is the same print run, whenever it was accepted."""
        return msgspec.structs.replace(self, accepted_at=0) == msgspec.structs.replace(other, accepted_at=0)


def record_of(job: PrintJob, accepted_at: int) -> HouseRecord:
    """What the folder keeps of a job."""
    return HouseRecord(
        effect_key=job.effect_key,
        partner_variant=job.partner_variant,
        quantity=job.quantity,
        units=job.units,
        sha256=tuple(file.sha256 for file in job.files),
        accepted_at=accepted_at,
    )


class HouseFolder:
    """The shared folder of one shop."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in (QUEUE, STARTED, CANCELLED, JOBS):
            (root / name).mkdir(parents=True, exist_ok=True)

    def put(self, record: HouseRecord) -> tuple[str, HouseRecord]:
        """Queue a print run once; where it is and what is kept there, whoever was first. Raises FolderAway."""
        known = self.find(record.effect_key)
        if known is not None:
            return known
        self._write(QUEUE, record)
        if self._gone_to(record.effect_key) is not None:
            # Somebody queued it too and it has gone on, or it was stopped meanwhile: ours is one too many.
            self._path(QUEUE, record.effect_key).unlink(missing_ok=True)
            return self.find(record.effect_key) or (QUEUE, record)
        return QUEUE, record

    def find(self, effect_key: str) -> tuple[str, HouseRecord] | None:
        """Where a print run is, or None where it never came. Raises FolderRecordUnreadable, FolderAway."""
        for where in (CANCELLED, STARTED, QUEUE, STARTED, CANCELLED):
            # Looked for in both directions: a file that moves while we look is met on the way back.
            try:
                with self._path(where, effect_key).open("rb") as file:
                    return where, from_json(file.read(RECORD_BYTES_MAX), HouseRecord)
            except FileNotFoundError:
                continue
            except msgspec.DecodeError as error:
                raise FolderRecordUnreadable(f"{effect_key}: {FolderRecordUnreadable.__doc__} ({error})") from None
        self._refuse_if_away()
        return None

    def start(self, effect_key: str) -> bool:
        """Take a print run from the queue for a press; whether it is started now. Asking again says the same.

        Raises FolderAway: nobody knows then whether it was stopped.
        """
        return self._move(effect_key, STARTED)

    def cancel(self, effect_key: str, now: int) -> bool:
        """Take a print run from the queue for good; whether it will not be made. One that never came is marked.

        Raises FolderRecordUnreadable, FolderAway.
        """
        if self._move(effect_key, CANCELLED):
            return True
        if self.find(effect_key) is not None:
            return False
        mark = HouseRecord(effect_key=effect_key, partner_variant="", quantity=0, units=(), sha256=(), accepted_at=now)
        self._write(CANCELLED, mark)
        return True

    def waiting(self) -> list[str]:
        """Effect keys in the queue, in order, at most WAITING_MAX. Raises FolderAway."""
        self._refuse_if_away()
        found = sorted(path.stem for path in (self._root / QUEUE).glob("*.json"))
        return found[:WAITING_MAX]

    def drop_job(self, batch_id: str, files: Mapping[str, bytes]) -> None:
        """Give the presses a batch's files, once: a job that is there already stays as it is."""
        job = self.job(batch_id)
        if job.exists():
            return
        part = job.with_name(f".{batch_id}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name, content in files.items():
            (part / name).write_bytes(content)
        part.rename(job)

    def remove_job(self, batch_id: str) -> None:
        """Remove a batch's files when every sheet is settled: they carry buyers' content.

        Raises FolderAway or another OSError unless they are gone: then it is to be tried again.
        """
        job = self.job(batch_id)
        if job.exists():
            shutil.rmtree(job)
        self._refuse_if_away()

    def settle(self, batch_id: str, sheet: int, outcome: SheetOutcome) -> None:
        """Say what became of a sheet, as the press does: whole or not at all, and the first word counts."""
        path = self._outcome_path(batch_id, sheet)
        if path.exists():
            return
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(outcome))
        part.replace(path)

    def outcome(self, batch_id: str, sheet: int) -> SheetOutcome | None:
        """What the press has said of a sheet; None while it has said nothing. Raises FolderRecordUnreadable."""
        path = self._outcome_path(batch_id, sheet)
        try:
            with path.open("rb") as file:
                return from_json(file.read(RECORD_BYTES_MAX), SheetOutcome)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise FolderRecordUnreadable(f"{path.name}: {FolderRecordUnreadable.__doc__} ({error})") from None

    def waiting_jobs(self) -> list[str]:
        """Batches whose job is in the folder, the longest there first, at most WAITING_MAX."""
        found = [(path.stat().st_mtime_ns, path.name) for path in (self._root / JOBS).iterdir() if path.is_dir()]
        return [name for _, name in sorted(found) if not name.startswith(".")][:WAITING_MAX]

    def job(self, batch_id: str) -> Path:
        """Where a batch's files are."""
        return self._root / JOBS / _plain(batch_id)

    def _outcome_path(self, batch_id: str, sheet: int) -> Path:
        return self.job(batch_id) / f"sheet-{sheet:03}.outcome.json"

    def _move(self, effect_key: str, to: str) -> bool:
        gone_to = self._gone_to(effect_key)
        if gone_to is not None:
            return gone_to == to
        try:
            self._path(QUEUE, effect_key).rename(self._path(to, effect_key))
        except FileNotFoundError:
            self._refuse_if_away()
            return self._path(to, effect_key).exists()
        return True

    def _gone_to(self, effect_key: str) -> str | None:
        """Where a print run has left the queue for; None while it has not."""
        return next((where for where in (CANCELLED, STARTED) if self._path(where, effect_key).exists()), None)

    def _write(self, where: str, record: HouseRecord) -> None:
        """Let a record appear whole. Several workers may do so at once, each with a file of its own."""
        part = self._root / where / f".{record.effect_key}.{secrets.token_hex(4)}.part"
        part.write_bytes(msgspec.json.encode(record))
        part.replace(self._path(where, record.effect_key))

    def _refuse_if_away(self) -> None:
        """FolderAway unless the folder is there: an unmounted share looks as if no print run had ever come."""
        if not all((self._root / name).is_dir() for name in (QUEUE, STARTED, CANCELLED)):
            raise FolderAway(f"{self._root}: {FolderAway.__doc__}")

    def _path(self, where: str, effect_key: str) -> Path:
        return self._root / where / f"{_plain(effect_key)}.json"


def _plain(name: str) -> str:
    if not _PLAIN.match(name):
        raise ValueError(f"{name!r} is no name of a file in the shop's folder")
    return name

"""One system a data folder: a lock file that the kernel frees when its holder ends, however that happens."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from processors.ports import NamedError

LOCK = "up.lock"


class AlreadyRunning(NamedError):
    """printledger is already running in this data folder. See `printledger status`; end it with `printledger down`."""


@contextlib.contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """Hold the folder's lock for the block. Raises AlreadyRunning, naming the holder."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LOCK).open("a+", encoding="ascii") as file:
        if not _try(file.fileno(), fcntl.LOCK_EX):
            raise AlreadyRunning(f"{AlreadyRunning.__doc__} (folder {data_dir}, process {_pid_in(data_dir)})")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(data_dir: Path) -> int | None:
    """The process that holds the folder's lock; None where nobody does."""
    path = data_dir / LOCK
    if not path.exists():
        return None
    with path.open("r", encoding="ascii") as file:
        return None if _try(file.fileno(), fcntl.LOCK_SH) else _pid_in(data_dir)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(data_dir: Path) -> int | None:
    text = (data_dir / LOCK).read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else None

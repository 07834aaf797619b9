"""Files of the data folder: written whole or not at all, and the place of the database's socket."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from processors.ports import NamedError

#: A socket's path has at most 107 bytes; PostgreSQL adds "/.s.PGSQL.5432" to its folder, and a lock file's ending.
SOCKET_FOLDER_BYTES_MAX = 107 - len("/.s.PGSQL.5432.lock")


class FileNotWritten(NamedError):
    """Name a file in a folder that is there, may be written to, and has room."""


def write_whole(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace a file in one step: a reader sees the old content or the new, never half. Raises FileNotWritten."""
    try:
        _write_whole(path, content.encode() if isinstance(content, str) else content, mode)
    except OSError as error:
        raise FileNotWritten(f"{path}: {error.strerror}. {FileNotWritten.__doc__}") from error


def _write_whole(path: Path, content: bytes, mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def socket_folder(data_dir: Path) -> Path:
    """Where PostgreSQL of this data folder puts its socket: inside, unless the path is too long for a socket."""
    inside = data_dir / "run"
    if len(os.fsencode(inside)) <= SOCKET_FOLDER_BYTES_MAX:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"printledger-{digest}"

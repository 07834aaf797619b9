"""Files of the data folder: written whole or not at all, and the place of the database's socket."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

#: A socket's path has at most 107 bytes; PostgreSQL adds "/.s.PGSQL.5432" to its folder, and a lock file's ending.
SOCKET_FOLDER_BYTES_MAX = 107 - len("/.s.PGSQL.5432.lock")


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file in one step: a reader sees the old text or the new, never half."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
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

"""The operator's word list and list of known pictures: files or objects of the store, read again when they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from infra.s3 import Bucket
from processors.artwork.lists import (
    LIST_BYTES_MAX,
    CheckLists,
    ListNotUsable,
    pictures_from,
    shipped_lists,
    words_from,
)
from processors.ports import ObjectMissing

log = structlog.get_logger(__name__)

#: `s3:KEY` names an object of the bucket; anything else is a path.
OBJECT_PREFIX = "s3:"
#: A changed list counts after so many seconds at the latest.
LOOK_SECONDS = 10.0

T = TypeVar("T")


@dataclass
class _Source(Generic[T]):
    """One list: where it is, how it is read, what it was when it was last read."""

    setting: str
    where: str
    read: Callable[[bytes], T]
    mark: str = ""
    value: T | None = None


@dataclass
class OperatorLists:
    """What the checks compare with, as the settings name it. `current` may be called from any thread, and may block.

    A list that cannot be used stops a start; while a process runs, the last good one stays and the log says why.
    """

    words: str
    pictures: str
    bucket: Bucket
    monotonic: Callable[[], float] = time.monotonic
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _looked_at: float | None = None
    _lists: CheckLists = field(default_factory=shipped_lists)

    def __post_init__(self) -> None:
        """Remember where each list is."""
        self._words = _Source("PROHIBITED_WORDS", self.words, words_from)
        self._pictures = _Source("KNOWN_PICTURES", self.pictures, pictures_from)

    def current(self) -> CheckLists:
        """The lists as they are now. Raises ListNotUsable where one cannot be used and none was read before."""
        with self._guard:
            now = self.monotonic()
            if self._looked_at is None or now - self._looked_at >= LOOK_SECONDS:
                shipped = shipped_lists()
                words, pictures = self._newest(self._words), self._newest(self._pictures)
                self._lists = CheckLists(
                    prohibited_words=shipped.prohibited_words if words is None else words,
                    known_pictures=shipped.known_pictures if pictures is None else pictures,
                )
                self._looked_at = now
            return self._lists

    def _newest(self, source: _Source[T]) -> T | None:
        """The list as it is now; None where the setting names none."""
        if not source.where:
            return None
        try:
            mark = self._mark(source.where)
            if mark != source.mark:
                source.value = source.read(self._content(source.where))
                source.mark = mark
                log.info("list_read", setting=source.setting, where=source.where)
        except (ListNotUsable, OSError, ObjectMissing) as error:
            if source.value is None:
                raise ListNotUsable(f"{source.setting} = {source.where}: {error}") from error
            log.error("list_not_usable", setting=source.setting, where=source.where, reason=str(error)[:500])
        return source.value

    def _mark(self, where: str) -> str:
        """Changes whenever the list does."""
        if where.startswith(OBJECT_PREFIX):
            found = self.bucket.head(where.removeprefix(OBJECT_PREFIX))
            return f"{found.version_id} {found.size_bytes}"
        status = Path(where).stat()
        return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"

    def _content(self, where: str) -> bytes:
        if where.startswith(OBJECT_PREFIX):
            key = where.removeprefix(OBJECT_PREFIX)
            if self.bucket.head(key).size_bytes > LIST_BYTES_MAX:
                raise ListNotUsable(f"The list has more than {LIST_BYTES_MAX} bytes. {ListNotUsable.__doc__}")
            return self.bucket.get(key)
        with Path(where).open("rb") as file:
            return file.read(LIST_BYTES_MAX + 1)

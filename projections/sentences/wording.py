"""Pieces of sentences that all stages share."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from events.order.values import AreaFile, LineUnits, PrintPhoto, StoredFile


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a fact: what it is, and where it lies in the artwork bucket."""

    label: str
    key: str
    version_id: str
    media_type: str


class Entry(msgspec.Struct, frozen=True):
    """A line of the timeline: a short sentence, what there is to know beside it, the files."""

    title: str
    detail: str = ""
    links: tuple[Link, ...] = ()


def link(label: str, file: StoredFile | None) -> tuple[Link, ...]:
    """The link to a file, or none."""
    if file is None:
        return ()
    return (Link(label=label, key=file.key, version_id=file.version_id, media_type=file.media_type),)


def links(label: str, files: Iterable[AreaFile]) -> tuple[Link, ...]:
    """The links to files of print areas; where there are several, each says of which."""
    found = tuple(files)
    return tuple(
        Link(
            label=f"{label} ({one.area})" if len(found) > 1 else label,
            key=one.file.key,
            version_id=one.file.version_id,
            media_type=one.file.media_type,
        )
        for one in found
    )


def photographs(photos: Iterable[PrintPhoto]) -> tuple[Link, ...]:
    """The links to photographs of prints that are stored here."""
    return tuple(one for photo in photos for one in link(f"photograph (unit {photo.unit})", photo.file))


def counted(count: int, singular: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def units_of(units: tuple[int, ...]) -> str:
    """How many units, and which where it is one."""
    return f"unit {units[0]}" if len(units) == 1 else counted(len(units), "unit")


def contents_of(contents: tuple[LineUnits, ...]) -> str:
    """What is in a parcel."""
    return ", ".join(f"{counted(len(part.units), 'unit')} of line {part.line_id}" for part in contents)


def moment(at: int) -> str:
    """An instant (epoch milliseconds) for people, in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def again(attempt: int) -> str:
    """Says that it is not the first attempt."""
    return f" (attempt {attempt})" if attempt > 1 else ""

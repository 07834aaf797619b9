"""The operator's lists: words that a person must look at, and known pictures that somebody owns.

A match never blocks. Word lists of this kind trip over people's names, so words are matched whole, the list is the
operator's own, and a person decides. A perceptual hash finds only pictures that are on the list, in the same crop and
orientation; that is all that can honestly be checked about copyright.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from PIL import Image

from processors.ports import NamedError

#: Distance in bits (of 64) up to which two pictures count as the same. Measured: JPEG 0, a small crop 4, a mirror 30.
SAME_PICTURE_BITS: Final = 8
_DATA: Final = Path(__file__).parent / "data"
#: Signs, and Cyrillic and Greek letters, that stand for the Latin letters that they look like.
_LOOKALIKES: Final = str.maketrans("013457@$!|авеіјкмнорсѕтухαεικνορτυχ", "oieastasilabeijkmhopcstyxaeikvoptux")
_WORD: Final = re.compile(r"[^\W_]+")
_HASH: Final = re.compile(r"^[0-9a-f]{16}$")
#: A list is read whole into every worker.
LIST_BYTES_MAX: Final = 4 * 1024 * 1024
ENTRIES_MAX: Final = 50_000
ENTRY_CHARACTERS_MAX: Final = 200


class ListNotUsable(NamedError):
    """A word list or picture list cannot be read. Mend the line that is named, or the setting that points to it."""


class KnownPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that needs its owner's consent: its perceptual hash (16 hex digits) and what it is."""

    phash: str
    label: str


class CheckLists(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator supplies for the checks."""

    prohibited_words: frozenset[str] = frozenset()
    known_pictures: tuple[KnownPicture, ...] = ()


@lru_cache(maxsize=1)
def shipped_lists() -> CheckLists:
    """The short word list that comes with the product, and no pictures."""
    return CheckLists(prohibited_words=words_from(_DATA.joinpath("prohibited_words.txt").read_bytes()))


def words_from(content: bytes) -> frozenset[str]:
    """A word list: UTF-8, one word a line, `#` begins a comment. Raises ListNotUsable."""
    return frozenset(fold(line) for _, line in _entries(content))


def pictures_from(content: bytes) -> tuple[KnownPicture, ...]:
    """A list of known pictures: a line each of 16 hex digits (the hash), a space and a label. Raises ListNotUsable."""
    pictures = []
    for number, line in _entries(content):
        phash, _, label = line.partition(" ")
        if not _HASH.match(phash.lower()) or not label.strip():
            raise ListNotUsable(f"Line {number} is not 16 hex digits, a space and a label. {ListNotUsable.__doc__}")
        pictures.append(KnownPicture(phash=phash.lower(), label=label.strip()))
    return tuple(pictures)


def _entries(content: bytes) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    if len(content) > LIST_BYTES_MAX:
        raise ListNotUsable(f"The list has more than {LIST_BYTES_MAX} bytes. {ListNotUsable.__doc__}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListNotUsable(f"The list is not UTF-8 at byte {error.start}. {ListNotUsable.__doc__}") from None
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if len(entry) > ENTRY_CHARACTERS_MAX:
            raise ListNotUsable(f"Line {number} has over {ENTRY_CHARACTERS_MAX} characters. {ListNotUsable.__doc__}")
        if entry:
            entries.append((number, entry))
    if len(entries) > ENTRIES_MAX:
        raise ListNotUsable(f"The list has more than {ENTRIES_MAX} entries. {ListNotUsable.__doc__}")
    return entries


def fold(word: str) -> str:
    """A word as it is compared: compatibility forms unified, lower case, without marks on letters."""
    unified = unicodedata.normalize("NFKC", word).casefold()
    apart = unicodedata.normalize("NFD", unified)
    return unicodedata.normalize("NFC", "".join(c for c in apart if unicodedata.category(c) not in ("Mn", "Cf")))


def count_prohibited(text: str, words: Iterable[str]) -> int:
    """How many whole words of the text are on the (folded) list, however they are spelled apart or disguised."""
    listed = frozenset(words)
    folded = fold(text)
    return sum(1 for candidate in _candidates(folded) if candidate in listed or _plain(candidate) in listed)


def _plain(word: str) -> str:
    """Digits, signs and foreign letters that stand for Latin letters, replaced."""
    return word.translate(_LOOKALIKES)


def _candidates(folded: str) -> set[str]:
    """Words as they stand, chunks without the signs inside them, and runs of single letters joined."""
    chunks = folded.split()
    candidates = {"".join(c for c in chunk if c.isalnum() or c in "@$!|").strip("!|") for chunk in chunks}
    tokens = _WORD.findall(folded)
    candidates.update(tokens)
    run: list[str] = []
    for token in [*tokens, "end"]:
        if len(token) == 1:
            run.append(token)
            continue
        if len(run) >= 3:
            candidates.add("".join(run))
        run = []
    return candidates - {""}


def perceptual_hash(picture: Image.Image) -> str:
    """The 64-bit DCT hash as ImageHash's `phash` makes it, in hex; transparent parts count as white."""
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, (0, 0), picture if picture.mode == "RGBA" else None)
    grey = np.asarray(white.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    low = _cosines()[:8] @ grey @ _cosines()[:8].T
    bits = (low > np.median(low)).reshape(-1)
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The matrix of the 32-point type II cosine transform."""
    n = np.arange(32)
    return np.asarray(2 * np.cos(np.pi * np.outer(n, 2 * n + 1) / 64), np.float64)


def distance_bits(one: str, other: str) -> int:
    """How many of the 64 bits of two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def known_picture(phash: str, pictures: Iterable[KnownPicture]) -> KnownPicture | None:
    """The listed picture that is nearest, if it is near enough to be the same."""
    nearest = min(pictures, key=lambda known: distance_bits(phash, known.phash), default=None)
    if nearest is None or distance_bits(phash, nearest.phash) > SAME_PICTURE_BITS:
        return None
    return nearest

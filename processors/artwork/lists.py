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

#: Distance in bits (of 64) up to which two pictures count as the same. Measured: JPEG 0, a small crop 4, a mirror 30.
SAME_PICTURE_BITS: Final = 8
_LOOKALIKES: Final = str.maketrans("013457@$!|", "oieastasil")
_WORD: Final = re.compile(r"[^\W_]+")


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
    text = (Path(__file__).parent / "data" / "prohibited_words.txt").read_text("utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return CheckLists(prohibited_words=frozenset(fold(line) for line in lines if line))


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
    """Digits and signs that stand for letters, replaced."""
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

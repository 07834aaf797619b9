"""The operator's lists: how they are read, when they are read again, and what a bad one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.check_lists import LOOK_SECONDS, OperatorLists
from processors.artwork.lists import ENTRIES_MAX, ListNotUsable, pictures_from, shipped_lists, words_from


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lists_of(clock: Clock, *, words: Path | str = "", pictures: Path | str = "") -> OperatorLists:
    return OperatorLists(str(words), str(pictures), bucket=None, monotonic=clock)  # type: ignore[arg-type]


def test_words_are_folded_and_comments_are_not_words() -> None:
    assert words_from("\ufeffFÜCK  # a comment\n\n# only a comment\nＷｏｒｄ\n".encode()) == {"fuck", "word"}


def test_pictures_are_a_hash_and_a_label() -> None:
    (known,) = pictures_from(b"00FF00ff00ff00ff  A label with words\n")
    assert (known.phash, known.label) == ("00ff00ff00ff00ff", "A label with words")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"fine\n\xff\xfe", "byte 5"),
        (b"x" * 300, "Line 1"),
        (b"\n".join(b"word%d" % number for number in range(ENTRIES_MAX + 1)), "entries"),
        (b"a" * (4 * 1024 * 1024 + 1), "bytes"),
    ],
)
def test_a_list_that_cannot_be_used_says_where(content: bytes, place: str) -> None:
    with pytest.raises(ListNotUsable, match=place):
        words_from(content)


@pytest.mark.parametrize("line", [b"123 label", b"00ff00ff00ff00ff", b"zzff00ff00ff00ff label"])
def test_a_picture_without_hash_or_label_is_named_by_its_line(line: bytes) -> None:
    with pytest.raises(ListNotUsable, match="Line 2"):
        pictures_from(b"# pictures\n" + line)


def test_without_settings_the_shipped_lists_count() -> None:
    assert lists_of(Clock()).current() == shipped_lists()


def test_a_changed_list_counts_after_the_next_look(tmp_path: Path) -> None:
    file, clock = tmp_path / "words.txt", Clock()
    file.write_text("first")
    lists = lists_of(clock, words=file)
    assert lists.current().prohibited_words == {"first"}

    file.write_text("second one\n")
    assert lists.current().prohibited_words == {"first"}
    clock.now = LOOK_SECONDS

    assert lists.current().prohibited_words == {"second one"}


def test_a_list_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    file, clock = tmp_path / "words.txt", Clock()
    file.write_text("first")
    lists = lists_of(clock, words=file)
    before = lists.current().prohibited_words
    clock.now = LOOK_SECONDS

    assert lists.current().prohibited_words is before


def test_a_list_that_breaks_later_leaves_the_last_good_one(tmp_path: Path) -> None:
    file, clock = tmp_path / "pictures.txt", Clock()
    file.write_text("00ff00ff00ff00ff known")
    lists = lists_of(clock, pictures=file)
    assert len(lists.current().known_pictures) == 1

    file.write_text("nonsense")
    clock.now = LOOK_SECONDS
    assert len(lists.current().known_pictures) == 1
    file.unlink()
    clock.now = 2 * LOOK_SECONDS

    assert len(lists.current().known_pictures) == 1


def test_a_list_that_was_never_good_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ListNotUsable, match="PROHIBITED_WORDS"):
        lists_of(Clock(), words=tmp_path / "missing.txt").current()

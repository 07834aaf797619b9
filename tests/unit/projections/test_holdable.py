"""Rows that PostgreSQL would refuse for a NUL: what is written in its place, and what stays as it is."""

import pytest

from projections.holdable import holdable
from projections.model import Change, Row, Table

TABLE = Table(name="orders", columns=("order_id", "title", "lines"), key=("order_id",))


def written(*row: object) -> Row:
    (held,) = holdable(Change(table="orders", rows=[row]), TABLE, {"lines"}).rows
    return held


def test_a_nul_becomes_the_sign_for_a_character_that_cannot_be_shown() -> None:
    assert written("1", "A\x00B", '[{"title":"Mug\\u0000"}]') == ("1", "A\ufffdB", '[{"title":"Mug\ufffd"}]')


@pytest.mark.parametrize(
    ("json", "held"),
    [
        (r'"\u0000\u0000"', '"\ufffd\ufffd"'),
        # A backslash, and letters that only look like the escape.
        (r'"\\u0000"', r'"\\u0000"'),
        (r'"\\\u0000"', '"\\\\\ufffd"'),
        (r'"\u00001"', '"\ufffd1"'),
    ],
)
def test_in_json_only_what_means_nul_is_replaced(json: str, held: str) -> None:
    assert written("1", r"\u0000", json) == ("1", r"\u0000", held)


def test_what_is_no_text_stays_as_it_is_and_lists_are_looked_into() -> None:
    assert written(7, None, b"\x00") == (7, None, b"\x00")
    assert written(["a\x00", "b"], 1.5, None) == (["a\ufffd", "b"], 1.5, None)


def test_keys_of_rows_that_go_are_those_that_were_written() -> None:
    change = Change(table="orders", removals=[("A\x00",)])
    assert holdable(change, TABLE, ()).removals == [("A\ufffd",)]

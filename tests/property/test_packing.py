"""Packing a press's sheets: nothing overlaps, all lies inside, every piece stands once, the same each time."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.batching.packing import Piece, PieceTooLarge, Placed, Room, pack

ROOMS = st.builds(
    Room,
    width_um=st.integers(300_000, 1_000_000),
    height_um=st.integers(300_000, 1_000_000),
    margin_um=st.integers(8_000, 20_000),
    gutter_um=st.integers(4_000, 10_000),
)
SIZES = st.integers(1, 200_000)


@st.composite
def some_pieces(draw: st.DrawFn) -> list[Piece]:
    sizes = draw(st.lists(st.tuples(st.integers(0, 5), SIZES, SIZES), max_size=40))
    return [
        Piece(key=(f"order-{order}", "1", 1, unit, "front"), width_um=width, height_um=height)
        for unit, (order, width, height) in enumerate(sizes, 1)
    ]


@given(some_pieces(), ROOMS)
def test_every_piece_stands_exactly_once_at_its_own_size(pieces: list[Piece], room: Room) -> None:
    placed = {one.key: one for sheet in pack(pieces, room) for one in sheet}
    assert sum(len(sheet) for sheet in pack(pieces, room)) == len(pieces)
    for piece in pieces:
        one = placed[piece.key]
        size = (one.height_um, one.width_um) if one.turned else (one.width_um, one.height_um)
        assert size == (piece.width_um, piece.height_um)


@given(some_pieces(), ROOMS)
def test_nothing_overlaps_and_all_lies_inside_with_its_gutter(pieces: list[Piece], room: Room) -> None:
    for sheet in pack(pieces, room):
        for number, one in enumerate(sheet):
            left, bottom, right, top = _with_gutter(one, room)
            assert min(left, bottom) >= room.margin_um
            assert right <= room.width_um - room.margin_um
            assert top <= room.height_um - room.margin_um
            for other in sheet[number + 1 :]:
                other_left, other_bottom, other_right, other_top = _with_gutter(other, room)
                assert right <= other_left or other_right <= left or top <= other_bottom or other_top <= bottom


@given(some_pieces(), ROOMS, st.randoms(use_true_random=False))
def test_the_order_in_which_pieces_come_does_not_matter(pieces: list[Piece], room: Room, random: Random) -> None:
    shuffled = list(pieces)
    random.shuffle(shuffled)
    assert pack(shuffled, room) == pack(pieces, room)


def test_a_piece_that_fits_only_when_it_lies_is_turned() -> None:
    room = Room(width_um=420_000, height_um=297_000, margin_um=8_000, gutter_um=4_000)
    ((one,),) = pack([Piece(key=("a", "1", 1, 1, "front"), width_um=200_000, height_um=380_000)], room)
    assert one.turned
    assert (one.width_um, one.height_um) == (380_000, 200_000)


def test_a_piece_that_fits_no_way_is_refused() -> None:
    room = Room(width_um=420_000, height_um=297_000, margin_um=8_000, gutter_um=4_000)
    with pytest.raises(PieceTooLarge):
        pack([Piece(key=("a", "1", 1, 1, "front"), width_um=300_000, height_um=380_000)], room)


def _with_gutter(one: Placed, room: Room) -> tuple[int, int, int, int]:
    gutter = room.gutter_um
    return (
        one.x_um - gutter,
        one.y_um - gutter,
        one.x_um + one.width_um + gutter,
        one.y_um + one.height_um + gutter,
    )

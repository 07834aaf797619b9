"""Placement holds for every picture, box, fit and rotation."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from processors.artwork.placement import Placement, place, split_rotation
from processors.artwork.template import Box, Fit, Horizontal, ImageLayer, PrintArea, Vertical

SIDES = st.integers(1, 4000)
ALIGNS: st.SearchStrategy[Horizontal] = st.sampled_from(["left", "centre", "right"])
VERTICALS: st.SearchStrategy[Vertical] = st.sampled_from(["top", "middle", "bottom"])
FITS: st.SearchStrategy[Fit] = st.sampled_from(["fill", "fit", "stretch"])


Case: TypeAlias = tuple[Placement, int, int, ImageLayer, PrintArea]


def area_of(width_px: int, height_px: int, layer: ImageLayer) -> PrintArea:
    # At 254 DPI one pixel is 100 µm, so that boxes fall onto whole pixels.
    return PrintArea(
        name="front",
        width_um=width_px * 100,
        height_um=height_px * 100,
        width_px=width_px,
        height_px=height_px,
        dpi=254,
        layers=(layer,),
    )


@st.composite
def cases(draw: st.DrawFn, fits: st.SearchStrategy[Fit] = FITS, free: bool = True) -> Case:
    width, height = draw(st.integers(10, 3000)), draw(st.integers(10, 3000))
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    box = Box(
        x_um=x * 100,
        y_um=y * 100,
        width_um=draw(st.integers(1, width - x)) * 100,
        height_um=draw(st.integers(1, height - y)) * 100,
    )
    fit = draw(fits)
    quarters = st.sampled_from([0.0, 90.0, 180.0, 270.0, -90.0, 360.0])
    rotation = draw(st.floats(-360, 360, allow_nan=False) if free and fit != "stretch" else quarters)
    layer = ImageLayer(
        name="picture", box=box, fit=fit, rotation_degrees=rotation, align=draw(ALIGNS), vertical_align=draw(VERTICALS)
    )
    source_width, source_height = draw(SIDES), draw(SIDES)
    area = area_of(width, height, layer)
    return place(source_width, source_height, layer, area), source_width, source_height, layer, area


@given(cases())
def test_nothing_lies_outside_the_layers_box_and_so_outside_the_area(
    case: Case,
) -> None:
    placement, _, _, layer, area = case
    left, top, right, bottom = placement.canvas_box
    box_left, box_top, box_right, box_bottom = area.box_px(layer.box)
    assert box_left <= left < right <= box_right
    assert box_top <= top < bottom <= box_bottom


@given(cases())
def test_the_crop_lies_within_the_turned_source(case: Case) -> None:
    placement, width, height, _, _ = case
    if placement.quarter_turns % 2:
        width, height = height, width
    left, top, right, bottom = placement.crop
    assert 0 <= left < right <= width + 1e-6
    assert 0 <= top < bottom <= height + 1e-6


@given(cases(fits=st.just("fill"), free=False))
def test_fill_covers_the_whole_box_and_keeps_the_shape(
    case: Case,
) -> None:
    placement, _, _, layer, area = case
    assert placement.canvas_box == area.box_px(layer.box)
    left, top, right, bottom = placement.crop
    across, down = (right - left) / placement.width_px, (bottom - top) / placement.height_px
    assert abs(across / down - 1) < 1e-6


@given(cases(fits=st.just("fit"), free=False))
def test_fit_shows_the_whole_picture_and_touches_two_sides(
    case: Case,
) -> None:
    placement, width, height, layer, area = case
    if placement.quarter_turns % 2:
        width, height = height, width
    left, top, right, bottom = area.box_px(layer.box)
    assert placement.crop == (0.0, 0.0, float(width), float(height))
    assert placement.width_px == right - left or placement.height_px == bottom - top
    # The shape is kept to within the rounding to whole pixels.
    exact = min((right - left) / width, (bottom - top) / height)
    assert abs(placement.width_px - max(1, width * exact)) <= 0.5 + 1e-6
    assert abs(placement.height_px - max(1, height * exact)) <= 0.5 + 1e-6


@given(cases(fits=st.just("stretch")))
def test_stretch_takes_the_whole_picture_into_the_whole_box(
    case: Case,
) -> None:
    placement, _, _, layer, area = case
    assert placement.canvas_box == area.box_px(layer.box)


@given(st.floats(-360, 360, allow_nan=False))
def test_a_rotation_is_quarter_turns_and_a_rest_of_at_most_half_a_quarter(degrees: float) -> None:
    turns, rest = split_rotation(degrees)
    assert turns in range(4)
    assert -45 <= rest <= 45
    assert abs((turns * 90 + rest - degrees + 180) % 360 - 180) < 1e-6


@given(SIDES, SIDES)
def test_effective_dpi_is_source_pixels_over_printed_inches(width: int, height: int) -> None:
    layer = ImageLayer(name="picture", box=Box(x_um=0, y_um=0, width_um=100_000, height_um=100_000), fit="stretch")
    placement = place(width, height, layer, area_of(1000, 1000, layer))
    inches = 100_000 / 25_400
    assert abs(placement.effective_dpi(254) - min(width, height) / inches) < 1e-6

"""Whatever a valid template and a buyer put together: what is printed lies where the template allows it."""

from __future__ import annotations

import hashlib
from typing import Any, get_args

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from processors.artwork.compose import Ingredients, compose
from processors.artwork.template import (
    UM_PER_INCH,
    ArtLayer,
    Blend,
    Box,
    Fit,
    Horizontal,
    ImageLayer,
    PrintArea,
    Product,
    ShapeLayer,
    Template,
    TemplateInvalid,
    TextLayer,
    TextLimits,
    Vertical,
    validate,
)
from processors.artwork.textlayout import clean

ASSET = hashlib.sha256(b"the template's own art").hexdigest()
SIDES = st.integers(1, 90)
ROTATIONS = st.one_of(
    st.sampled_from([0.0, 90.0, -90.0, 180.0, 270.0, 360.0, 45.0, 135.0]), st.floats(-360, 360, allow_nan=False)
)
LOOKS: dict[str, st.SearchStrategy[Any]] = {
    "align": st.sampled_from(get_args(Horizontal)),
    "vertical_align": st.sampled_from(get_args(Vertical)),
    "blend": st.sampled_from(get_args(Blend)),
    "opacity_percent": st.integers(1, 100),
}
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs", "M", "Sc")), min_size=1, max_size=24)
Area = tuple[PrintArea, tuple[int, int, int, int]]


@st.composite
def areas(draw: st.DrawFn, layer_of: Any) -> Area:
    """A valid area in odd measures with one layer, and the layer's box in pixels, cut to the canvas."""
    dpi, bleed = draw(st.integers(72, 300)), draw(st.sampled_from([0, 0, 777]))
    width_um, height_um = draw(st.integers(2_000, 30_000)), draw(st.integers(2_000, 30_000))
    left, top = draw(st.integers(-bleed, width_um - 500)), draw(st.integers(-bleed, height_um - 500))
    box = Box(
        x_um=left,
        y_um=top,
        width_um=draw(st.integers(400, width_um + bleed - left)),
        height_um=draw(st.integers(400, height_um + bleed - top)),
    )
    area = PrintArea(
        name="front",
        width_um=width_um,
        height_um=height_um,
        width_px=round((width_um + 2 * bleed) * dpi / UM_PER_INCH),
        height_px=round((height_um + 2 * bleed) * dpi / UM_PER_INCH),
        dpi=dpi,
        bleed_um=bleed,
        layers=(draw(layer_of(box)),),
    )
    try:
        validate(Template(template_id="any", version=1, product=Product(name="any", kind="flat"), areas=(area,)))
    except TemplateInvalid:
        assume(False)
    left_px, top_px, right_px, bottom_px = area.box_px(box)
    return area, (max(0, left_px), max(0, top_px), min(right_px, area.width_px), min(bottom_px, area.height_px))


def pictures_in(box: Box, fits: tuple[str, ...] = get_args(Fit)) -> st.SearchStrategy[ImageLayer | ArtLayer]:
    placed = {"box": st.just(box), "fit": st.sampled_from(fits), "rotation_degrees": ROTATIONS, **LOOKS}
    return st.one_of(
        st.builds(ImageLayer, name=st.just("picture"), **placed),
        st.builds(ArtLayer, name=st.just("art"), asset=st.just(ASSET), **placed),
    )


def texts_in(box: Box) -> st.SearchStrategy[TextLayer]:
    families = st.sampled_from([("Noto Sans", "Heebo", "Noto Sans Arabic"), ("Pacifico",), ("Amiri",), ("Lobster",)])
    return st.builds(
        TextLayer,
        name=st.just("text"),
        box=st.just(box),
        fonts=families,
        size_um=st.integers(1_000, 9_000),
        min_size_um=st.just(300),
        line_spacing_percent=st.integers(60, 250),
        rotation_degrees=ROTATIONS,
        limits=st.just(TextLimits(max_characters=60, max_lines=6)),
        **LOOKS,
    )


def coverage(area: PrintArea, **parts: Any) -> NDArray[np.uint8]:
    return compose(Ingredients(**parts), area).sheet.pixels[..., 3]


def without(covered: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    outside = covered.copy()
    outside[box[1] : box[3], box[0] : box[2]] = 0
    return outside


@given(areas(pictures_in), SIDES, SIDES, st.sampled_from(["RGB", "RGBA"]))
@settings(max_examples=150, deadline=None)
def test_no_picture_is_printed_outside_its_box(case: Area, width: int, height: int, mode: str) -> None:
    area, box = case
    picture = Image.new(mode, (width, height), "white")
    covered = coverage(area, picture=picture, art={ASSET: picture})
    assert covered.any()
    assert not without(covered, box).any()


@given(areas(lambda box: pictures_in(box, ("fill",))), SIDES, SIDES)
@settings(max_examples=150, deadline=None)
def test_a_filling_picture_covers_its_whole_box_however_it_is_turned(case: Area, width: int, height: int) -> None:
    area, (left, top, right, bottom) = case
    picture = Image.new("RGB", (width, height), "white")
    covered = coverage(area, picture=picture, art={ASSET: picture})[top:bottom, left:right]
    opaque = area.layers[0].opacity_percent * 255 // 100
    # The corner of a turned picture may lie within the outermost pixel, and then covers only a part of it.
    assert (covered[1:-1, 1:-1] >= opaque - 1).all()
    assert covered.min() >= 0.2 * opaque


@given(areas(lambda box: pictures_in(box, ("fit",))), SIDES, SIDES)
@settings(max_examples=150, deadline=None)
def test_a_fitting_picture_is_shown_whole_and_as_large_as_it_can_be(case: Area, width: int, height: int) -> None:
    area, (left, top, right, bottom) = case
    picture = Image.new("RGB", (width, height), "white")
    covered = coverage(area, picture=picture, art={ASSET: picture})
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    room = (right - left - (columns[-1] + 1 - columns[0]), bottom - top - (rows[-1] + 1 - rows[0]))
    # It leaves room at two sides only; a turned one may lose two pixels to rounding on its way, and where it is faint
    # also the rim that it covers only in part.
    assert min(room) <= (0 if area.layers[0].rotation_degrees % 90 == 0 else 5)


@given(areas(texts_in), WORDS)
@settings(max_examples=150, deadline=None)
def test_no_ink_of_a_text_leaves_its_box(case: Area, words: str) -> None:
    area, box = case
    covered = coverage(area, text=words)
    assert not without(covered, box).any()


@given(areas(texts_in), WORDS, ROTATIONS, SIDES, SIDES)
@settings(max_examples=60, deadline=None)
def test_layers_together_print_nothing_that_no_layer_prints_alone(
    case: Area, words: str, degrees: float, width: int, height: int
) -> None:
    area, _ = case
    layer = area.layers[0]
    assert isinstance(layer, TextLayer)
    shape = ShapeLayer(name="shape", box=layer.box, shape="ellipse", colour="#336699", rotation_degrees=degrees)
    image = ImageLayer(name="picture", box=layer.box, rotation_degrees=degrees)
    picture = Image.new("RGB", (width, height), "white")
    alone = [
        coverage(_with(area, one), picture=picture, text=words if clean(words) else None) > 0
        for one in (shape, image, layer)
    ]
    together = coverage(_with(area, shape, image, layer), picture=picture, text=words) > 0
    assert np.array_equal(together, alone[0] | alone[1] | alone[2])


def _with(area: PrintArea, *layers: Any) -> PrintArea:
    return PrintArea(
        name=area.name,
        width_um=area.width_um,
        height_um=area.height_um,
        width_px=area.width_px,
        height_px=area.height_px,
        dpi=area.dpi,
        bleed_um=area.bleed_um,
        layers=layers,
    )

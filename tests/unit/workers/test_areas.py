"""Which print areas of a line are worked on, and under which name what a buyer gave was sealed."""

from __future__ import annotations

import msgspec
import pytest

from events.order.values import AreaContent, CropBox
from processors.artwork.placement import Crop
from processors.artwork.template import (
    AreaUnknown,
    Box,
    ImageLayer,
    Layer,
    PrintArea,
    Product,
    ShapeLayer,
    Template,
    TextLayer,
)
from processors.workers.areas import PrintedArea, crop_of, printed_areas

WHOLE = Box(x_um=0, y_um=0, width_um=20_000, height_um=20_000)
PICTURE = ImageLayer(name="picture", box=WHOLE, required=False)
TEXT = TextLayer(name="text", box=WHOLE)
STRIPE = ShapeLayer(name="stripe", box=WHOLE, shape="rectangle", colour="#ff0000")


def area(name: str, *layers: Layer) -> PrintArea:
    return PrintArea(name=name, width_um=20_000, height_um=20_000, width_px=236, height_px=236, dpi=300, layers=layers)


def template(*areas: PrintArea) -> Template:
    return Template(template_id="tee", version=1, product=Product(name="Tee", kind="tee"), areas=areas)


FRONT, BACK = area("front", PICTURE, TEXT), area("back", TEXT)


def names(found: tuple[PrintedArea, ...]) -> list[str]:
    return [one.name for one in found]


def test_an_area_without_a_name_is_the_templates_first_and_keeps_the_name_under_which_it_was_sealed() -> None:
    content = AreaContent(text=b"sealed")

    (found,) = printed_areas(template(FRONT, BACK), (content,))

    assert found == PrintedArea(name="front", text=content)


def test_areas_come_in_the_templates_order() -> None:
    contents = (AreaContent(area="back", text=b"b"), AreaContent(area="front", text=b"f"))
    assert names(printed_areas(template(FRONT, BACK), contents)) == ["front", "back"]


def test_an_area_that_nobody_gave_anything_for_is_left_out() -> None:
    assert names(printed_areas(template(FRONT, BACK), (AreaContent(area="back", text=b"b"),))) == ["back"]


def test_an_area_that_needs_something_is_looked_at_although_nobody_gave_it() -> None:
    needed = area("back", msgspec.structs.replace(TEXT, required=True))
    assert names(printed_areas(template(FRONT, needed), (AreaContent(text=b"f"),))) == ["front", "back"]


def test_an_area_that_takes_nothing_is_printed_as_the_template_draws_it() -> None:
    drawn = area("sleeve", STRIPE)
    assert names(printed_areas(template(FRONT, drawn), (AreaContent(text=b"f"),))) == ["front", "sleeve"]
    assert names(printed_areas(template(FRONT, drawn), (AreaContent(),))) == ["sleeve"]


def test_a_line_without_anything_is_looked_at_on_its_first_area() -> None:
    assert names(printed_areas(template(FRONT, BACK), (AreaContent(),))) == ["front"]
    assert names(printed_areas(template(FRONT, BACK), ())) == ["front"]


def test_a_buyers_picture_goes_before_the_stores_design() -> None:
    design = AreaContent(area="front", design_key="demo/designs/x")
    bought = AreaContent(artwork_url=b"sealed")

    (found,) = printed_areas(template(FRONT), (design, bought))

    assert found.picture == bought


def test_an_area_that_the_template_does_not_have_is_an_error() -> None:
    with pytest.raises(AreaUnknown, match="front"):
        printed_areas(template(FRONT), (AreaContent(area="hood", text=b"x"),))


def test_a_buyers_crop_belongs_to_the_picture_that_is_printed() -> None:
    chosen = CropBox(x_permille=100, y_permille=200, width_permille=300, height_permille=400)
    bought = AreaContent(artwork_url=b"sealed", crop=chosen)

    (found,) = printed_areas(template(FRONT), (AreaContent(area="front", design_key="demo/designs/x"), bought))

    assert crop_of(found) == Crop(x_permille=100, y_permille=200, width_permille=300, height_permille=400)
    assert crop_of(PrintedArea(name="front")) is None

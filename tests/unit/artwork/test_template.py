"""Templates: what is shipped is valid, what is invalid says which rule it breaks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from processors.artwork import fonts, templates_folder
from processors.artwork.template import (
    AreaUnknown,
    Box,
    ImageLayer,
    Template,
    TemplateInvalid,
    TextLayer,
    template_from_json,
    template_to_json,
    validate,
)
from tests.unit.artwork.pictures import simple_area, simple_template

SHIPPED = sorted(templates_folder().glob("*.json"))
AREA = simple_area(300, 200)
BOX = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_templates_are_valid_named_by_their_id_and_use_installed_fonts(path: Path) -> None:
    template = template_from_json(path.read_bytes())
    assert template.template_id == path.stem
    for area in template.areas:
        for layer in area.layers:
            if isinstance(layer, TextLayer):
                for family in layer.fonts:
                    assert fonts.code_points(family)


def test_a_template_survives_its_way_through_json(tee: Template) -> None:
    assert template_from_json(template_to_json(tee)) == tee


def changed(area_changes: dict[str, object], layer_changes: dict[str, object] | None = None) -> Template:
    layer: ImageLayer | TextLayer = ImageLayer(name="picture", box=BOX)
    if layer_changes is not None:
        kind = "text" if layer_changes.keys() & {"colour", "min_size_um"} else "image"
        whole = {"type": kind, "name": "picture", "box": BOX} | layer_changes
        layer = msgspec.convert(whole, ImageLayer | TextLayer)
    area = msgspec.structs.replace(AREA, layers=(layer,))
    return simple_template(msgspec.structs.replace(area, **area_changes))


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        (changed({"name": "Front Side"}), "a-z"),
        (changed({"width_px": 305}), "width_px is 305"),
        (changed({"bleed_um": 1000}), "bleed"),
        (changed({"dpi": 30}), "dpi"),
        (changed({"safe_inset_um": 20_000}), "safe_inset_um"),
        (changed({"dpi_block": 400}), "dpi_block"),
        (changed({"layers": ()}), "layers"),
        (changed({"layers": (AREA.layers[0], AREA.layers[0])}), "name of its own"),
        (changed({}, {"box": Box(x_um=0, y_um=0, width_um=40_000, height_um=1_000)}), "beyond the area"),
        (changed({}, {"box": Box(x_um=0, y_um=0, width_um=10, height_um=10)}), "smaller than one pixel"),
        (changed({}, {"rotation_degrees": 400.0}), "rotation_degrees"),
        (changed({}, {"rotation_degrees": 30.0, "fit": "stretch"}), "quarters"),
        (changed({}, {"colour": "red"}), "#rrggbb"),
        (changed({}, {"min_size_um": 50_000}), "min_size_um"),
    ],
)
def test_an_invalid_template_names_the_rule_that_it_breaks(template: Template, rule: str) -> None:
    with pytest.raises(TemplateInvalid, match=rule):
        validate(template)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"template_id": 7}', b"\xff\xfe", b'{"unknown": 1}'])
def test_what_is_not_a_template_is_refused(document: bytes) -> None:
    with pytest.raises(TemplateInvalid):
        template_from_json(document)


def test_areas_are_found_by_name_and_the_first_is_the_default(tee: Template) -> None:
    assert tee.area() is tee.areas[0]
    assert tee.area("front") is tee.areas[0]
    with pytest.raises(AreaUnknown, match="Use one of: front"):
        tee.area("back")


def test_bleed_moves_the_trimmed_area_inside_the_canvas(poster: Template) -> None:
    area = poster.area()
    left, top, right, bottom = area.trim_px()
    assert (left, top) == (35, 35)
    assert (area.width_px - right, area.height_px - bottom) == (35, 35)
    safe = area.safe_px()
    assert left < safe[0]
    assert safe[2] < right

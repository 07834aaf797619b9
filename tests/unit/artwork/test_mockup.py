"""Mock-ups: prints bent, shaded and clipped as plain arithmetic says; colours of the blank."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from processors.artwork import templates_folder
from processors.artwork.drawing import Rgb, rgb
from processors.artwork.mockup import mockup_picture, scene_of
from processors.artwork.mockup_scene import Scene
from processors.artwork.render import render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import (
    Box,
    ImageLayer,
    PrintArea,
    Product,
    Template,
    template_from_json,
)
from tests.unit.artwork.pictures import encoded, noisy

KINDS = ("tee", "mug", "poster", "flat")
SIZES_UM = {
    "tee": (300_000, 400_000),
    "mug": (230_000, 90_000),
    "poster": (300_000, 400_000),
    "flat": (300_000, 200_000),
}


def area_of(kind: str, name: str = "front", **more: Any) -> PrintArea:
    width_um, height_um = SIZES_UM[kind]
    whole = Box(x_um=0, y_um=0, width_um=width_um, height_um=height_um)
    dpi = 72
    return PrintArea(
        name=name,
        width_um=width_um,
        height_um=height_um,
        width_px=round((width_um + 2 * more.get("bleed_um", 0)) * dpi / 25_400),
        height_px=round((height_um + 2 * more.get("bleed_um", 0)) * dpi / 25_400),
        dpi=dpi,
        layers=(ImageLayer(name="picture", box=whole),),
        **more,
    )


def template_of(kind: Any, colour: str = "#ffffff", area: PrintArea | None = None, **product: Any) -> Template:
    return Template(
        template_id="test",
        version=1,
        product=Product(name="x", kind=kind, colour=colour, **product),
        areas=(area or area_of(kind),),
    )


def scene(kind: str, side_px: int = 400, colour: str = "#3060c0", area: str = "front") -> Scene:
    template = template_of(kind, colour, area_of(kind, area))
    return scene_of(template, template.area(), side_px, {})


def array(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture, np.float64)


def laid_on_by_hand(scene: Scene, printed: Image.Image) -> NDArray[np.float64]:
    """The same picture pixel by pixel, with nothing but the surface's own definition."""
    shown = scene.blank.astype(np.float64)
    ink = np.asarray(printed, np.float64) / 255
    height, width = ink.shape[:2]
    surface = scene.surface
    rows, columns = surface.across.shape
    for row in range(0, rows, 3):
        for column in range(0, columns, 3):
            x = float(surface.across[row, column]) * width - 0.5
            y = float(surface.down[row, column]) * height - 0.5
            colour, alpha = np.zeros(3), 0.0
            for near_x in (math.floor(x), math.floor(x) + 1):
                for near_y in (math.floor(y), math.floor(y) + 1):
                    if 0 <= near_x < width and 0 <= near_y < height:
                        share = (1 - abs(x - near_x)) * (1 - abs(y - near_y))
                        alpha += share * ink[near_y, near_x, 3]
                        colour = colour + share * ink[near_y, near_x, 3] * ink[near_y, near_x, :3]
            cover = float(surface.cover[row, column])
            place = (row + surface.top_px, column + surface.left_px)
            seen = shown[place] * (1 - alpha * cover) + 255 * colour * cover * float(surface.light[row, column])
            shown[place] = np.minimum(255, seen + 255 * float(surface.gloss[row, column]) * alpha * cover)
    return shown


@pytest.mark.parametrize("kind", KINDS)
def test_a_print_is_laid_on_as_plain_arithmetic_says(kind: str) -> None:
    blank = scene(kind)
    printed = noisy(blank.print_width_px, blank.print_height_px, "RGBA", seed=7)
    surface = blank.surface
    window = np.s_[surface.top_px :: 3, surface.left_px :: 3]
    rows, columns = surface.across[::3, ::3].shape
    seen = array(blank.lay_on(printed))[window][:rows, :columns]
    expected = laid_on_by_hand(blank, printed)[window][:rows, :columns]
    # Sixteenths of a pixel and bytes instead of fractions are all that may differ.
    assert np.abs(seen - expected).mean() < 1.5
    assert np.abs(seen - expected).max() < 16


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side_px", [64, 301, 1600])
def test_every_kind_can_be_drawn_in_every_size(kind: str, side_px: int) -> None:
    printed = Image.new("RGBA", (90, 90), (200, 30, 30, 255))
    picture = scene(kind, side_px).lay_on(printed)
    assert picture.size == (side_px, side_px)
    # The same scene, only larger: small pictures are not drawn by other rules.
    alike = array(scene(kind, 400).lay_on(printed).resize((32, 32), Image.Resampling.BOX))
    assert np.abs(array(picture.resize((32, 32), Image.Resampling.BOX)) - alike).mean() < 6


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_print_the_blank_is_untouched_and_beyond_the_print_it_stays_so(kind: str) -> None:
    blank = scene(kind)
    nothing = Image.new("RGBA", (50, 50), (255, 0, 0, 0))
    assert np.array_equal(np.asarray(blank.lay_on(nothing)), blank.blank)
    full = np.asarray(blank.lay_on(Image.new("RGBA", (50, 50), (255, 0, 0, 255))))
    changed = (full != blank.blank).any(axis=2)
    outside = changed.copy()
    surface = blank.surface
    rows, columns = surface.across.shape
    outside[surface.top_px : surface.top_px + rows, surface.left_px : surface.left_px + columns] = False
    assert changed.mean() > 0.05
    assert not outside.any()


def test_nothing_is_printed_beyond_the_edge_of_the_product() -> None:
    # Given a print for a sleeve that is far too large,
    area = msgspec.structs.replace(area_of("tee", "left-sleeve"), width_um=400_000, height_um=500_000)
    template = template_of("tee", "#ffffff", area)
    sleeve = scene_of(template, area, 500, {})
    seen = array(sleeve.lay_on(Image.new("RGBA", (50, 60), (255, 0, 0, 255))))
    red = seen[..., 0] - seen[..., 1] > 60
    # then it is shrunk into its room and the table around the shirt stays grey.
    assert red.any()
    assert not red[:, :300].any()
    rows, columns = np.nonzero(red)
    assert np.ptp(rows) < 120
    assert np.ptp(columns) < 100
    cover = sleeve.surface.cover
    beyond = cover == 0
    window = red[sleeve.surface.top_px :, sleeve.surface.left_px :][: cover.shape[0], : cover.shape[1]]
    assert not window[beyond].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", ["#ffffff", "#17181a", "#b3282d", "#2c4a7a", "#f2d544"])
def test_the_blank_has_the_products_colour_in_light_and_shade(kind: str, colour: str) -> None:
    blank = scene(kind, 300, colour)
    surface = blank.surface
    rows, columns = surface.across.shape
    window = blank.blank[surface.top_px : surface.top_px + rows, surface.left_px : surface.left_px + columns]
    inside = window[(surface.cover > 0.9) & (surface.across > 0.1) & (surface.across < 0.9)].astype(float)
    wanted = np.array(rgb(colour), float)
    # Light changes brightness and a little white gloss lies on dark things; the hue is the product's.
    assert np.abs(np.median(inside, axis=0) - wanted).max() < 48
    middle = np.median(inside, axis=0)
    if max(rgb(colour)) - min(rgb(colour)) > 60:
        assert list(np.argsort(middle)) == list(np.argsort(wanted))


def test_a_shirt_has_folds_that_shade_the_print_and_move_it() -> None:
    shirt = scene("tee", 1000, "#ffffff")
    light = shirt.surface.light[100:-100, 30:-30]
    assert light.max() - light.min() > 0.12
    across = shirt.surface.across * shirt.print_width_px
    straight = np.median(across, axis=0)
    moved = np.abs(across - straight)[60:-60]
    assert 0.8 < moved.max() < 12
    assert moved.mean() < 2


def test_prints_are_shown_at_their_size_on_a_shirt() -> None:
    def width_of(width_um: int) -> int:
        area = msgspec.structs.replace(area_of("tee"), width_um=width_um, height_um=width_um)
        return scene_of(template_of("tee", area=area), area, 1000, {}).print_width_px

    assert width_of(200_000) == pytest.approx(2 * width_of(100_000), abs=2)
    # A shirt of 52 cm is 472 units wide.
    assert width_of(260_000) == pytest.approx(472 / 2, rel=0.03)
    assert width_of(2_000_000) < 472


def test_the_back_is_seen_from_behind_and_sleeves_are_where_they_are_worn() -> None:
    front, back = (scene("tee", 300, "#ffffff", area).blank.astype(int) for area in ("front", "back"))
    differs = np.abs(front - back).max(axis=2) > 25
    # The neck opening is dark in front; from behind there is cloth.
    assert differs[38:55, 135:165].mean() > 0.6
    left, right = (scene("tee", 300, "#ffffff", area).surface for area in ("left-sleeve", "right-sleeve"))
    assert left.left_px > 150 > right.left_px + right.across.shape[1]


def test_a_mugs_print_goes_around_it_as_the_sine_says() -> None:
    mug = scene("mug", 1000, "#ffffff")
    # Given lines on the print at known angles from its middle,
    width = mug.print_width_px
    printed = Image.new("RGBA", (width, 200))
    draw = ImageDraw.Draw(printed)
    radius_um = 41_000
    angles = (-60, -30, 0, 30, 60)
    for angle in angles:
        x = width / 2 + math.radians(angle) * radius_um / 230_000 * width
        draw.rectangle((x - 3, 0, x + 3, 199), fill=(255, 0, 0, 255))
    seen = array(mug.lay_on(printed))
    # then each is seen where a cylinder of that radius shows it.
    surface = mug.surface
    middle = surface.left_px + surface.across.shape[1] / 2
    half = surface.across.shape[1] / 2
    row = surface.top_px + surface.across.shape[0] // 2
    red = seen[row, :, 0] - seen[row, :, 1]
    for angle in angles:
        expected = middle + half * math.sin(math.radians(angle))
        span = slice(int(expected) - 25, int(expected) + 26)
        weights = np.clip(red[span], 0, None)
        found = float((weights * (np.arange(span.start, span.stop) + 0.5)).sum() / weights.sum())
        assert found == pytest.approx(expected, abs=2)


def test_a_level_line_on_a_mug_hangs_lower_in_its_middle() -> None:
    mug = scene("mug", 600, "#ffffff")
    printed = Image.new("RGBA", (mug.print_width_px, mug.print_height_px))
    y = mug.print_height_px // 2
    ImageDraw.Draw(printed).rectangle((0, y - 3, mug.print_width_px, y + 3), fill=(0, 0, 0, 255))
    darkest = array(mug.lay_on(printed)).sum(axis=2)
    surface = mug.surface
    left = surface.left_px + 30
    middle = surface.left_px + surface.across.shape[1] // 2
    rows = slice(surface.top_px + 40, surface.top_px + surface.across.shape[0] - 60)
    assert darkest[rows, middle].argmin() > darkest[rows, left].argmin() + 8


def test_the_bleed_is_cut_off() -> None:
    area = area_of("poster", bleed_um=20_000)
    canvas = Image.new("RGBA", (area.width_px, area.height_px), (255, 0, 0, 255))
    left, top, right, bottom = area.trim_px()
    ImageDraw.Draw(canvas).rectangle((left, top, right, bottom), fill=(0, 120, 0, 255))
    seen = array(mockup_picture(canvas, template_of("poster", area=area), area, 400, {}))
    assert not ((seen[..., 0] > 180) & (seen[..., 1] < 60)).any()
    assert ((seen[..., 1] > 80) & (seen[..., 0] < 60)).mean() > 0.2


@pytest.mark.parametrize("name", ["tee-black", "mug-11oz-white", "poster-30x40"])
def test_mock_ups_have_the_same_bytes_in_every_process(name: str) -> None:
    template = template_from_json((Path(templates_folder()) / f"{name}.json").read_bytes())
    source = encoded(noisy(800, 800))
    seen = set()
    for _ in range(2):
        with SandboxPool(1) as pool:
            seen.add(render_line(pool, source, "Zoë", template).mockup_webp)
    assert len(seen) == 1


def test_remembered_scenes_do_not_mix_colours_sizes_or_prints() -> None:
    colours: list[Rgb] = []
    for colour in ("#b3282d", "#2c4a7a", "#b3282d"):
        middle = scene("tee", 200, colour).blank[150, 100]
        colours.append((int(middle[0]), int(middle[1]), int(middle[2])))
    assert colours[0] == colours[2] != colours[1]
    assert scene("mug", 200).blank.shape != scene("mug", 220).blank.shape

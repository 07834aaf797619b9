"""Checks of the finished look: strokes, edges, contrast, lists, background. Each with a case that just does not."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw

from processors.artwork.background import SPREAD_SAFE, border_spread, connected_to_border
from processors.artwork.checks import check_artwork
from processors.artwork.lists import (
    CheckLists,
    KnownPicture,
    count_prohibited,
    distance_bits,
    fold,
    perceptual_hash,
    shipped_lists,
)
from processors.artwork.placement import Crop
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Box, ImageLayer, ShapeLayer, TextLayer, TextLimits
from tests.unit.artwork.pictures import encoded, noisy, simple_area, simple_template

WHOLE = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)
PICTURE = ImageLayer(name="picture", box=WHOLE)


def codes(
    pool: SandboxPool,
    original: bytes | None,
    text: str | None,
    *layers: Any,
    colour: str = "#ffffff",
    lists: CheckLists | None = None,
    crop: Crop | None = None,
    **area: Any,
) -> list[str]:
    area.setdefault("dpi_warn", 150)
    template = simple_template(simple_area(300, 200, *layers, **area), colour)
    result = check_artwork(pool, original, text, template, lists=lists, crop=crop)
    return [found.code for found in result.findings]


def lines_of(thickness: int) -> bytes:
    image = Image.new("RGBA", (300, 200))
    draw = ImageDraw.Draw(image)
    for y in range(20, 180, 20):
        draw.rectangle((20, y, 279, y + thickness - 1), fill="black")
    return encoded(image)


def test_lines_that_the_press_may_lose_are_told(pool: SandboxPool) -> None:
    # One pixel is 0.1 mm; the limit of 0.353 mm is four pixels.
    assert codes(pool, lines_of(1), None, PICTURE) == ["thin_strokes"]
    assert codes(pool, lines_of(4), None, PICTURE) == []
    assert codes(pool, lines_of(3), None, PICTURE, min_stroke_um=250) == []


def test_round_shapes_and_smooth_edges_are_not_thin_strokes(pool: SandboxPool) -> None:
    disc = Image.new("RGBA", (1200, 800))
    ImageDraw.Draw(disc).ellipse((100, 50, 1100, 750), fill="black")
    assert codes(pool, encoded(disc.reduce(4)), None, PICTURE) == []


BLEED = {"bleed_um": 300, "width_um": 29_400, "height_um": 19_400, "safe_inset_um": 1_000}


def bleed_area_codes(pool: SandboxPool, box: Box) -> list[str]:
    area = simple_area(300, 200, ImageLayer(name="picture", box=box, fit="stretch"), dpi_warn=150)
    template = simple_template(msgspec.structs.replace(area, **BLEED))
    return [found.code for found in check_artwork(pool, encoded(noisy(300, 200)), None, template).findings]


def test_a_print_that_ends_at_the_cut_is_told_and_one_that_fills_the_bleed_is_not(pool: SandboxPool) -> None:
    full = Box(x_um=-300, y_um=-300, width_um=30_000, height_um=20_000)
    to_the_cut = Box(x_um=0, y_um=0, width_um=29_400, height_um=19_400)
    assert bleed_area_codes(pool, full) == []
    assert bleed_area_codes(pool, to_the_cut) == ["bleed_not_filled"]


def test_a_picture_that_ends_next_to_the_edge_is_told(pool: SandboxPool) -> None:
    inside = Box(x_um=1_000, y_um=1_000, width_um=27_400, height_um=17_400)
    too_near = Box(x_um=500, y_um=1_000, width_um=27_900, height_um=17_400)
    assert bleed_area_codes(pool, inside) == []
    assert bleed_area_codes(pool, too_near) == ["close_to_the_edge"]


def text_layer(**options: Any) -> TextLayer:
    defaults: dict[str, Any] = {
        "box": WHOLE,
        "size_um": 4000,
        "min_size_um": 1000,
        "limits": TextLimits(max_characters=80, max_lines=8),
    }
    return TextLayer(name="text", **(defaults | options))


@pytest.mark.parametrize(
    ("text_colour", "product_colour", "expected"),
    [
        ("#000000", "#ffffff", []),
        ("#949494", "#ffffff", []),
        ("#969696", "#ffffff", ["text_hard_to_read"]),
        ("#cfcfcf", "#ffffff", ["text_hard_to_read"]),
        ("#e0e0e0", "#ffffff", ["text_invisible"]),
        ("#000000", "#17181a", ["text_invisible"]),
        ("#ffffff", "#17181a", []),
    ],
)
def test_text_must_stand_out_from_the_product(
    pool: SandboxPool, text_colour: str, product_colour: str, expected: list[str]
) -> None:
    assert codes(pool, None, "Hello", text_layer(colour=text_colour), colour=product_colour) == expected


def test_text_must_stand_out_from_the_picture_behind_it(pool: SandboxPool) -> None:
    dark, light = (encoded(Image.new("RGB", (300, 200), grey)) for grey in ((30, 30, 30), (220, 220, 220)))
    assert codes(pool, dark, "Hello", PICTURE, text_layer()) == ["text_invisible"]
    assert codes(pool, light, "Hello", PICTURE, text_layer()) == []
    # A plate under the text makes it readable on any picture.
    plate = ShapeLayer(name="plate", shape="rectangle", box=WHOLE, colour="#ffffff")
    assert codes(pool, dark, "Hello", PICTURE, plate, text_layer()) == []


def test_letters_below_the_limit_are_told(pool: SandboxPool) -> None:
    assert codes(pool, None, "Hello", text_layer(size_um=2_200)) == []
    assert codes(pool, None, "Hello", text_layer(size_um=1_500)) == ["text_small"]


def test_text_outside_the_safe_area_is_told(pool: SandboxPool) -> None:
    corner = {"align": "left", "vertical_align": "top"}
    assert codes(pool, None, "Hello", text_layer(**corner), safe_inset_um=2_000) == ["text_outside_safe_area"]
    assert codes(pool, None, "Hello", text_layer(), safe_inset_um=2_000) == []


@pytest.mark.parametrize(
    "text",
    [
        "what the fuck", "FUCK", "f u c k", "f.u.c.k", "f-u-c-k!", "ｆｕｃｋ", "fück", "fu\u00adck", "sh1t", "$hit",
        "oh shit!", "(shit)", "sieg heil", "f_u_c_k", "bull-shit",
    ],
)  # fmt: skip
def test_prohibited_words_are_found_in_their_disguises(text: str) -> None:
    assert count_prohibited(text, shipped_lists().prohibited_words) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "Dick Cheney", "Wang", "Hooker", "Gay", "Scunthorpe", "Essex", "Peter Shitake", "Nazir", "Arsenal", "Fukuda",
        "Class of 2026", "A B C", "I ♥ U", "Cockburn", "Assassin", "Titus", "Penistone", "Mr. Butt", "J. F. K.",
    ],
)  # fmt: skip
def test_names_and_innocent_words_are_left_alone(text: str) -> None:
    assert count_prohibited(text, shipped_lists().prohibited_words) == 0


def test_a_prohibited_word_asks_a_person_and_is_not_repeated(pool: SandboxPool) -> None:
    lists = CheckLists(prohibited_words=frozenset({fold("Grue")}))
    template = simple_template(simple_area(300, 200, text_layer()))
    result = check_artwork(pool, None, "the g r u e", template, lists=lists)
    assert (result.verdict, [found.code for found in result.findings]) == ("review", ["text_prohibited_word"])
    assert "grue" not in repr(result).casefold()


def test_a_listed_picture_is_found_after_scaling_and_recompression_but_not_another(pool: SandboxPool) -> None:
    owned = noisy(600, 400, seed=5)
    lists = CheckLists(known_pictures=(KnownPicture(phash=perceptual_hash(owned), label="the test mascot"),))
    again = encoded(owned.resize((450, 300)), "JPEG", quality=60)
    assert codes(pool, again, None, PICTURE, lists=lists) == ["known_picture"]
    assert codes(pool, encoded(noisy(600, 400, seed=6)), None, PICTURE, lists=lists) == []


def test_hash_distances_of_the_same_and_of_other_pictures() -> None:
    one = noisy(300, 300, seed=9)
    assert distance_bits(perceptual_hash(one), perceptual_hash(one.resize((200, 260)))) <= 4
    others = [perceptual_hash(noisy(300, 300, seed=seed)) for seed in range(20, 40)]
    assert min(distance_bits(perceptual_hash(one), other) for other in others) > 8


def subject_on(background: Image.Image) -> Image.Image:
    draw = ImageDraw.Draw(background)
    draw.ellipse((80, 30, 220, 150), fill=(150, 40, 30))
    draw.rectangle((100, 120, 200, 200), fill=(30, 60, 140))
    return background


def gradient() -> Image.Image:
    ramp = np.linspace(120, 250, 300)[None, :, None]
    return Image.fromarray(np.broadcast_to(ramp, (200, 300, 3)).astype(np.uint8).copy())


def test_background_is_cut_away_only_where_the_border_says_that_it_is_safe(pool: SandboxPool) -> None:
    cutting = ImageLayer(name="picture", box=WHOLE, remove_background="when_safe")
    studio = encoded(subject_on(Image.new("RGB", (300, 200), (240, 240, 238))))
    unclear = encoded(subject_on(gradient()))
    already_cut = encoded(noisy(300, 200, "RGBA").resize((300, 200)))
    assert codes(pool, studio, None, cutting) == ["background_removed"]
    assert codes(pool, unclear, None, cutting) == ["background_unclear"]
    assert codes(pool, studio, None, PICTURE) == []
    assert "background_unclear" not in codes(pool, already_cut, None, cutting)


def test_a_noisy_studio_is_safe_and_a_gradient_is_not() -> None:
    random = np.random.default_rng(1)
    noise = np.clip(235 + random.normal(0, 1.5, (200, 300, 3)), 0, 255).astype(np.uint8)
    assert border_spread(subject_on(Image.fromarray(noise))) < SPREAD_SAFE
    assert border_spread(subject_on(gradient())) > SPREAD_SAFE


def test_only_what_touches_the_border_is_background() -> None:
    mask = np.zeros((9, 9), bool)
    mask[0, :] = True
    mask[0:5, 4] = True  # hangs down from the border
    mask[7, 2:6] = True  # an island
    reached = connected_to_border(mask)
    assert reached[4, 4]
    assert not reached[7].any()


def test_a_crop_is_what_counts_for_the_resolution(pool: SandboxPool) -> None:
    half = Crop(x_permille=250, y_permille=250, width_permille=500, height_permille=500)
    original = encoded(noisy(300, 200))
    assert codes(pool, original, None, PICTURE, dpi_warn=254) == []
    assert codes(pool, original, None, PICTURE, dpi_warn=254, crop=half) == ["resolution_too_low"]


def test_a_photograph_on_disk_is_left_as_it_was(pool: SandboxPool) -> None:
    # The check reads; the bytes that are kept and rendered later are the buyer's own.
    original = encoded(noisy(300, 200))
    before = bytes(original)
    codes(pool, original, None, PICTURE)
    assert original == before
    assert Image.open(io.BytesIO(original)).size == (300, 200)

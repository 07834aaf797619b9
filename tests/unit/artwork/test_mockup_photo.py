"""Mock-ups on an operator's photograph: perspective, light, folds, tint, mask, and what of a template is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from processors.artwork.drawing import rgb
from processors.artwork.frames import Refused
from processors.artwork.mockup import draw_mockup, mockup_picture
from processors.artwork.template import (
    ProductPhoto,
    TemplateInvalid,
    template_from_json,
    template_to_json,
    validate,
)
from tests.unit.artwork.pictures import encoded, noisy
from tests.unit.artwork.test_mockup import area_of, array, template_of


def photo(picture: Image.Image, files: dict[str, bytes], **more: Any) -> ProductPhoto:
    content = encoded(picture)
    digest = hashlib.sha256(content).hexdigest()
    files[digest] = content
    return ProductPhoto(asset=digest, **more)


CORNERS = ((100, 60), (340, 90), (320, 300), (80, 280))


def photographed(
    picture: Image.Image, printed: Image.Image, colour: str = "#ffffff", **more: Any
) -> NDArray[np.float64]:
    files: dict[str, bytes] = {}
    if (mask := more.pop("mask", None)) is not None:
        more["mask"] = photo(mask, files, corners=CORNERS).asset
    shot = photo(picture, files, corners=more.pop("corners", CORNERS), **more)
    area = area_of("tee")
    template = template_of("tee", colour, area, photos={"front": shot})
    canvas = printed.resize((area.width_px, area.height_px))
    return array(mockup_picture(canvas, template, area, picture.width, files))


def test_a_print_on_a_photograph_is_in_its_perspective() -> None:
    # Given an evenly lit photograph,
    plain = Image.new("RGB", (400, 360), (255, 255, 255))
    printed = noisy(340, 453, "RGB", seed=3)
    seen = photographed(plain, printed.convert("RGBA"), displacement_permille=0)
    # then the print is where Pillow's own perspective puts it.
    coefficients = []
    values = []
    for (x, y), (u, v) in zip(CORNERS, ((0, 0), (340, 0), (340, 453), (0, 453)), strict=True):
        coefficients += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    solved = tuple(float(value) for value in np.linalg.solve(np.array(coefficients, float), np.array(values, float)))
    expected = array(
        printed.transform((400, 360), Image.Transform.PERSPECTIVE, solved, Image.Resampling.BILINEAR, fillcolor="white")
    )
    inner = Image.new("L", (400, 360))
    ImageDraw.Draw(inner).polygon(CORNERS, fill=255)
    inside = array(inner.filter(ImageFilter.MinFilter(5))) == 255
    assert np.abs(seen - expected)[inside].mean() < 3
    outside = np.abs(seen - 255).max(axis=2) > 8
    assert not outside[array(inner.filter(ImageFilter.MaxFilter(7))) == 0].any()


def test_a_photographs_shadow_darkens_the_print() -> None:
    half = Image.new("RGB", (400, 360), (240, 240, 240))
    ImageDraw.Draw(half).rectangle((0, 0, 200, 360), fill=(120, 120, 120))
    seen = photographed(half, Image.new("RGBA", (30, 40), (200, 100, 50, 255)), displacement_permille=0)
    assert seen[180, 260] == pytest.approx((200, 100, 50), abs=6)
    assert seen[180, 150] == pytest.approx((100, 50, 25), abs=6)


def test_a_fold_in_a_photograph_moves_the_print() -> None:
    def shot(displacement_permille: int) -> NDArray[np.float64]:
        x = np.arange(400)
        ridge = 200 + 50 * np.exp(-(((x - 210) / 9) ** 2))
        cloth = Image.fromarray(np.broadcast_to(ridge[None, :, None], (360, 400, 3)).astype(np.uint8))
        return photographed(cloth, noisy(300, 400, "RGBA"), displacement_permille=displacement_permille)

    still, moved = shot(0), shot(40)
    difference = np.abs(still - moved).mean(axis=2)
    assert difference[120:260, 195:225].mean() > 4 * difference[120:260, 110:150].mean()


def test_a_photographed_blank_takes_on_each_colour_within_its_mask() -> None:
    grey = Image.new("RGB", (400, 360), (230, 230, 230))
    mask = Image.new("L", (400, 360))
    ImageDraw.Draw(mask).rectangle((200, 0, 399, 359), fill=255)
    for colour in ("#b3282d", "#17181a", "#9cc8e8"):
        seen = photographed(grey, Image.new("RGBA", (30, 40), (0, 255, 0, 255)), colour, tint=True, mask=mask)
        assert seen[340, 350] == pytest.approx(np.array(rgb(colour)) * 230 / 255, abs=3)
        assert seen[340, 50] == pytest.approx((230, 230, 230), abs=3)
        # Where the product ends, the print ends.
        assert seen[180, 260, 1] > 200
        assert seen[180, 150] == pytest.approx((230, 230, 230), abs=3)


def test_a_wrapped_photograph_squeezes_the_print_at_its_sides() -> None:
    plain = Image.new("RGB", (400, 360), (255, 255, 255))
    square = ((100, 60), (300, 60), (300, 300), (100, 300))
    stripes = Image.new("RGBA", (850, 1134), (255, 255, 255, 255))
    for x in range(0, 850, 170):
        ImageDraw.Draw(stripes).rectangle((x, 0, x + 84, 1134), fill=(0, 0, 0, 255))
    flat = photographed(plain, stripes, corners=square, displacement_permille=0)[180, 100:300, 0]
    wrapped = photographed(plain, stripes, corners=square, displacement_permille=0, wrap_degrees=160)[180, 100:300, 0]

    def first_stripe(line: NDArray[np.float64]) -> int:
        return int(np.argmax(line > 128))

    assert first_stripe(wrapped) < 0.6 * first_stripe(flat)


def test_a_missing_photograph_is_the_templates_fault() -> None:
    area = area_of("tee")
    shot = ProductPhoto(asset="0" * 64, corners=CORNERS)
    with pytest.raises(Refused, match="missing or was changed"):
        draw_mockup(Image.new("RGBA", (850, 1134)), template_of("tee", "#ffffff", area, photos={"front": shot}), area)


def test_a_photograph_of_an_impossible_shape_is_refused_and_corners_beyond_it_are_not() -> None:
    printed = Image.new("RGBA", (30, 40), (0, 0, 0, 255))
    with pytest.raises(Refused, match="4 times"):
        photographed(Image.new("RGB", (100, 900)), printed)
    beyond = ((900, 900), (1200, 900), (1200, 1300), (900, 1300))
    seen = photographed(Image.new("RGB", (400, 360), (9, 9, 9)), printed, corners=beyond)
    assert seen.shape == (360, 400, 3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"corners": ((0, 0), (0, 10), (10, 10), (10, 0))}, "clockwise"),
        ({"corners": ((0, 0), (10, 0), (2, 2), (0, 10))}, "dents"),
        ({"asset": "abc"}, "SHA-256"),
        ({"mask": "abc"}, "SHA-256"),
        ({"displacement_permille": 51}, "displacement_permille"),
        ({"wrap_degrees": 176}, "wrap_degrees"),
        ({"sag_percent": -1}, "sag_percent"),
    ],
)
def test_a_template_with_an_unusable_photograph_is_refused(change: dict[str, Any], says: str) -> None:
    shot = msgspec.structs.replace(ProductPhoto(asset="0" * 64, corners=CORNERS), **change)
    with pytest.raises(TemplateInvalid, match=says):
        validate(template_of("tee", photos={"front": shot}))


def test_a_template_names_its_photographs_files_and_colours() -> None:
    shot = ProductPhoto(asset="0" * 64, mask="1" * 64, corners=CORNERS)
    template = template_of("tee", photos={"front": shot}, colours={"sky": "#9cc8e8"})
    assert template_from_json(template_to_json(template)) == template
    assert template.assets == {"0" * 64, "1" * 64}
    product = template.product
    assert [product.colour_named(name) for name in ("sky", "#9cc8e8", "#ffffff", "#123456")] == [
        "#9cc8e8",
        "#9cc8e8",
        "#ffffff",
        None,
    ]
    with pytest.raises(TemplateInvalid, match="#rrggbb"):
        validate(template_of("tee", colours={"sky": "blue"}))

"""Every finding has a picture or text that triggers it and one that just does not."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from processors.artwork.checks import check_artwork
from processors.artwork.findings import SEVERITIES, verdict
from processors.artwork.picture import srgb_bytes
from processors.artwork.render import ArtworkNotRenderable, render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import AreaUnknown, Box, ImageLayer, Template, TemplateInvalid, TextLayer, TextLimits
from processors.artwork.textlayout import clean
from tests.unit.artwork.pictures import encoded, noisy, simple_area, simple_template

WHOLE = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)


def codes(pool: SandboxPool, original: bytes | None, text: str | None, *layers: Any, **area: Any) -> list[str]:
    template = simple_template(simple_area(300, 200, *layers, **area))
    return [found.code for found in check_artwork(pool, original, text, template).findings]


def picture_of(width: int, height: int) -> bytes:
    return encoded(noisy(width, height))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        # The area is 300 × 200 px at 254 DPI; block below 150, warn below 200.
        (178, 118, ["resolution_low"]),
        (177, 118, ["resolution_low"]),
        (175, 117, ["resolution_too_low"]),
        (236, 158, []),
        (233, 156, ["resolution_low"]),
        (3000, 2000, []),
    ],
)
def test_resolution_is_judged_at_the_printed_size(
    pool: SandboxPool, width: int, height: int, expected: list[str]
) -> None:
    assert codes(pool, picture_of(width, height), None, dpi_block=150, dpi_warn=200) == expected


def test_a_low_resolution_says_what_was_measured_and_how_many_pixels_are_needed(pool: SandboxPool) -> None:
    template = simple_template(simple_area(300, 200, dpi_warn=254))
    found = check_artwork(pool, picture_of(150, 100), None, template).findings[0]
    assert found.measured == {"effective_dpi": "127", "limit_dpi": "150", "width_px": "150", "height_px": "100"}
    assert "300 × 200 pixels" in found.message


def test_a_picture_shown_small_needs_fewer_pixels(pool: SandboxPool) -> None:
    small = ImageLayer(name="picture", box=Box(x_um=0, y_um=0, width_um=10_000, height_um=10_000))
    assert codes(pool, picture_of(100, 100), None, small, dpi_warn=254) == []
    assert codes(pool, picture_of(100, 100), None, dpi_warn=254) == ["resolution_too_low"]


def with_soft_area(side: int) -> bytes:
    image = noisy(300, 200).convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    ImageDraw.Draw(alpha).rectangle((10, 10, 9 + side, 9 + side), fill=128)
    image.putalpha(alpha)
    return encoded(image)


def test_half_transparent_area_is_found_but_not_a_smooth_edge(pool: SandboxPool) -> None:
    assert codes(pool, with_soft_area(60), None, dpi_warn=254) == ["semi_transparent"]
    assert codes(pool, with_soft_area(16), None, dpi_warn=254) == []
    disc = Image.new("L", (1200, 800))
    ImageDraw.Draw(disc).ellipse((100, 50, 1100, 750), fill=255)
    cut_out = noisy(300, 200).convert("RGBA")
    cut_out.putalpha(disc.reduce(4))
    assert codes(pool, encoded(cut_out), None, dpi_warn=254) == []


def test_an_empty_picture_blocks_and_a_dot_does_not(pool: SandboxPool) -> None:
    empty = Image.new("RGBA", (300, 200))
    assert codes(pool, encoded(empty), None, dpi_warn=254) == ["nothing_visible"]
    ImageDraw.Draw(empty).rectangle((100, 100, 103, 103), fill="black")
    assert codes(pool, encoded(empty), None, dpi_warn=254) == []


def test_a_turned_photo_is_measured_upright_and_the_turn_is_told(pool: SandboxPool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(noisy(200, 300), "JPEG", exif=exif.tobytes())
    template = simple_template(simple_area(300, 200, dpi_warn=254))
    result = check_artwork(pool, turned, None, template)
    assert [found.code for found in result.findings] == ["rotated_by_metadata"]
    assert (result.width_px, result.height_px, result.format) == (300, 200, "JPEG")


def other_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def adobe_like_profile() -> bytes:
    """An RGB profile that does not say that it is sRGB: ours under another name."""
    renamed = srgb_bytes().replace(b"sRGB", b"Test")
    return renamed.replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("sRGB", lambda: picture_of(300, 200), []),
        ("untagged", lambda: encoded(noisy(300, 200), icc_profile=None), ["colour_profile_missing"]),
        (
            "another RGB space",
            lambda: encoded(noisy(300, 200), icc_profile=adobe_like_profile()),
            ["colours_converted"],
        ),
        ("a Lab profile", lambda: encoded(noisy(300, 200), icc_profile=other_profile()), ["colour_profile_broken"]),
        ("not a profile", lambda: encoded(noisy(300, 200), icc_profile=b"x" * 200), ["colour_profile_broken"]),
        ("CMYK", lambda: encoded(noisy(300, 200).convert("CMYK"), "JPEG", icc_profile=None), ["colours_cmyk"]),
        (
            "16 bits grey",
            lambda: encoded(Image.fromarray(np.full((200, 300), 40_000, np.uint16)), "PNG"),
            ["colour_depth_reduced"],
        ),
        ("a palette", lambda: encoded(noisy(300, 200).quantize(64)), []),
        ("one bit", lambda: encoded(noisy(300, 200).convert("1")), []),
        ("grey", lambda: encoded(noisy(300, 200).convert("L")), []),
        ("WebP", lambda: encoded(noisy(300, 200), "WEBP"), []),
        ("TIFF", lambda: encoded(noisy(300, 200), "TIFF", compression="tiff_lzw"), []),
    ],
)
def test_odd_colours_are_told(pool: SandboxPool, name: str, make: Callable[[], bytes], expected: list[str]) -> None:
    assert codes(pool, make(), None, dpi_warn=254) == expected


def text_layer(**options: Any) -> TextLayer:
    defaults: dict[str, Any] = {
        "box": WHOLE,
        "size_um": 3000,
        "min_size_um": 1500,
        "limits": TextLimits(max_characters=12, max_lines=2),
    }
    return TextLayer(name="text", **(defaults | options))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zoë & Łukasz", []),
        ("Zoë & Łukasza", ["text_too_long"]),
        # Thirteen code points, twelve characters as a person counts: the mark belongs to its letter.
        ("Zoe\u0308 & Łukasz", []),
        ("a\nb", []),
        ("a\nb\nc", ["text_too_many_lines"]),
        ("a\r\nb\r\n", []),
        ("bell\u0007", ["text_control_characters"]),
        ("tab\there", []),
        ("evil\u202etxt", ["text_hidden_characters"]),
        ("soft\u00adhyphen", ["text_hidden_characters"]),
        ("می\u200cخواهم", []),
        ("I ♥ you", ["text_emoji_one_colour"]),
        ("party 🎉", ["text_emoji_one_colour"]),
        ("heaven ䷀", ["text_glyphs_missing"]),
        ("שלום", []),
        ("नमस्ते", ["text_script_not_offered"]),
        ("你好", ["text_script_not_offered", "text_glyphs_missing"]),
        ("", ["nothing_to_print"]),
        ("  \n ", ["nothing_to_print"]),
    ],
)
def test_text_is_checked_for_what_a_press_can_print(pool: SandboxPool, text: str, expected: list[str]) -> None:
    assert codes(pool, None, text, text_layer()) == expected


def test_a_text_that_does_not_fit_even_at_the_smallest_size_blocks(pool: SandboxPool) -> None:
    limits = TextLimits(max_characters=400, max_lines=3)
    narrow = text_layer(box=Box(x_um=0, y_um=0, width_um=10_000, height_um=6_000), limits=limits)
    assert codes(pool, None, "short", narrow) == []
    assert codes(pool, None, "Donaudampfschifffahrtsgesellschaft", narrow) == ["text_does_not_fit"]
    assert codes(pool, None, "many words " * 30, narrow) == ["text_does_not_fit"]


def test_missing_letters_are_named_by_script_only_because_findings_outlive_the_buyer(pool: SandboxPool) -> None:
    template = simple_template(simple_area(300, 200, text_layer()))
    found = check_artwork(pool, None, "你好䷀", template).findings[-1]
    assert "letters of the script Han" in found.message
    assert "䷀ (hexagram for the creative heaven)" in found.message
    assert "你" not in found.message


def test_what_is_missing_or_not_used_is_told(pool: SandboxPool) -> None:
    picture = ImageLayer(name="picture", box=WHOLE)
    assert codes(pool, None, None, picture) == ["picture_missing"]
    assert codes(pool, None, None, ImageLayer(name="picture", box=WHOLE, required=False)) == ["nothing_to_print"]
    assert codes(pool, None, None, text_layer(required=True)) == ["text_missing"]
    assert codes(pool, None, " ", text_layer(required=True)) == ["text_missing"]
    assert codes(pool, picture_of(300, 200), "hello", picture, dpi_warn=254) == ["text_not_used"]
    assert codes(pool, picture_of(300, 200), "hello", text_layer()) == ["picture_not_used"]


@pytest.mark.parametrize(
    "text",
    ["\u200e", "\u200c", "\u200d", "\u00a0", "\u2003", "\ufe0f", "\u3164", "\u00ad", " \u00a0\n\u200f "],
    ids=ascii,
)
def test_a_text_in_which_nothing_can_be_seen_is_no_text(pool: SandboxPool, text: str) -> None:
    assert codes(pool, None, text, text_layer(required=True)) == ["text_missing"]
    assert codes(pool, None, text, text_layer()) == ["nothing_to_print"]
    with pytest.raises(ArtworkNotRenderable, match="neither a picture nor a text"):
        render_line(pool, None, text, simple_template(simple_area(300, 200, text_layer())))


def test_no_space_of_any_width_is_left_at_the_ends_of_a_line() -> None:
    assert clean("\u00a0 Zoë\u2003\u3000\n\u202fMax \u00a0und\u00a0Mia\u00a0\n \u2003") == "Zoë\nMax \u00a0und\u00a0Mia"


def test_a_text_beyond_all_measure_is_refused_at_once(pool: SandboxPool) -> None:
    assert codes(pool, None, "x" * 1_000_000, text_layer()) == ["text_too_long"]


def test_a_broken_picture_does_not_hide_what_is_wrong_with_the_text(pool: SandboxPool) -> None:
    layers = (ImageLayer(name="picture", box=WHOLE), text_layer())
    assert codes(pool, b"not a picture", "heaven ䷀", *layers) == ["format_not_accepted", "text_glyphs_missing"]


def test_the_strictest_severity_decides() -> None:
    assert verdict(()) == "pass"
    severities = set(SEVERITIES.values())
    assert severities == {"block", "review", "warn"}


def test_an_unknown_area_and_an_unknown_font_are_errors_of_the_caller(pool: SandboxPool, tee: Template) -> None:
    with pytest.raises(AreaUnknown, match="front"):
        check_artwork(pool, None, "x", tee, "sleeve")
    template = simple_template(simple_area(300, 200, text_layer(fonts=("No Such Family",))))
    with pytest.raises(TemplateInvalid, match="Noto Sans"):
        check_artwork(pool, None, "x", template)


def test_a_photo_with_a_second_picture_inside_is_one_photo(pool: SandboxPool) -> None:
    buffer = io.BytesIO()
    noisy(300, 200).save(buffer, "MPO", save_all=True, append_images=[noisy(60, 40)])
    assert codes(pool, buffer.getvalue(), None, dpi_warn=254) == ["colour_profile_missing"]

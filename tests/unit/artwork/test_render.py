"""Golden pictures: print files compared, pixel by pixel, with pictures composed by independent routes."""

from __future__ import annotations

import hashlib
import io

import msgspec
import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from processors.artwork import fonts
from processors.artwork.picture import srgb_bytes
from processors.artwork.render import ArtworkNotRenderable, Rendered, render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Box, Fit, ImageLayer, PrintArea, Template, TextLayer
from tests.unit.artwork.pictures import encoded, noisy, simple_area, simple_template

BOX_PX = (40, 30, 240, 170)
BOX = Box(x_um=4_000, y_um=3_000, width_um=20_000, height_um=14_000)


def printed(rendered: Rendered) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(rendered.print_png))).astype(np.int16)


def render(
    pool: SandboxPool, original: bytes | None, text: str | None, area: PrintArea, colour: str = "#ffffff"
) -> Rendered:
    return render_line(pool, original, text, simple_template(area, colour))


def expected_canvas(picture: Image.Image, at: tuple[int, int], size: tuple[int, int] = (300, 200)) -> NDArray[np.int16]:
    canvas = Image.new("RGBA", size)
    canvas.paste(picture, at)
    return np.asarray(canvas).astype(np.int16)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("fit", ["fill", "fit", "stretch"])
def test_fit_modes_equal_plain_pillow(pool: SandboxPool, fit: Fit, mode: str) -> None:
    source = noisy(500, 260, mode)
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX, fit=fit))
    width, height = 200, 140
    if fit == "fill":
        golden = ImageOps.fit(source, (width, height), Image.Resampling.LANCZOS)
        at = BOX_PX[:2]
    elif fit == "stretch":
        golden = source.resize((width, height), Image.Resampling.LANCZOS)
        at = BOX_PX[:2]
    else:
        golden = source.resize((200, 104), Image.Resampling.LANCZOS)
        at = (40, 30 + 18)
    difference = np.abs(printed(render(pool, encoded(source), None, area)) - expected_canvas(golden, at))
    # Tiles and Pillow's crop arithmetic may round one level apart.
    assert difference.max() <= 1


def test_scaling_equals_libvips_within_its_rounding(pool: SandboxPool) -> None:
    source = noisy(600, 420, "RGB")
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX, fit="stretch"))
    ours = printed(render(pool, encoded(source), None, area))[30:170, 40:240, :3]
    vips = pyvips.Image.new_from_buffer(encoded(source), "").resize(1 / 3, kernel="lanczos3")
    theirs = np.ndarray(buffer=vips.write_to_memory(), dtype=np.uint8, shape=(140, 200, 3)).astype(np.int16)
    difference = np.abs(ours - theirs)
    # Another implementation of the same kernel: the same to the eye, not to the last level at the edges.
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) <= 4


@pytest.mark.parametrize(
    ("degrees", "how"),
    [
        (90, Image.Transpose.ROTATE_270),
        (180, Image.Transpose.ROTATE_180),
        (270, Image.Transpose.ROTATE_90),
        (-90, Image.Transpose.ROTATE_90),
    ],
)
def test_quarter_turns_are_exact_and_clockwise(pool: SandboxPool, degrees: float, how: Image.Transpose) -> None:
    source = noisy(140, 200, "RGB") if degrees % 180 else noisy(200, 140, "RGB")
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX, rotation_degrees=degrees))
    golden = expected_canvas(source.transpose(how), BOX_PX[:2])
    assert np.array_equal(printed(render(pool, encoded(source), None, area)), golden)


def test_a_free_turn_stays_in_its_box_and_has_no_dark_edge(pool: SandboxPool) -> None:
    # Given a white square, turned by 30 degrees,
    source = Image.new("RGBA", (300, 300), (255, 255, 255, 255))
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX, rotation_degrees=30))
    pixels = printed(render(pool, encoded(source), None, area))
    # then nothing is printed outside the box, and what is printed is white up to its edge.
    outside = pixels.copy()
    outside[30:170, 40:240] = 0
    assert not outside[..., 3].any()
    visible = pixels[pixels[..., 3] > 8]
    assert visible[:, :3].min() >= 250
    square = 140 / (np.cos(np.pi / 6) + np.sin(np.pi / 6))
    assert (pixels[..., 3] / 255).sum() == pytest.approx(square**2, rel=0.03)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_print_upright_whatever_the_camera_stored(pool: SandboxPool, orientation: int) -> None:
    upright = noisy(200, 140, "RGB")
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(inverse[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX))
    pixels = printed(render(pool, encoded(stored, "PNG", exif=exif.tobytes()), None, area))
    assert np.array_equal(pixels, expected_canvas(upright, BOX_PX[:2]))


def text_area(**options: object) -> PrintArea:
    layer = TextLayer(name="text", box=BOX, size_um=3_000, min_size_um=1_000, **options)  # type: ignore[arg-type]
    return simple_area(300, 200, layer)


def test_text_equals_pillows_own_drawing_at_the_same_place(pool: SandboxPool) -> None:
    pixels = printed(render(pool, None, "Hamburg", text_area(colour="#cc2200", align="left", vertical_align="top")))
    font = fonts.load("Noto Sans", 30, 400)
    mask = Image.new("L", (300, 200))
    ImageDraw.Draw(mask).text((40, 30 + font.getmetrics()[0]), "Hamburg", fill=255, font=font, anchor="ls")
    assert np.array_equal(pixels[..., 3], np.asarray(mask).astype(np.int16))
    assert (pixels[pixels[..., 3] > 0][:, :3] == (0xCC, 0x22, 0x00)).all()


def test_right_to_left_text_is_shaped_and_joined(pool: SandboxPool) -> None:
    def separate_parts(text: str) -> int:
        columns = np.nonzero(printed(render(pool, None, text, text_area()))[..., 3].any(axis=0))[0]
        return 1 + int((np.diff(columns) > 1).sum())

    # Given four Arabic letters that all join, then the word is one piece of ink; kept apart they are four.
    assert separate_parts("محمد") == 1
    assert separate_parts("\u200c".join("محمد")) == 4


@pytest.mark.parametrize("align", ["left", "centre", "right"])
@pytest.mark.parametrize("family", ["Pacifico", "Lobster", "Caveat", "Playfair Display"])
def test_no_ink_leaves_the_box_even_of_script_fonts(pool: SandboxPool, family: str, align: str) -> None:
    area = text_area(fonts=(family,), align=align)
    ink = printed(render(pool, None, "Jiffy fjord\nQuiz", area))[..., 3]
    ink_outside = ink.copy()
    ink_outside[30:170, 40:240] = 0
    assert ink.any()
    assert not ink_outside.any()


def test_a_long_text_is_set_smaller_and_broken_at_spaces(pool: SandboxPool) -> None:
    ink = printed(render(pool, None, "A rather long dedication that needs two lines", text_area()))[..., 3]
    rows = np.nonzero(ink.any(axis=1))[0]
    gaps = np.diff(rows)
    assert (gaps > 1).sum() >= 1, "two lines are separated by empty rows"
    assert rows.min() >= 30
    assert rows.max() < 170


@pytest.mark.parametrize("degrees", [90.0, 180.0, 270.0, 30.0, -17.5])
def test_turned_text_stays_in_its_box(pool: SandboxPool, degrees: float) -> None:
    ink = printed(render(pool, None, "Turned", text_area(rotation_degrees=degrees)))[..., 3]
    inside = ink[30:170, 40:240].sum()
    assert inside > 0
    assert ink.sum() == inside


def test_layers_are_drawn_from_the_bottom_up_with_blended_edges(pool: SandboxPool) -> None:
    # Given a picture with a soft edge over white paper, and black text over both,
    source = Image.new("RGBA", (200, 140), (255, 0, 0, 128))
    layers = (
        ImageLayer(name="picture", box=BOX),
        TextLayer(name="text", box=BOX, fixed_text="█", fonts=("Noto Sans", "Heebo", "Roboto"), size_um=3_000),
    )
    area = simple_area(300, 200, layers[0], transparent=False)
    pixels = printed(render(pool, encoded(source), None, area))
    # then paper shows through the picture, and beside it the paper is white and opaque.
    assert tuple(pixels[100, 100]) == pytest.approx((255, 127, 127, 255), abs=1)
    assert tuple(pixels[5, 5]) == (255, 255, 255, 255)


def test_the_same_inputs_give_the_same_bytes(tee: Template) -> None:
    source = encoded(noisy(600, 800, "RGBA"))
    results = []
    for _ in range(2):
        # A fresh pool each time, so that nothing is remembered between the renders.
        with SandboxPool(1) as pool:
            results.append(render_line(pool, source, "Zoë 2026", tee))
    assert results[0] == results[1]


def test_print_file_carries_size_profile_resolution_and_digest(pool: SandboxPool, mug: Template) -> None:
    rendered = render_line(pool, encoded(noisy(400, 300)), "Zoë", mug)
    png = Image.open(io.BytesIO(rendered.print_png))
    area = mug.area()
    assert png.size == (rendered.width_px, rendered.height_px) == (area.width_px, area.height_px)
    assert (png.mode, rendered.dpi) == ("RGBA", 300)
    assert png.info["icc_profile"] == srgb_bytes()
    assert png.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert hashlib.sha256(rendered.print_png).hexdigest() == rendered.sha256
    assert "pillow-" in rendered.renderer_version
    assert Image.open(io.BytesIO(rendered.proof_webp)).format == "WEBP"
    assert Image.open(io.BytesIO(rendered.mockup_webp)).size == (1000, 1000)


def test_buyers_metadata_does_not_reach_the_print_file(pool: SandboxPool) -> None:
    exif = Image.Exif()
    exif[0x010E] = "GPS of somebody's garden"
    original = encoded(noisy(200, 140), "JPEG", exif=exif.tobytes())
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX))
    rendered = render(pool, original, None, area)
    assert b"garden" in original
    assert b"garden" not in rendered.print_png + rendered.proof_webp + rendered.mockup_webp


def test_nothing_to_print_is_refused(pool: SandboxPool, tee: Template) -> None:
    with pytest.raises(ArtworkNotRenderable) as caught:
        render_line(pool, None, "  ", tee)
    assert caught.value.code == "nothing_to_print"


def test_the_proof_shows_the_print_on_the_products_colour(pool: SandboxPool) -> None:
    area = simple_area(300, 200, ImageLayer(name="picture", box=BOX, fit="stretch"))
    green = encoded(Image.new("RGB", (200, 140), (0, 160, 0)))
    proof = Image.open(io.BytesIO(render(pool, green, None, area, "#202020").proof_webp)).convert("RGB")
    # The area is drawn 1080 px wide from (60, 60); the picture's middle lies at its middle.
    assert proof.getpixel((60 + 500, 60 + 360)) == pytest.approx((0, 160, 0), abs=8)
    assert proof.getpixel((60 + 40, 60 + 40)) == pytest.approx((0x20, 0x20, 0x20), abs=8)


@pytest.mark.parametrize("kind", ["mug", "tee", "poster", "flat"])
def test_every_kind_of_mock_up_shows_the_print_and_the_products_colour(pool: SandboxPool, kind: str) -> None:
    # The size of a print for a shirt's front: mock-ups show prints at their size.
    whole = Box(x_um=0, y_um=0, width_um=300_000, height_um=400_000)
    layers = (ImageLayer(name="picture", box=whole),)
    area = msgspec.structs.replace(simple_area(850, 1134, *layers), width_um=300_000, height_um=400_000, dpi=72)
    template = Template(
        template_id="test",
        version=1,
        product=type(simple_template(area).product)(name="x", kind=kind, colour="#1e3c96"),  # type: ignore[arg-type]
        areas=(area,),
    )
    orange = Image.new("RGBA", (300, 400), (250, 120, 0, 255))
    ImageDraw.Draw(orange).rectangle((0, 0, 299, 100), fill=(0, 0, 0, 0))
    mockup = np.asarray(Image.open(io.BytesIO(render_line(pool, encoded(orange), None, template).mockup_webp)))
    pixels = mockup.astype(int)
    is_orange = (pixels[..., 0] > 150) & (pixels[..., 2] < 90)
    is_blue = (pixels[..., 2] > 90) & (pixels[..., 0] < 80)
    assert is_orange.mean() > 0.03
    assert is_blue.mean() > 0.03

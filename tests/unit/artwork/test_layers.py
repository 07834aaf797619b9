"""Shapes, the template's own art, blending, opacity, crop, background removal and PDF."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from processors.artwork.background import RemoverNotUsable
from processors.artwork.checks import check_artwork
from processors.artwork.limits import MEBIBYTE
from processors.artwork.live import draw_preview
from processors.artwork.placement import Crop
from processors.artwork.render import Rendered, render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import ArtLayer, Box, ImageLayer, ShapeLayer, Template, TemplateInvalid, TextLayer
from tests.unit.artwork.pictures import encoded, noisy, simple_area, simple_template

WHOLE = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)
PICTURE = ImageLayer(name="picture", box=WHOLE, fit="stretch")


def pixels(rendered: Rendered) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(rendered.print_png))).astype(np.int16)


def template_of(*layers: Any, **area: Any) -> Template:
    return simple_template(simple_area(300, 200, *layers, **area))


def test_shapes_fill_their_box_with_their_colour(pool: SandboxPool) -> None:
    box = Box(x_um=5_000, y_um=5_000, width_um=10_000, height_um=10_000)
    square = ShapeLayer(name="square", shape="rectangle", box=box, colour="#ff0000")
    printed = pixels(render_line(pool, None, None, template_of(square)))
    assert (printed[50:150, 50:150] == (255, 0, 0, 255)).all()
    assert (printed[..., 3] > 0).sum() == 100 * 100
    ellipse = msgspec.structs.replace(square, shape="ellipse")
    covered = pixels(render_line(pool, None, None, template_of(ellipse)))[..., 3].sum() / 255
    assert covered == pytest.approx(np.pi * 50 * 50, rel=0.01)
    rounded = msgspec.structs.replace(square, radius_um=2_000)
    covered = pixels(render_line(pool, None, None, template_of(rounded)))[..., 3].sum() / 255
    assert covered == pytest.approx(100 * 100 - (4 - np.pi) * 20 * 20, rel=0.01)


@pytest.mark.parametrize("blend", ["multiply", "screen"])
def test_blending_equals_pillows_channel_operations(pool: SandboxPool, blend: str) -> None:
    below, above = noisy(300, 200, seed=1), noisy(300, 200, seed=2)
    art = encoded(above)
    layer = ArtLayer(
        name="art",
        box=WHOLE,
        asset=hashlib.sha256(art).hexdigest(),
        fit="stretch",
        blend=blend,  # type: ignore[arg-type]
    )
    rendered = render_line(pool, encoded(below), None, template_of(PICTURE, layer), art={layer.asset: art})
    operation = ImageChops.multiply if blend == "multiply" else ImageChops.screen
    assert np.array_equal(pixels(rendered)[..., :3], np.asarray(operation(below, above)).astype(np.int16))


def test_opacity_mixes_with_what_is_below(pool: SandboxPool) -> None:
    half = ShapeLayer(name="veil", shape="rectangle", box=WHOLE, colour="#000000", opacity_percent=50)
    white = encoded(Image.new("RGB", (300, 200), "white"))
    printed = pixels(render_line(pool, white, None, template_of(PICTURE, half)))
    assert np.abs(printed[..., :3] - 128).max() <= 1
    assert (printed[..., 3] == 255).all()


def test_blending_over_nothing_keeps_the_layers_own_colour(pool: SandboxPool) -> None:
    layer = ShapeLayer(name="plate", shape="rectangle", box=WHOLE, colour="#336699", blend="multiply")
    printed = pixels(render_line(pool, None, None, template_of(layer)))
    assert (printed == (0x33, 0x66, 0x99, 255)).all()


def test_art_that_was_changed_or_is_missing_makes_the_template_invalid(pool: SandboxPool) -> None:
    art = encoded(noisy(30, 20))
    layer = ArtLayer(name="art", box=WHOLE, asset=hashlib.sha256(art).hexdigest())
    with pytest.raises(TemplateInvalid, match="missing or was changed"):
        render_line(pool, None, None, template_of(layer))
    with pytest.raises(TemplateInvalid, match="missing or was changed"):
        render_line(pool, None, None, template_of(layer), art={layer.asset: art + b"x"})


def heavy(image: Image.Image, mebibytes: int) -> bytes:
    """A good picture with so much behind it that nothing needs."""
    return encoded(image) + bytes(mebibytes * MEBIBYTE)


def art_layers(*files: bytes) -> tuple[list[ArtLayer], dict[str, bytes]]:
    art = {hashlib.sha256(content).hexdigest(): content for content in files}
    return [ArtLayer(name=f"art-{asset[:8]}", box=WHOLE, asset=asset) for asset in art], art


def test_a_templates_own_files_do_not_count_as_the_buyers(pool: SandboxPool) -> None:
    # Given a buyer's picture of 40 MiB, of 50 that are taken, and 15 MiB of the template's own art,
    layers, art = art_layers(heavy(noisy(30, 20), 15))
    original = heavy(noisy(600, 400), 40)
    template = template_of(PICTURE, *layers)
    # then the line is checked, rendered and previewed as any other.
    assert check_artwork(pool, original, None, template, art=art).verdict == "pass"
    assert render_line(pool, original, None, template, art=art).sha256
    assert draw_preview(pool, original, None, template, art=lambda: art).verdict == "pass"


def test_much_art_of_a_template_is_not_told_as_a_file_of_the_buyer(pool: SandboxPool) -> None:
    layers, art = art_layers(*(heavy(noisy(30, 20, seed=seed), 18) for seed in range(3)))
    template = template_of(*layers, TextLayer(name="text", box=WHOLE))
    assert check_artwork(pool, None, "Zoë", template, art=art).verdict == "pass"
    assert draw_preview(pool, None, "Zoë", template, art=lambda: art).verdict == "pass"


def test_too_much_art_makes_the_template_invalid(pool: SandboxPool) -> None:
    layers, art = art_layers(*(heavy(noisy(30, 20, seed=seed), 18) for seed in range(6)))
    template = template_of(*layers)
    for attempt in (check_artwork, render_line):
        with pytest.raises(TemplateInvalid, match="more than 100 MiB together"):
            attempt(pool, None, None, template, art=art)


def test_the_buyers_crop_is_what_is_printed(pool: SandboxPool) -> None:
    source = noisy(600, 400)
    crop = Crop(x_permille=500, y_permille=0, width_permille=500, height_permille=500)
    printed = pixels(render_line(pool, encoded(source), None, template_of(PICTURE), crop=crop))
    assert np.array_equal(printed[..., :3], np.asarray(source.crop((300, 0, 600, 200))).astype(np.int16))


@pytest.mark.parametrize(
    "crop",
    [
        Crop(x_permille=-50, y_permille=-50, width_permille=5000, height_permille=5000),
        Crop(x_permille=1000, y_permille=1000, width_permille=0, height_permille=0),
    ],
)
def test_a_senseless_crop_stays_within_the_picture(crop: Crop) -> None:
    left, top, right, bottom = crop.box(40, 30)
    assert 0 <= left < right <= 40
    assert 0 <= top < bottom <= 30


def studio_photo() -> Image.Image:
    photo = Image.new("RGB", (900, 600), (244, 244, 242))
    ImageDraw.Draw(photo).ellipse((250, 100, 650, 500), fill=(160, 40, 30))
    return photo


def test_a_plain_background_is_cut_away_with_sharp_edges(pool: SandboxPool) -> None:
    cutting = msgspec.structs.replace(PICTURE, remove_background="when_safe")
    rendered = render_line(pool, encoded(studio_photo()), None, template_of(cutting))
    alpha = pixels(rendered)[..., 3]
    assert rendered.background_removed
    assert alpha[100, 150] == 255
    assert alpha[10, 10] == 0
    # The disc has a third of its radius on this canvas; what is left lies within a pixel of it.
    assert (alpha / 255).sum() == pytest.approx(np.pi * (200 / 3) ** 2, rel=0.03)
    not_cut = render_line(pool, encoded(noisy(300, 200)), None, template_of(cutting))
    assert not not_cut.background_removed
    assert (pixels(not_cut)[..., 3] == 255).all()


def keep_left_half(picture: Image.Image) -> Image.Image:
    """A stand-in for an operator's own remover."""
    mask = Image.new("L", picture.size)
    mask.paste(255, (0, 0, picture.width // 2, picture.height))
    return mask


def test_an_operators_own_remover_is_used(pool: SandboxPool) -> None:
    cutting = msgspec.structs.replace(PICTURE, remove_background="when_safe")
    own = f"tests.unit.artwork.{Path(__file__).stem}:keep_left_half"
    alpha = pixels(render_line(pool, encoded(noisy(300, 200)), None, template_of(cutting), remover=own))[..., 3]
    assert (alpha[:, :150] == 255).all()
    assert (alpha[:, 152:] == 0).all()
    with pytest.raises(RemoverNotUsable, match="no_such"):
        render_line(pool, encoded(noisy(30, 20)), None, template_of(cutting), remover="no_such:thing")


def small_mask(picture: Image.Image) -> Image.Image:
    """A remover that breaks its contract."""
    return Image.new("L", (1, 1))


def not_sure(picture: Image.Image) -> Image.Image | None:
    """A remover that leaves the picture alone."""
    return None


def test_a_mask_of_another_size_is_the_removers_fault_and_one_that_is_not_sure_leaves_the_picture(
    pool: SandboxPool,
) -> None:
    cutting = msgspec.structs.replace(PICTURE, remove_background="when_safe")
    own = f"tests.unit.artwork.{Path(__file__).stem}"
    original = encoded(noisy(300, 200))
    with pytest.raises(RemoverNotUsable, match="1 × 1"):
        render_line(pool, original, None, template_of(cutting), remover=f"{own}:small_mask")
    left = render_line(pool, original, None, template_of(cutting), remover=f"{own}:not_sure")
    assert not left.background_removed


def test_the_check_says_whether_an_operators_remover_cut_the_picture(pool: SandboxPool) -> None:
    cutting = msgspec.structs.replace(PICTURE, remove_background="when_safe")
    own = f"tests.unit.artwork.{Path(__file__).stem}"
    original, template = encoded(noisy(300, 200)), template_of(cutting)

    def found(remover: str) -> list[str]:
        return [
            f"{one.code}: {one.message}"
            for one in check_artwork(pool, original, None, template, remover=remover).findings
            if one.code.startswith("background")
        ]

    assert found(f"{own}:keep_left_half")[0].startswith("background_removed: The picture's background is cut away, by")
    assert found(f"{own}:not_sure")[0].startswith("background_unclear")
    with pytest.raises(RemoverNotUsable, match="BACKGROUND_REMOVER"):
        check_artwork(pool, original, None, template, remover="no_such:thing")


def test_the_pdf_has_the_prints_pixels_size_boxes_and_profile(pool: SandboxPool, poster: Template) -> None:
    with_pdf = msgspec.structs.replace(poster, areas=(msgspec.structs.replace(poster.area(), pdf=True),))
    rendered = render_line(pool, encoded(noisy(400, 500)), "Zoë", with_pdf)
    assert rendered.print_pdf is not None
    with pikepdf.open(io.BytesIO(rendered.print_pdf)) as pdf:
        page = pdf.pages[0]
        points = [round(float(value), 2) for value in page.TrimBox]
        assert points == [8.5, 8.5, 858.9, 1142.36]
        assert [round(float(value), 2) for value in page.MediaBox] == [0, 0, 867.4, 1150.87]
        assert page.MediaBox == page.BleedBox
        assert pdf.pdf_version >= "1.6"
        assert "DestOutputProfile" in str(pdf.Root.OutputIntents[0].keys())
        image = pikepdf.PdfImage(cast(pikepdf.Stream, page.Resources.XObject.Print)).as_pil_image()
    assert np.array_equal(np.asarray(image.convert("RGB")), pixels(rendered)[..., :3])


def test_the_pdf_keeps_transparency_as_a_soft_mask_and_is_the_same_every_time(pool: SandboxPool) -> None:
    template = template_of(PICTURE, pdf=True)
    source = encoded(noisy(300, 200, "RGBA"))
    first, second = (render_line(pool, source, None, template) for _ in range(2))
    assert first.print_pdf == second.print_pdf
    assert first.print_pdf is not None
    with pikepdf.open(io.BytesIO(first.print_pdf)) as pdf:
        mask = pikepdf.PdfImage(cast(pikepdf.Stream, pdf.pages[0].Resources.XObject.Print.SMask)).as_pil_image()
    assert np.array_equal(np.asarray(mask), pixels(first)[..., 3])


def test_text_on_a_shape_is_above_it(pool: SandboxPool) -> None:
    plate = ShapeLayer(name="plate", shape="rectangle", box=WHOLE, colour="#ffffff")
    text = TextLayer(name="text", box=WHOLE, colour="#000000", size_um=6_000)
    printed = pixels(render_line(pool, None, "Hi", template_of(plate, text)))
    assert (printed[..., 3] == 255).all()
    assert printed[..., 0].min() == 0
    under = pixels(render_line(pool, None, "Hi", template_of(text, plate)))
    assert under[..., 0].min() == 255

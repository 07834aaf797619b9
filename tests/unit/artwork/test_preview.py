"""Live previews: they look like the print, follow every change, remember what is the caller's alone, find problems."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from processors.artwork import templates_folder
from processors.artwork.checks import check_artwork
from processors.artwork.findings import SEVERITIES
from processors.artwork.live import Preview, draw_preview
from processors.artwork.placement import Crop
from processors.artwork.preview import NOT_REMEMBERED, PREVIEW_HEIGHT_PX_MAX, PreviewRequest
from processors.artwork.render import render_line
from processors.artwork.sandbox import JobRefused, SandboxPool
from processors.artwork.template import (
    ArtLayer,
    Box,
    ImageLayer,
    Template,
    TemplateInvalid,
    TextLayer,
    template_from_json,
)
from tests.unit.artwork.pictures import encoded, noisy, png_claiming, simple_area, simple_template

WHOLE = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)


def shown(preview: Preview) -> Image.Image:
    return Image.open(io.BytesIO(preview.picture)).convert("RGB")


def codes(preview: Preview) -> set[str]:
    return {found.code for found in preview.findings}


@pytest.mark.parametrize("view", ["print", "mockup"])
@pytest.mark.parametrize("name", ["tee-white", "mug-11oz-black", "poster-30x40"])
def test_a_preview_looks_like_what_is_rendered(pool: SandboxPool, name: str, view: Any) -> None:
    template = template_from_json((Path(templates_folder()) / f"{name}.json").read_bytes())
    source = encoded(noisy(1500, 1500))
    preview = shown(draw_preview(pool, source, "Zoë", template, view=view, width_px=600))
    rendered = render_line(pool, source, "Zoë", template)
    if view == "mockup":
        whole = Image.open(io.BytesIO(rendered.mockup_webp)).convert("RGB")
    else:
        canvas = Image.open(io.BytesIO(rendered.print_png))
        whole = Image.new("RGB", canvas.size, template.product.colour)
        whole.paste(canvas, (0, 0), canvas)
    assert preview.width == 600
    assert preview.height == pytest.approx(600 * whole.height / whole.width, abs=1.5)
    small = np.asarray(whole.resize((60, 60), Image.Resampling.BOX)).astype(int)
    seen = np.asarray(preview.resize((60, 60), Image.Resampling.BOX)).astype(int)
    assert np.abs(small - seen).mean() < 3


def test_every_change_changes_the_picture_and_the_same_request_does_not(pool: SandboxPool, tee: Template) -> None:
    one, other = encoded(noisy(500, 500, seed=1)), encoded(noisy(500, 500, seed=2))
    crop = Crop(x_permille=0, y_permille=0, width_permille=300, height_permille=300)
    red = msgspec.structs.replace(tee, product=msgspec.structs.replace(tee.product, colour="#b3282d"))
    pictures = [
        draw_preview(pool, one, "A", tee).picture,
        draw_preview(pool, one, "B", tee).picture,
        draw_preview(pool, other, "A", tee).picture,
        draw_preview(pool, one, "A", tee, crop=crop).picture,
        draw_preview(pool, None, "A", tee).picture,
        draw_preview(pool, one, "A", tee, width_px=300).picture,
        draw_preview(pool, one, "A", tee, view="mockup").picture,
        draw_preview(pool, one, "A", tee, format="png").picture,
        draw_preview(pool, one, "A", red).picture,
    ]
    assert len(set(pictures)) == len(pictures)
    assert draw_preview(pool, one, "A", tee).picture == pictures[0]


@pytest.mark.parametrize(("asked_px", "drawn_px"), [(1, 64), (64, 64), (777, 777), (1600, 1600), (50_000, 1600)])
def test_the_width_is_bounded(pool: SandboxPool, mug: Template, asked_px: int, drawn_px: int) -> None:
    preview = draw_preview(pool, None, "Zoë", mug, width_px=asked_px)
    assert shown(preview).size == (preview.width_px, preview.height_px)
    assert preview.width_px == drawn_px


@pytest.mark.parametrize("view", ["print", "mockup"])
@pytest.mark.parametrize("width_px", [64, 600, 1600])
def test_a_long_and_narrow_product_is_shown_whole(pool: SandboxPool, width_px: int, view: Any) -> None:
    # Given a lanyard of 20 by 900 mm,
    box = Box(x_um=0, y_um=0, width_um=20_000, height_um=900_000)
    lanyard = simple_area(200, 9_000, TextLayer(name="text", box=box))
    preview = draw_preview(pool, None, "Zoë", simple_template(lanyard), width_px=width_px, view=view)
    # then it is as wide as asked for, or as high as a picture may be.
    assert shown(preview).size == (preview.width_px, preview.height_px)
    if view == "print":
        assert preview.width_px == min(width_px, PREVIEW_HEIGHT_PX_MAX * 20 // 900)
        assert preview.height_px == pytest.approx(min(preview.width_px * 45, PREVIEW_HEIGHT_PX_MAX), abs=45)


@pytest.mark.parametrize("kind", ["webp", "png"])
def test_the_picture_has_the_format_that_was_asked_for(pool: SandboxPool, mug: Template, kind: Any) -> None:
    preview = draw_preview(pool, None, "Zoë", mug, format=kind, view="mockup")
    assert Image.open(io.BytesIO(preview.picture)).format == kind.upper()


@pytest.mark.parametrize(
    "source",
    [
        encoded(noisy(900, 900)),
        encoded(noisy(4000, 3000), "JPEG"),
        encoded(noisy(2000, 2000, "RGBA")),
        encoded(noisy(700, 600), "JPEG", icc_profile=None),
        None,
    ],
    ids=["small", "large JPEG", "transparent", "untagged", "none"],
)
@pytest.mark.parametrize("text", ["Zoë", "x" * 90, "tiny\x07", None], ids=["fine", "long", "control", "none"])
def test_a_preview_finds_what_the_check_finds(
    pool: SandboxPool, tee: Template, source: bytes | None, text: str | None
) -> None:
    checked = check_artwork(pool, source, text, tee)
    preview = draw_preview(pool, source, text, tee)
    # Areas of half-transparent pixels and strokes may be measured on fewer pixels; the rest is the same.
    assert codes(preview) == {found.code for found in checked.findings}
    assert preview.verdict == checked.verdict


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format_not_accepted"),
        (b"%PDF-1.7\n%", "format_not_accepted"),
        (b"", "cannot_be_opened"),
        (encoded(noisy(300, 300))[:2000], "cannot_be_opened"),
        (png_claiming(20_000, 20_000, rows=10), "too_many_pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "cannot_be_opened"),
    ],
    ids=["svg", "pdf", "empty", "cut off", "bomb", "nonsense"],
)
def test_a_file_that_does_not_open_is_a_finding_and_the_product_is_shown_without_it(
    pool: SandboxPool, mug: Template, content: bytes, code: str
) -> None:
    preview = draw_preview(pool, content, "Zoë", mug, view="mockup")
    assert code in codes(preview)
    assert codes(preview) <= set(SEVERITIES)
    assert preview.verdict == "block"
    assert preview.picture == draw_preview(pool, None, "Zoë", mug, view="mockup").picture


def test_a_file_above_the_limit_is_a_finding(mug: Template) -> None:
    with SandboxPool(1, msgspec.structs.replace(SandboxPool(1).limits, input_bytes_max=1000)) as small:
        assert "file_too_large" in codes(draw_preview(small, encoded(noisy(300, 300)), "Zoë", mug))


def test_nothing_given_shows_the_blank_and_says_so(pool: SandboxPool, mug: Template) -> None:
    preview = draw_preview(pool, None, None, mug, view="mockup")
    assert codes(preview) == {"nothing_to_print"}
    assert shown(preview).size == (600, 600)


def test_a_child_remembers_a_picture_for_its_owner_alone(mug: Template) -> None:
    source = encoded(noisy(400, 400))
    with SandboxPool(1) as pool:
        draw_preview(pool, source, "A", mug, owner="one")

        def asked_by(owner: str) -> bytes:
            request = PreviewRequest(
                original=None,
                original_sha256=hashlib.sha256(source).hexdigest(),
                text="A",
                template=mug,
                area="wrap",
                pixels_max=10**6,
                width_px=600,
                view="print",
                lean=True,
                owner=owner,
            )
            return pool.run("preview", msgspec.msgpack.encode(request))

        assert asked_by("one")
        # Knowing a picture's digest is not having the picture.
        with pytest.raises(JobRefused) as caught:
            asked_by("two")
        assert caught.value.code == NOT_REMEMBERED


def test_the_templates_files_are_fetched_once_for_a_child() -> None:
    art = encoded(noisy(300, 200))
    layer = ArtLayer(name="art", box=WHOLE, asset=hashlib.sha256(art).hexdigest(), fit="stretch")
    template = simple_template(simple_area(300, 200, layer, TextLayer(name="text", box=WHOLE)))
    fetched = []

    def files() -> dict[str, bytes]:
        fetched.append(1)
        return {layer.asset: art}

    with SandboxPool(1) as pool:
        pictures = {draw_preview(pool, None, letter, template, art=files).picture for letter in "ABC"}
        assert len(pictures) == 3
        assert len(fetched) == 1
        with pytest.raises(TemplateInvalid, match="missing or was changed"):
            draw_preview(pool, None, "A", template, owner="other", art=dict)


@pytest.mark.parametrize("blend", ["normal", "multiply"])
def test_layers_above_the_text_are_drawn_above_it(pool: SandboxPool, blend: Any) -> None:
    # Given a text, and over it the picture, once opaque and once as a colour filter,
    text = TextLayer(name="text", box=WHOLE, size_um=9_000, colour="#000000")
    picture = ImageLayer(name="picture", box=WHOLE, fit="stretch", blend=blend)
    template = simple_template(simple_area(300, 200, text, picture, transparent=False))
    preview = draw_preview(pool, encoded(Image.new("RGB", (300, 200), (255, 80, 0))), "Hill", template, format="png")
    # then the text is hidden, or still black.
    darkest = np.asarray(shown(preview))[..., 0].min()
    assert (darkest > 250) if blend == "normal" else (darkest < 10)


def test_lines_break_in_a_preview_where_they_break_in_print(pool: SandboxPool, tee: Template) -> None:
    text = "For Zoë and Max and all who sail with them"
    rendered = render_line(pool, None, text, tee)
    printed = np.asarray(Image.open(io.BytesIO(rendered.print_png)).getchannel("A").resize((300, 400)))
    preview = np.asarray(shown(draw_preview(pool, None, text, tee, width_px=300, format="png")).convert("L"))

    def lines(ink: Any) -> int:
        rows = np.nonzero(ink.any(axis=1))[0]
        return 1 + int((np.diff(rows) > 3).sum())

    assert lines(printed > 100) == lines(preview < 150) == 2

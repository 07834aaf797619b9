"""Check a buyer's picture and text against a print area; every problem is a named finding, never a crash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from events.order.values import Finding
from processors.artwork.findings import CheckResult, finding, verdict
from processors.artwork.measure import Measured, MeasureRequest, PictureFacts
from processors.artwork.placement import place
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.artwork.template import PrintArea, Template, TemplateInvalid
from processors.artwork.textchecks import check_text, too_long_to_look_at

#: Under this share of visible pixels a picture is taken for empty.
VISIBLE_PERCENT_MIN: Final = 0.02
#: Over this share of half-transparent area (edges do not count) the press's white underbase would show.
SEMI_TRANSPARENT_PERCENT_MAX: Final = 0.5

#: The child's refusals that have a finding of their own; those that start with `format_` share one.
_REFUSALS: Final = {
    "damaged": "cannot_be_opened",
    "empty_file": "cannot_be_opened",
    "too_many_pixels": "too_many_pixels",
    "too_much_memory": "unsafe_to_open",
    "several_pictures": "several_pictures",
    "colour_unsupported": "colour_unsupported",
}
_UNSAFE: Final = (
    "The file cannot be opened safely: decoding it {why}. Open it on your computer, save it again as PNG, and "
    "upload that."
)


def check_artwork(
    pool: SandboxPool, original: bytes | None, text: str | None, template: Template, area: str | None = None
) -> CheckResult:
    """Check what the buyer gave for one print area (by default the first).

    Blocks the calling thread while a child process measures. Raises AreaUnknown, TemplateInvalid, and when the pool
    itself does not work SandboxBusy, SandboxClosed or ChildNotStarted; a hostile or damaged file is a finding.
    """
    print_area = template.area(area)
    too_long = too_long_to_look_at(text)
    if too_long:
        return _result([too_long], None)
    measured, findings = _measure(pool, original, text, print_area)
    found = list(findings)
    if original is None and any(layer.required for layer in print_area.image_layers):
        found.append(finding("picture_missing", "This product needs a picture. Ask the buyer to upload one."))
    if measured is None:
        measured, _ = _measure(pool, None, text, print_area)
    if measured is not None:
        if measured.picture is not None:
            found += _picture(measured.picture, print_area)
        found += check_text(text, print_area, measured.texts)
    return _result(found, measured.picture if measured else None)


def _result(findings: list[Finding], picture: PictureFacts | None) -> CheckResult:
    return CheckResult(
        findings=tuple(findings),
        verdict=verdict(findings),
        width_px=picture.opened.width_px if picture else 0,
        height_px=picture.opened.height_px if picture else 0,
        format=picture.opened.format if picture else "",
    )


def _measure(
    pool: SandboxPool, original: bytes | None, text: str | None, area: PrintArea
) -> tuple[Measured | None, tuple[Finding, ...]]:
    """What the child measured, or the finding that says why it could not."""
    limits = pool.limits
    if original is not None and len(original) > limits.input_bytes_max:
        limit = limits.input_bytes_max // 1024**2
        message = f"The file is larger than {limit} MiB. Save it as JPEG, or as PNG without unused layers."
        return None, (finding("file_too_large", message, bytes=len(original)),)
    request = MeasureRequest(original=original, text=text, area=area, pixels_max=limits.pixels_max)
    try:
        answer = pool.run("measure", msgspec.msgpack.encode(request))
    except JobRefused as refused:
        if refused.code == "template":
            raise TemplateInvalid(str(refused)) from refused
        return None, (_refusal(refused),)
    except ChildKilled as killed:
        why = "took too long" if killed.cause in ("cpu", "time") else "made the decoder crash"
        return None, (finding("unsafe_to_open", _UNSAFE.format(why=why)),)
    return msgspec.msgpack.decode(answer, type=Measured), ()


def _refusal(refused: JobRefused) -> Finding:
    if refused.code.startswith("format_"):
        return finding("format_not_accepted", str(refused))
    code = _REFUSALS.get(refused.code)
    if code is None:
        return finding("unsafe_to_open", _UNSAFE.format(why="failed in an unexpected way"))
    return finding(code, str(refused))


def _picture(facts: PictureFacts, area: PrintArea) -> Iterator[Finding]:
    if not area.image_layers:
        yield finding("picture_not_used", "The buyer sent a picture, but this print area has no place for one.")
    if facts.visible_percent < VISIBLE_PERCENT_MIN:
        yield finding(
            "nothing_visible",
            "The picture is empty: all of it is transparent. Upload the finished picture.",
            visible_percent=facts.visible_percent,
        )
        return
    yield from _resolution(facts, area)
    if facts.semi_transparent_percent > SEMI_TRANSPARENT_PERCENT_MAX:
        yield finding(
            "semi_transparent",
            f"{facts.semi_transparent_percent:.1f} % of the picture is half transparent; presses print such "
            "parts with a visible white base. Use full colour there, or make it fully transparent.",
            semi_transparent_percent=facts.semi_transparent_percent,
        )
    yield from _colours(facts)


def _resolution(facts: PictureFacts, area: PrintArea) -> Iterator[Finding]:
    """One finding for the layer where the picture is stretched most."""
    opened = facts.opened
    resolutions = [
        place(opened.width_px, opened.height_px, layer, area).effective_dpi(area.dpi) for layer in area.image_layers
    ]
    if not resolutions:
        return
    dpi = min(resolutions)
    # Half a DPI of tolerance: placement rounds to whole pixels of the canvas.
    if dpi >= area.dpi_warn - 0.5:
        return
    too_low = dpi < area.dpi_block - 0.5
    code, limit = ("resolution_too_low", area.dpi_block) if too_low else ("resolution_low", area.dpi_warn)
    grow = area.dpi_warn / dpi
    yield finding(
        code,
        f"At its printed size the picture has {dpi:.0f} DPI; {limit} are needed"
        f"{' at least' if too_low else ' for a sharp print'}. Upload it with at least "
        f"{round(opened.width_px * grow)} × {round(opened.height_px * grow)} pixels.",
        effective_dpi=round(dpi, 1),
        limit_dpi=limit,
        width_px=opened.width_px,
        height_px=opened.height_px,
    )


def _colours(facts: PictureFacts) -> Iterator[Finding]:
    opened = facts.opened
    if opened.orientation > 1:
        yield finding(
            "rotated_by_metadata",
            "The camera stored the picture turned; it was set upright. Check the proof.",
            exif_orientation=opened.orientation,
        )
    if opened.mode == "CMYK":
        yield finding(
            "colours_cmyk",
            "The picture is in CMYK; its colours were converted to sRGB and may look different. Compare the proof, "
            "or upload the picture in sRGB.",
        )
    elif opened.profile == "other":
        yield finding(
            "colours_converted",
            "The picture's colours were converted from another colour space to sRGB. Check the proof.",
        )
    if opened.profile == "broken":
        yield finding(
            "colour_profile_broken",
            "The colour profile in the file cannot be used; the colours were taken for sRGB. Check the proof.",
        )
    elif opened.profile == "none" and opened.mode != "CMYK":
        yield finding(
            "colour_profile_missing",
            "The file does not say its colour space; sRGB was assumed. Check the proof.",
        )
    if opened.bits_per_channel > 8:
        yield finding(
            "colour_depth_reduced",
            f"The picture has {opened.bits_per_channel} bits a channel; it is printed with 8.",
            bits_per_channel=opened.bits_per_channel,
        )

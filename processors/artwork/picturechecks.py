"""Checks of a buyer's picture: what was measured in the child process, judged against the print area."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from events.order.values import Finding
from processors.artwork.background import SPREAD_SAFE
from processors.artwork.findings import finding
from processors.artwork.lists import KnownPicture, distance_bits, known_picture
from processors.artwork.measure import PictureFacts
from processors.artwork.placement import place
from processors.artwork.printfacts import EdgeFacts
from processors.artwork.template import PrintArea

#: Under this share of visible pixels a picture is taken for empty.
VISIBLE_PERCENT_MIN: Final = 0.02
#: Over this share of half-transparent area (edges do not count) the press's white underbase would show.
SEMI_TRANSPARENT_PERCENT_MAX: Final = 0.5
#: Over this share of the printed pixels thin strokes are a part of the design, not its tips and serifs.
THIN_PERCENT_MAX: Final = 1.0
#: Over this share of a side's length something at the edge is more than a corner.
EDGE_PERCENT_MAX: Final = 2.0


def check_picture(facts: PictureFacts, area: PrintArea, known: tuple[KnownPicture, ...] = ()) -> Iterator[Finding]:
    """All findings on the buyer's picture for one area."""
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
    if facts.thin_percent > THIN_PERCENT_MAX:
        yield finding(
            "thin_strokes",
            f"{facts.thin_percent:.1f} % of the design are lines thinner than {area.min_stroke_um / 1000:.2g} mm, "
            "which the press may lose. Make them thicker.",
            thin_percent=facts.thin_percent,
            limit_um=area.min_stroke_um,
        )
    yield from _background(facts)
    yield from _colours(facts)
    match = known_picture(facts.phash, known)
    if match is not None:
        yield finding(
            "known_picture",
            f"The picture looks like one on the list of protected pictures: {match.label}. A person must check that "
            "the buyer may use it.",
            distance_bits=distance_bits(facts.phash, match.phash),
        )


def _background(facts: PictureFacts) -> Iterator[Finding]:
    if facts.border_spread is None:
        return
    if facts.background_removed:
        how = "by the operator's own remover" if facts.remover else "because it was of one colour"
        yield finding(
            "background_removed",
            f"The picture's background is cut away, {how}. Look at edges and holes on the proof.",
            border_spread=facts.border_spread,
        )
    else:
        yield finding(
            "background_unclear",
            "This product wants a picture without background, but nobody can safely say what the background is, so it "
            "stays. Approve the proof with it, or upload the picture cut out.",
            border_spread=facts.border_spread,
            limit_spread=SPREAD_SAFE,
        )


def check_edges(facts: EdgeFacts, area: PrintArea) -> Iterator[Finding]:
    """Findings on what lies near the edges of the product."""
    if facts.unfilled_bleed_percent > EDGE_PERCENT_MAX:
        yield finding(
            "bleed_not_filled",
            f"The print reaches the cut but not {area.bleed_um / 1000:g} mm beyond it; a white line may show. Use a "
            "picture that fills the whole sheet.",
            unfilled_percent=facts.unfilled_bleed_percent,
        )
    if facts.near_edge_percent > EDGE_PERCENT_MAX:
        yield finding(
            "close_to_the_edge",
            f"Part of the picture ends less than {area.safe_inset_um / 1000:g} mm from the edge and may look cut off. "
            "Look at the proof.",
            near_edge_percent=facts.near_edge_percent,
        )


def _resolution(facts: PictureFacts, area: PrintArea) -> Iterator[Finding]:
    """One finding for the layer where the picture is stretched most."""
    resolutions = [
        place(facts.used_width_px, facts.used_height_px, layer, area).effective_dpi(area.dpi)
        for layer in area.image_layers
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
        f"{round(facts.used_width_px * grow)} × {round(facts.used_height_px * grow)} pixels.",
        effective_dpi=round(dpi, 1),
        limit_dpi=limit,
        width_px=facts.used_width_px,
        height_px=facts.used_height_px,
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

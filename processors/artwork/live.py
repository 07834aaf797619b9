"""Live previews for designers: a picture of the product with what the buyer gave, and what a check would find.

The picture is drawn in a child process of the sandbox and nothing is stored. A file that does not open is a finding,
and the product is shown without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from events.decoding import from_msgpack
from events.order.values import Finding
from processors.artwork.assets import art_bytes
from processors.artwork.background import RemoverNotUsable
from processors.artwork.checks import findings_of, not_given, too_large, why_not_opened
from processors.artwork.findings import Verdict, verdict
from processors.artwork.lists import CheckLists, shipped_lists
from processors.artwork.placement import Crop
from processors.artwork.preview import (
    NOT_REMEMBERED,
    PREVIEW_WIDTH_PX_MAX,
    PREVIEW_WIDTH_PX_MIN,
    Previewed,
    PreviewRequest,
    View,
)
from processors.artwork.preview import PictureFormat as PictureFormat
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.artwork.template import Template, TemplateInvalid
from processors.artwork.textchecks import too_long_to_look_at

__all__ = ["PREVIEW_WIDTH_PX_MAX", "PREVIEW_WIDTH_PX_MIN", "PictureFormat", "Preview", "View", "draw_preview"]

#: A designer who waits longer has typed the next letter.
WAIT_SECONDS_MAX = 10.0


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The encoded picture, its size in pixels, and the findings with what follows from them."""

    picture: bytes
    width_px: int
    height_px: int
    findings: tuple[Finding, ...]
    verdict: Verdict


def draw_preview(
    pool: SandboxPool,
    original: bytes | None,
    text: str | None,
    template: Template,
    area: str | None = None,
    *,
    width_px: int = 600,
    view: View = "print",
    format: PictureFormat = "webp",  # noqa: A002 - the field's word
    art: Callable[[], dict[str, bytes]] = dict,
    crop: Crop | None = None,
    owner: str = "",
    lists: CheckLists | None = None,
    remover: str = "",
) -> Preview:
    """Draw one print area (by default the first) as the bare print or on the product, and check what was given.

    The colour is that of the template's product. `art` hands over the template's own files and is only called when a
    child does not know them; `owner` keeps the pictures of tenants apart in a child's memory; `lists` and `remover` as
    for `check_artwork`. Blocks. Raises AreaUnknown, TemplateInvalid, RemoverNotUsable, JobRefused and ChildKilled where
    nothing can be drawn even without the picture, SandboxBusy, SandboxClosed, ChildNotStarted to be tried again.
    """
    print_area = template.area(area)
    found: list[Finding] = []
    if (too_long := too_long_to_look_at(text)) is not None:
        found.append(too_long)
        text = None
    if original is not None and (large := too_large(original, pool.limits)) is not None:
        found.append(large)
        original = None
    gave_picture = original is not None
    request = PreviewRequest(
        original=original,
        original_sha256=hashlib.sha256(original).hexdigest() if original is not None else "",
        text=text,
        template=template,
        area=print_area.name,
        pixels_max=pool.limits.pixels_max,
        crop=crop,
        remover=remover,
        width_px=min(max(width_px, PREVIEW_WIDTH_PX_MIN), PREVIEW_WIDTH_PX_MAX),
        view=view,
        format=format,
        owner=owner,
    )
    try:
        drawn = _drawn(pool, request, art)
    except (JobRefused, ChildKilled) as error:
        found.append(why_not_opened(error))
        drawn = _drawn(pool, msgspec.structs.replace(request, original=None, original_sha256=""), art)
    found += [] if found else not_given(gave_picture, text, print_area)
    found += findings_of(drawn.measured, text, print_area, lists or shipped_lists())
    return Preview(
        picture=drawn.picture,
        width_px=drawn.width_px,
        height_px=drawn.height_px,
        findings=tuple(found),
        verdict=verdict(found),
    )


def _drawn(pool: SandboxPool, request: PreviewRequest, art: Callable[[], dict[str, bytes]]) -> Previewed:
    """Ask without files first; most of the time the child knows them. Raises JobRefused, ChildKilled."""
    lean = msgspec.structs.replace(request, original=None, lean=True)
    try:
        return _run(pool, lean)
    except JobRefused as refused:
        if refused.code != NOT_REMEMBERED:
            raise
    return _run(pool, msgspec.structs.replace(request, art=art()))


def _run(pool: SandboxPool, request: PreviewRequest) -> Previewed:
    try:
        payload, own_bytes = msgspec.msgpack.encode(request), art_bytes(request.art, pool.limits)
        answer = pool.run("preview", payload, own_bytes=own_bytes, wait_seconds=WAIT_SECONDS_MAX)
    except JobRefused as refused:
        if refused.code == "template":
            raise TemplateInvalid(str(refused)) from refused
        if refused.code == "remover":
            raise RemoverNotUsable(f"{refused} {RemoverNotUsable.__doc__}") from refused
        raise
    return from_msgpack(answer, Previewed)

"""Render a line: the buyer's picture and text on the product's print area, in a child process."""

from __future__ import annotations

import msgspec

from events.decoding import from_msgpack
from processors.artwork.assets import art_bytes
from processors.artwork.background import RemoverNotUsable
from processors.artwork.placement import Crop
from processors.artwork.press import Rendered, RenderRequest
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.artwork.template import Template, TemplateInvalid
from processors.ports import NamedError

__all__ = ["ArtworkNotRenderable", "Crop", "Rendered", "render_line"]


class ArtworkNotRenderable(NamedError):
    """The picture or text cannot be rendered; trying again will not help. Check it for the reason."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is the refusal in one word."""
        super().__init__(message)
        self.code = code


def render_line(
    pool: SandboxPool,
    original: bytes | None,
    text: str | None,
    template: Template,
    area: str | None = None,
    *,
    art: dict[str, bytes] | None = None,
    crop: Crop | None = None,
    remover: str = "",
) -> Rendered:
    """Make print file, proof and mock-up of one print area (by default the template's first).

    `art` holds the template's own files by their SHA-256, `crop` the part of the picture that the buyer chose,
    `remover` an operator's own background remover as `module:function`.

    Deterministic: the same inputs and the same `renderer_version` give the same bytes. Blocks the calling thread
    for about a second. Raises ArtworkNotRenderable (the input's fault, for good), TemplateInvalid, AreaUnknown,
    RemoverNotUsable, and SandboxBusy, SandboxClosed, ChildNotStarted when the pool does not work (try again).
    """
    request = RenderRequest(
        original=original,
        text=text,
        template=template,
        area=template.area(area).name,
        pixels_max=pool.limits.pixels_max,
        art=art or {},
        crop=crop,
        remover=remover,
    )
    return from_msgpack(_run(pool, "render", request), Rendered)


def _run(pool: SandboxPool, job: str, request: RenderRequest) -> bytes:
    """Do a job and give its failures the names of this module."""
    try:
        return pool.run(job, msgspec.msgpack.encode(request), own_bytes=art_bytes(request.art, pool.limits))
    except JobRefused as refused:
        if refused.code == "template":
            raise TemplateInvalid(str(refused)) from refused
        if refused.code == "remover":
            raise RemoverNotUsable(f"{refused} {RemoverNotUsable.__doc__}") from refused
        raise ArtworkNotRenderable(refused.code, str(refused)) from refused
    except ChildKilled as killed:
        raise ArtworkNotRenderable("unsafe_to_open", str(killed)) from killed

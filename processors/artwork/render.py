"""Render a line: the buyer's picture and text on the product's print area, in a child process."""

from __future__ import annotations

import msgspec

from processors.artwork.press import Rendered, RenderRequest
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.artwork.template import Template, TemplateInvalid
from processors.ports import NamedError

__all__ = ["ArtworkNotRenderable", "Rendered", "render_line"]


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
) -> Rendered:
    """Make print file, proof and mock-up of one print area (by default the template's first).

    Deterministic: the same inputs and the same `renderer_version` give the same bytes. Blocks the calling thread
    for about a second. Raises ArtworkNotRenderable (the input's fault, for good), TemplateInvalid, AreaUnknown,
    and SandboxBusy, SandboxClosed, ChildNotStarted when the pool does not work (try again).
    """
    print_area = template.area(area)
    request = RenderRequest(
        original=original, text=text, template=template, area=print_area.name, pixels_max=pool.limits.pixels_max
    )
    try:
        answer = pool.run("render", msgspec.msgpack.encode(request))
    except JobRefused as refused:
        if refused.code == "template":
            raise TemplateInvalid(str(refused)) from refused
        raise ArtworkNotRenderable(refused.code, str(refused)) from refused
    except ChildKilled as killed:
        raise ArtworkNotRenderable("unsafe_to_open", str(killed)) from killed
    return msgspec.msgpack.decode(answer, type=Rendered)

"""The perceptual hash of a picture, for the list of known pictures; opened in a child process."""

from __future__ import annotations

import msgspec

from events.decoding import from_msgpack
from processors.artwork.measure import Measured, MeasureRequest
from processors.artwork.sandbox import JobRefused, SandboxPool
from processors.artwork.template import Box, ImageLayer, PrintArea, Product, Template
from processors.ports import NamedError

_SIDE_UM, _SIDE_PX = 10_160, 120
_WHOLE = Box(x_um=0, y_um=0, width_um=_SIDE_UM, height_um=_SIDE_UM)
#: Any template will do: the hash is of the picture alone.
_TEMPLATE = Template(
    template_id="fingerprint",
    version=1,
    product=Product(name="fingerprint", kind="flat"),
    areas=(
        PrintArea(
            name="front",
            width_um=_SIDE_UM,
            height_um=_SIDE_UM,
            width_px=_SIDE_PX,
            height_px=_SIDE_PX,
            dpi=300,
            layers=(ImageLayer(name="picture", box=_WHOLE),),
        ),
    ),
)


class PictureNotUsable(NamedError):
    """The file is no picture that can be opened safely. What is wrong with it follows."""


def fingerprint(pool: SandboxPool, content: bytes) -> str:
    """The hash as 16 hex digits, as `KnownPicture` holds it. Raises PictureNotUsable, and what the pool does."""
    request = MeasureRequest(
        original=content, text=None, template=_TEMPLATE, area="front", pixels_max=pool.limits.pixels_max
    )
    try:
        measured = from_msgpack(pool.run("measure", msgspec.msgpack.encode(request)), Measured)
    except JobRefused as refused:
        raise PictureNotUsable(f"{PictureNotUsable.__doc__} {refused}") from refused
    if measured.picture is None:
        raise PictureNotUsable
    return measured.picture.phash

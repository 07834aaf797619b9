"""Check a buyer's picture and text against a print area; every problem is a named finding, never a crash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from events.decoding import from_msgpack
from events.order.values import Finding
from processors.artwork.assets import art_bytes
from processors.artwork.background import RemoverNotUsable
from processors.artwork.compose import prints_something
from processors.artwork.findings import CheckResult, finding, verdict
from processors.artwork.limits import Limits
from processors.artwork.lists import CheckLists, shipped_lists
from processors.artwork.measure import Measured, MeasureRequest, PictureFacts
from processors.artwork.picturechecks import check_edges, check_picture
from processors.artwork.placement import Crop
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.artwork.template import PrintArea, Template, TemplateInvalid
from processors.artwork.textchecks import check_text, too_long_to_look_at

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
    pool: SandboxPool,
    original: bytes | None,
    text: str | None,
    template: Template,
    area: str | None = None,
    *,
    lists: CheckLists | None = None,
    art: dict[str, bytes] | None = None,
    crop: Crop | None = None,
    remover: str = "",
) -> CheckResult:
    """Check what the buyer gave for one print area (by default the first).

    `lists` are the operator's (the shipped ones by default); `art`, `crop` and `remover` as for `render_line`.
    Blocks the calling thread while a child process measures. A hostile or damaged file is a finding. Raises
    AreaUnknown, TemplateInvalid, RemoverNotUsable, and when the pool itself does not work SandboxBusy, SandboxClosed
    or ChildNotStarted.
    """
    print_area = template.area(area)
    lists = lists or shipped_lists()
    too_long = too_long_to_look_at(text)
    if too_long:
        return _result([too_long], None)
    request = MeasureRequest(
        original=original,
        text=text,
        template=template,
        area=print_area.name,
        pixels_max=pool.limits.pixels_max,
        art=art or {},
        crop=crop,
        remover=remover,
    )
    measured, findings = _measure(pool, request)
    found = [*findings, *not_given(original is not None, text, print_area)]
    if measured is None:
        # The picture did not open; what is wrong with the text is told all the same.
        measured, _ = _measure(pool, msgspec.structs.replace(request, original=None))
    if measured is not None:
        found += findings_of(measured, text, print_area, lists)
    return _result(found, measured.picture if measured else None)


def not_given(has_picture: bool, text: str | None, area: PrintArea) -> Iterator[Finding]:
    """Findings on what the buyer left out."""
    if not has_picture and any(layer.required for layer in area.image_layers):
        yield finding("picture_missing", "This product needs a picture. Ask the buyer to upload one.")
    elif not any(layer.required for layer in area.text_layers) and not prints_something(
        area, has_picture=has_picture, text=text
    ):
        yield finding(
            "nothing_to_print",
            "There is neither a picture nor a text for this product. Ask the buyer for one of them.",
        )


def findings_of(measured: Measured, text: str | None, area: PrintArea, lists: CheckLists) -> list[Finding]:
    """What was measured, judged."""
    found: list[Finding] = []
    if measured.picture is not None:
        found += check_picture(measured.picture, area, lists.known_pictures)
    if measured.edges is not None:
        found += check_edges(measured.edges, area)
    return [*found, *check_text(text, area, measured.texts, lists.prohibited_words)]


def _result(findings: list[Finding], picture: PictureFacts | None) -> CheckResult:
    return CheckResult(
        findings=tuple(findings),
        verdict=verdict(findings),
        width_px=picture.opened.width_px if picture else 0,
        height_px=picture.opened.height_px if picture else 0,
        format=picture.opened.format if picture else "",
    )


def _measure(pool: SandboxPool, request: MeasureRequest) -> tuple[Measured | None, tuple[Finding, ...]]:
    """What the child measured, or the finding that says why it could not."""
    if request.original is not None and (large := too_large(request.original, pool.limits)) is not None:
        return None, (large,)
    try:
        answer = pool.run("measure", msgspec.msgpack.encode(request), own_bytes=art_bytes(request.art, pool.limits))
    except JobRefused as refused:
        if refused.code == "template":
            raise TemplateInvalid(str(refused)) from refused
        if refused.code == "remover":
            raise RemoverNotUsable(f"{refused} {RemoverNotUsable.__doc__}") from refused
        return None, (why_not_opened(refused),)
    except ChildKilled as killed:
        return None, (why_not_opened(killed),)
    return from_msgpack(answer, Measured), ()


def too_large(content: bytes, limits: Limits) -> Finding | None:
    """The finding on a file with more bytes than a child process takes."""
    if len(content) <= limits.input_bytes_max:
        return None
    limit = limits.input_bytes_max // 1024**2
    message = f"The file is larger than {limit} MiB. Save it as JPEG, or as PNG without unused layers."
    return finding("file_too_large", message, bytes=len(content))


def why_not_opened(error: JobRefused | ChildKilled) -> Finding:
    """The finding on a picture that a child process refused, or that killed it."""
    if isinstance(error, ChildKilled):
        why = "took too long" if error.cause in ("cpu", "hang") else "made the decoder crash"
        return finding("unsafe_to_open", _UNSAFE.format(why=why))
    if error.code.startswith("format_"):
        return finding("format_not_accepted", str(error))
    code = _REFUSALS.get(error.code)
    if code is None:
        return finding("unsafe_to_open", _UNSAFE.format(why="failed in an unexpected way"))
    return finding(code, str(error))

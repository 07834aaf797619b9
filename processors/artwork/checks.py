"""Check a buyer's picture and text against a print area; every problem is a named finding, never a crash."""

from __future__ import annotations

from typing import Final

import msgspec

from events.order.values import Finding
from processors.artwork.background import RemoverNotUsable
from processors.artwork.compose import prints_something
from processors.artwork.findings import CheckResult, finding, verdict
from processors.artwork.lists import CheckLists, shipped_lists
from processors.artwork.measure import Measured, MeasureRequest, PictureFacts
from processors.artwork.picturechecks import check_edges, check_picture
from processors.artwork.placement import Crop
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.artwork.template import Template, TemplateInvalid
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
    found = list(findings)
    if original is None and any(layer.required for layer in print_area.image_layers):
        found.append(finding("picture_missing", "This product needs a picture. Ask the buyer to upload one."))
    if measured is None:
        # The picture did not open; what is wrong with the text is told all the same.
        measured, _ = _measure(pool, msgspec.structs.replace(request, original=None))
    if measured is not None:
        if measured.picture is not None:
            found += check_picture(measured.picture, print_area, lists.known_pictures)
        if measured.edges is not None:
            found += check_edges(measured.edges, print_area)
        found += check_text(text, print_area, measured.texts, lists.prohibited_words)
    if not found and not prints_something(print_area, has_picture=original is not None, text=text):
        found.append(
            finding(
                "nothing_to_print",
                "There is neither a picture nor a text for this product. Ask the buyer for one of them.",
            )
        )
    return _result(found, measured.picture if measured else None)


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
    limits = pool.limits
    if request.original is not None and len(request.original) > limits.input_bytes_max:
        limit = limits.input_bytes_max // 1024**2
        message = f"The file is larger than {limit} MiB. Save it as JPEG, or as PNG without unused layers."
        return None, (finding("file_too_large", message, bytes=len(request.original)),)
    try:
        answer = pool.run("measure", msgspec.msgpack.encode(request))
    except JobRefused as refused:
        if refused.code == "template":
            raise TemplateInvalid(str(refused)) from refused
        if refused.code == "remover":
            raise RemoverNotUsable(f"{refused} {RemoverNotUsable.__doc__}") from refused
        return None, (_refusal(refused),)
    except ChildKilled as killed:
        why = "took too long" if killed.cause in ("cpu", "hang") else "made the decoder crash"
        return None, (finding("unsafe_to_open", _UNSAFE.format(why=why)),)
    return msgspec.msgpack.decode(answer, type=Measured), ()


def _refusal(refused: JobRefused) -> Finding:
    if refused.code.startswith("format_"):
        return finding("format_not_accepted", str(refused))
    code = _REFUSALS.get(refused.code)
    if code is None:
        return finding("unsafe_to_open", _UNSAFE.format(why="failed in an unexpected way"))
    return finding(code, str(refused))

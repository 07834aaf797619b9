"""Which print areas of a line are worked on, and what each is made from."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from events.order.values import AreaContent
from processors.artwork.placement import Crop
from processors.artwork.template import PrintArea, Template
from processors.personal import open_text, text_field
from processors.ports import Vault


class PrintedArea(msgspec.Struct, frozen=True, kw_only=True):
    """One area of a line by the template's name, with the contents that its text and its picture come from.

    The contents keep the area names under which they were sealed, which may be empty for the first area.
    """

    name: str
    text: AreaContent | None = None
    picture: AreaContent | None = None


def printed_areas(template: Template, contents: Iterable[AreaContent]) -> tuple[PrintedArea, ...]:
    """The areas in the template's order; an empty name is its first area, a sent picture goes before a design, and what
    comes later before what comes earlier.

    Beside the areas that somebody gave something for, there are those that need something, and those that take nothing
    and are printed as the template draws them. At least one is returned: the first, where nothing is printed at all.
    Raises AreaUnknown where the template has no area of a name.
    """
    found: dict[str, PrintedArea] = {}
    for content in contents:
        name = template.area(content.area or None).name
        area = found.get(name, PrintedArea(name=name))
        if content.text is not None:
            area = msgspec.structs.replace(area, text=content)
        if _has_picture(content) and (area.picture is None or not _is_design(content)):
            area = msgspec.structs.replace(area, picture=content)
        if area.text is not None or area.picture is not None:
            found[name] = area
    for own in template.areas:
        if own.name not in found and _printed_unasked(own):
            found[own.name] = PrintedArea(name=own.name)
    return tuple(found[own.name] for own in template.areas if own.name in found) or (
        PrintedArea(name=template.area().name),
    )


def _printed_unasked(area: PrintArea) -> bool:
    """Whether the area is looked at although nobody gave anything for it."""
    required = [layer.required for layer in area.image_layers] + [layer.required for layer in area.text_layers]
    return not required or any(required)


def _has_picture(content: AreaContent) -> bool:
    return content.artwork_url is not None or content.design_key is not None


def _is_design(content: AreaContent) -> bool:
    """Whether its picture is the store's design, which is used where nobody sent one."""
    key = content.design_key or ""
    return content.artwork_url is None and key.partition("/")[2].startswith("designs/")


def crop_of(area: PrintedArea) -> Crop | None:
    """The part of the area's picture that its buyer chose; None for all of it."""
    chosen = area.picture.crop if area.picture is not None else None
    return Crop(**msgspec.structs.asdict(chosen)) if chosen is not None else None


def text_of(area: PrintedArea, vault: Vault, tenant: str, order_id: str, line_id: str) -> str | None:
    """The area's text in the clear, None where it has none. Raises a VaultError. May block."""
    if area.text is None:
        return None
    return open_text(vault, tenant, order_id, text_field(line_id, area.text.area), area.text.text)

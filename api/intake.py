"""The intake record of a line: what the buyer gave, in one place, for whoever may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.dependencies import ApiDependencies
from api.shown import sealed_under
from events.order.state import Line, Order
from events.order.values import AreaContent
from processors import personal
from processors.ports import ApiKey, Sealed, VaultError

#: The scope that lets a caller see what buyers wrote and sent.
PERSONAL_SCOPE = "orders:personal"
NOTHING: Mapping[str, str] = {}


def intake_records(deps: ApiDependencies, key: ApiKey, order_id: str, order: Order) -> dict[str, dict[str, Any]]:
    """The record of every line by its id. Blocks on the vault: all lines are opened with one query.

    `state` is 'open', 'erased' (the order's key is destroyed), 'withheld' (the caller's key lacks `orders:personal`) or
    'unreadable' (the vault does not open it).
    """
    if PERSONAL_SCOPE not in key.scopes:
        return {line_id: _record(order, line, "withheld") for line_id, line in order.lines.items()}
    wanted = [(line, *one) for line in order.lines.values() for one in _sealed(line)]
    try:
        opened = deps.vault.open_many(
            [Sealed(tenant=key.tenant, order_id=order_id, field=field, sealed=sealed) for _, field, sealed in wanted]
        )
        erased = deps.vault.is_erased(key.tenant, order_id)
    except VaultError:
        return {line_id: _record(order, line, "unreadable") for line_id, line in order.lines.items()}
    texts = {field: content.decode() for (_, field, _), content in zip(wanted, opened, strict=True) if content}
    if erased:
        return {line_id: _record(order, line, "erased") for line_id, line in order.lines.items()}
    return {
        line_id: _record(
            order,
            line,
            "open",
            texts,
            {one.area: _file_url(deps, key, order_id, line, one) for one in line.contents},
        )
        for line_id, line in order.lines.items()
    }


def _sealed(line: Line) -> list[tuple[str, bytes]]:
    """Field names and sealed bytes of what the buyer gave for a line."""
    found: list[tuple[str, bytes | None]] = [
        (personal.instructions_field(line.line_id), line.instructions),
        (personal.note_field(line.line_id), line.changes_note),
    ]
    for content in line.contents:
        found.append((personal.text_field(line.line_id, content.area), content.text))
        found.append((personal.artwork_url_field(line.line_id, content.area), content.artwork_url))
    return [(field, sealed) for field, sealed in found if sealed is not None]


def _file_url(deps: ApiDependencies, key: ApiKey, order_id: str, line: Line, content: AreaContent) -> str:
    """A signed link to the picture that was kept for an area; empty while there is none."""
    if content.artwork_url is None and content.design_key is None:
        return ""
    kept = {one.area: one.file for one in line.originals}
    named = {other.area for other in line.contents}
    # A picture of the first area may have been given without the area's name.
    unnamed = (file for area, file in kept.items() if area not in named)
    file = kept.get(content.area) or (next(unnamed, None) if not content.area else None)
    if file is None:
        return ""
    return deps.links.link(key.tenant, sealed_under(key.tenant, order_id, file.key), file.key, file.media_type)


def _record(
    order: Order, line: Line, state: str, known: Mapping[str, str] = NOTHING, urls: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """`known` has opened texts by their field, `urls` links by area."""
    return {
        "state": state,
        "order_number": order.order_number,
        "sku": line.sku,
        "title": line.title,
        "variant_id": line.artwork.variant_id if line.artwork else "",
        "instructions": known.get(personal.instructions_field(line.line_id)),
        "changes_note": known.get(personal.note_field(line.line_id)),
        "areas": [
            {
                "area": content.area,
                "file_url": urls.get(content.area, ""),
                "text": known.get(personal.text_field(line.line_id, content.area)),
                "artwork_url": known.get(personal.artwork_url_field(line.line_id, content.area)),
            }
            for content in line.contents
        ],
    }

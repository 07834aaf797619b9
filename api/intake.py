"""The intake record of a line: what the buyer gave, in one place, for whoever may see it."""

from __future__ import annotations

from typing import Any

from api.dependencies import ApiDependencies
from events.order.state import Line, Order
from processors import personal
from processors.ports import ApiKey, Sealed, VaultError

#: The scope that lets a caller see what buyers wrote and sent.
PERSONAL_SCOPE = "orders:personal"


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
    state = "erased" if erased else "open"
    return {line_id: _record(order, line, state, texts) for line_id, line in order.lines.items()}


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


def _record(order: Order, line: Line, state: str, texts: dict[str, str] | None = None) -> dict[str, Any]:
    known = texts or {}
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
                "text": known.get(personal.text_field(line.line_id, content.area)),
                "artwork_url": known.get(personal.artwork_url_field(line.line_id, content.area)),
            }
            for content in line.contents
        ],
    }

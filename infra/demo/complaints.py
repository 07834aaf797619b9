"""A buyer's complaints in the demonstration, and the payment system's own word on what was given back."""

from infra.demo.pictures import picture_bytes
from infra.demo.theatre import SceneFailed, Theatre, Ticket

PICTURE = "cat-small.png"
"""What the buyer photographed, for the demonstration: a small drawing."""


async def complain(theatre: Theatre, ticket: Ticket, sku: str, *, reason: str, text: str) -> int:
    """Open a claim about the first unit of the line with this SKU; returns its number within the order."""
    line_id = next(line["line_id"] for line in (await theatre.order(ticket))["lines"] if line["sku"] == sku)
    picture = await theatre.put_picture(ticket, picture_bytes(PICTURE))
    before = len(await theatre.claims(ticket))
    complaint = {
        "lines": [{"line_id": line_id, "units": [1]}],
        "reason": reason,
        "wish": "refund",
        "text": text,
        "pictures": [picture],
    }
    await theatre.tell(ticket, "claims", complaint, once=f"demo-claim-{ticket.order_id}-{line_id}")
    return before + 1


async def money_given_back(theatre: Theatre, ticket: Ticket) -> None:
    """The payment system's book has exactly what the claims promise, each once. Raises SceneFailed."""
    promised = sorted((claim["reference"], claim["amount_minor"]) for claim in await theatre.claims(ticket))
    given = sorted((one["refund_id"], one["amount_minor"]) for one in await theatre.refunds(ticket))
    if promised != given:
        raise SceneFailed(f"order {ticket.order_number}: {promised} was promised, and {given} was given back")

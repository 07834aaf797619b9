"""Demo orders in the form in which stores send them: Shopify's webhook, our REST body, a store's Kafka record.

Every name, address and order is made up and says so; the addresses are public landmarks.
"""

from datetime import UTC, datetime
from typing import Any, Final

from events.documents import PublishedAddress, PublishedArea, PublishedLine, StoreOrderPublished

ADDRESSES: Final[dict[str, dict[str, str]]] = {
    "east": {
        "name": "Demo Buyer East",
        "address1": "476 5th Avenue",
        "city": "New York",
        "province_code": "NY",
        "zip": "10018",
        "country_code": "US",
        "phone": "+12025550101",
    },
    "west": {
        "name": "Demo Buyer West",
        "address1": "100 Larkin Street",
        "city": "San Francisco",
        "province_code": "CA",
        "zip": "94102",
        "country_code": "US",
        "phone": "+12025550102",
    },
}
"""Two made-up buyers at public libraries."""

EMAIL: Final = "demo-buyer@example.com"


def shopify_order(
    number: int, lines: list[dict[str, Any]], *, where: str = "east", note: str = "", now_ms: int
) -> dict[str, Any]:
    """An order as Shopify's `orders/create` webhook carries it. `lines` come from `shopify_line`."""
    placed = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    total = sum(float(line["price"]) * line["quantity"] for line in lines)
    return {
        "id": 5_000_000_000_000 + number,
        "name": f"#DEMO-{number}",
        "email": EMAIL,
        "created_at": placed,
        "updated_at": placed,
        "cancelled_at": None,
        "currency": "USD",
        "total_price": f"{total:.2f}",
        "financial_status": "paid",
        "test": False,
        "note": note or "Demo order: nothing is sold and nobody is charged.",
        "note_attributes": [],
        "shipping_lines": [{"title": "Standard", "code": "Standard", "price": "0.00"}],
        "shipping_address": ADDRESSES[where],
        "line_items": lines,
    }


def shopify_line(
    number: int,
    position: int,
    sku: str,
    title: str,
    *,
    picture_url: str = "",
    text: str = "",
    back_text: str = "",
    quantity: int = 1,
) -> dict[str, Any]:
    """A line of a Shopify order, personalised by line item properties; a print area stands in brackets."""
    given = (("artwork_url", picture_url), ("Text", text), ("Text (back)", back_text))
    properties = [{"name": name, "value": value} for name, value in given if value]
    return {
        "id": number * 100 + position,
        "sku": sku,
        "title": title,
        "quantity": quantity,
        "price": "19.00",
        "variant_id": None,
        "requires_shipping": True,
        "properties": properties,
    }


def rest_order(
    number: int, sku: str, title: str, *, picture_url: str, text: str, where: str = "east", now_ms: int
) -> dict[str, Any]:
    """The body of `POST /v1/orders`."""
    address = ADDRESSES[where]
    return {
        "store": "demo-rest",
        "external_id": f"demo-rest-{number}",
        "order_number": f"#DEMO-{number}",
        "placed_at": now_ms,
        "updated_at": now_ms,
        "currency": "USD",
        "total_minor": 1_900,
        "recipient": {
            "name": address["name"],
            "address1": address["address1"],
            "city": address["city"],
            "region": address["province_code"],
            "postal_code": address["zip"],
            "country": address["country_code"],
            "email": EMAIL,
        },
        "lines": [
            {
                "line_id": "1",
                "sku": sku,
                "title": title,
                "quantity": 1,
                "unit_price_minor": 1_900,
                "text": text,
                "artwork_url": picture_url,
            }
        ],
    }


def published_order(
    number: int, sku: str, title: str, *, picture_url: str, text: str, where: str = "west", now_ms: int
) -> StoreOrderPublished:
    """The record that a store puts onto its own topic."""
    address = ADDRESSES[where]
    return StoreOrderPublished(
        store="demo-kafka",
        external_id=f"demo-kafka-{number}",
        order_number=f"#DEMO-{number}",
        placed_at=now_ms,
        updated_at=now_ms,
        currency="USD",
        total_minor=1_900,
        address=PublishedAddress(
            name=address["name"],
            address1=address["address1"],
            city=address["city"],
            region=address["province_code"],
            postal_code=address["zip"],
            country=address["country_code"],
            email=EMAIL,
        ),
        lines=(
            PublishedLine(
                line_id="1",
                sku=sku,
                title=title,
                quantity=1,
                unit_price_minor=1_900,
                areas=(PublishedArea(text=text, artwork_url=picture_url),),
            ),
        ),
    )

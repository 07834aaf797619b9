"""Made-up Shopify orders as webhooks carry them, and where published payloads lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from processors.inbound import shopify
from processors.inbound.reading import (
    ReadOrder,
)
from processors.inbound.shopify import ShopifyOptions

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "shopify"
RECEIVED_AT = 1_700_000_000_000


def body(**changes: Any) -> dict[str, Any]:
    """A small order as a webhook carries it; made up."""
    order: dict[str, Any] = {
        "id": 820982911946154508,
        "name": "#9999",
        "email": "ann@example.com",
        "created_at": "2024-03-01T10:00:00-05:00",
        "updated_at": "2024-03-01T10:00:05-05:00",
        "currency": "USD",
        "total_price": "45.50",
        "financial_status": "paid",
        "shipping_address": {
            "first_name": "Ann",
            "last_name": "Example",
            "address1": "1 Demo Street",
            "city": "Louisville",
            "zip": "40202",
            "province_code": "KY",
            "country_code": "US",
        },
        "line_items": [
            {
                "id": 1,
                "sku": "MUG-W",
                "title": "Mug",
                "quantity": 2,
                "price": "12.50",
                "variant_id": 77,
                "properties": [],
            }
        ],
    }
    return order | changes


def line(**changes: Any) -> dict[str, Any]:
    entry: dict[str, Any] = body()["line_items"][0]
    return entry | changes


def read(order: dict[str, Any], topic: str = "orders/create", **options: Any) -> ReadOrder:
    return shopify.read_order(json.dumps(order).encode(), topic, ShopifyOptions(**options), received_at=RECEIVED_AT)

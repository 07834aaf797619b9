"""What Gelato offers: stock by region and prices by quantity, of the products that are set up."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from processors.inbound.reading import InputNotUsable, minor_units
from processors.outbound import Answer, OutboundClient
from processors.partners import gelato_wire as wire
from processors.partners.common import UNCOUNTED_STOCK_UNITS, date_millis, nonsense
from processors.partners.protocol import Deferred, PartnerOffer

#: `out-of-stock-replenishable` is made by another hub of Gelato's; paper goods are `non-stockable`.
AVAILABLE: Final = frozenset({"in-stock", "out-of-stock-replenishable", "non-stockable"})


class GelatoVariant(msgspec.Struct, frozen=True, kw_only=True):
    """How one of our variants is made at Gelato."""

    #: Our name of it.
    variant: str
    product_uid: str
    #: What Gelato states as production time for the product; its API does not tell.
    production_ms: int
    #: Gelato's name of the first print area.
    file_type: str = "default"


class GelatoCatalogue:
    """Gelato's product API, as far as a partner's offers need it. Its methods raise OutboundError."""

    def __init__(self, client: OutboundClient, variants: tuple[GelatoVariant, ...], currency: str) -> None:
        """`client` has the product API's address and the key; prices are asked for in `currency`."""
        self._client = client
        self._variants = variants
        self._currency = currency

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def offers(self) -> tuple[int, tuple[PartnerOffer, ...]] | Deferred:
        """What is offered, and when Gelato said so (epoch milliseconds, 0 when it gave no date)."""
        stock = await self.stock([variant.product_uid for variant in self._variants])
        if isinstance(stock, Answer):
            return nonsense(stock, outcome_unknown=False)
        offers: list[PartnerOffer] = []
        observed_at = 0
        for variant in self._variants:
            path = f"/v3/products/{variant.product_uid}/prices?currency={self._currency}"
            answer = await self._client.call("GET", path, idempotent=True)
            observed_at = date_millis(answer)
            offer = _offer(variant, stock, answer.read_as(tuple[wire.Price, ...]))
            if offer is not None:
                offers.append(offer)
        return observed_at, tuple(offers)

    async def stock(self, product_uids: Sequence[str], about: str = "") -> dict[str, str] | Answer:
        """The best word of any region for each product; the answer itself when it was none."""
        body: dict[str, Any] = {"products": list(product_uids)}
        path = "/v3/stock/region-availability"
        answer = await self._client.call("POST", path, json=body, idempotent=True, about=about)
        found = answer.read_as(wire.StockAnswer) if answer.status == 200 else None
        if found is None:
            return answer
        best: dict[str, str] = {}
        for product in (*found.products_availability, *found.product_availability):
            words = [region.status for region in product.availability]
            best[product.product_uid] = next((word for word in words if word in AVAILABLE), words[0] if words else "")
        return best


def _offer(
    variant: GelatoVariant, stock: Mapping[str, str], prices: tuple[wire.Price, ...] | None
) -> PartnerOffer | None:
    """None when Gelato no longer knows the product: an offer that vanished is drift, which the sync reports."""
    word = stock.get(variant.product_uid, "not-supported")
    if not prices or word == "not-supported":
        return None
    fewest = min(prices, key=lambda price: price.quantity)
    try:
        together = minor_units(str(fewest.price), fewest.currency)
    except InputNotUsable:
        return None
    return PartnerOffer(
        partner_variant=variant.product_uid,
        variant=variant.variant,
        stock_units=UNCOUNTED_STOCK_UNITS if word in AVAILABLE else 0,
        unit_cost_minor=math.ceil(together / max(fewest.quantity, 1)),
        currency=fewest.currency,
        production_ms=variant.production_ms,
    )

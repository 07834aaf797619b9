"""Products of a Printify shop: what a variant costs, whether its blank is there, and what is printed where."""

import msgspec

from processors.outbound import Answer, OutboundClient
from processors.partners import printify_wire as wire
from processors.partners.common import UNCOUNTED_STOCK_UNITS, date_millis, nonsense
from processors.partners.protocol import Deferred, PartnerOffer, PrintJob, Refused


class PrintifyVariant(msgspec.Struct, frozen=True, kw_only=True):
    """How one of our variants is made at Printify."""

    #: Our name of it.
    variant: str
    blueprint_id: int
    print_provider_id: int
    variant_id: int
    #: A product of the shop with this variant at this provider: Printify tells stock and costs of products only.
    product_id: str
    #: What Printify shows as the provider's production time; its API does not tell.
    production_ms: int
    #: Printify's name of the first print area.
    position: str = "front"

    @property
    def partner_variant(self) -> str:
        """The variant as the catalogue names it: blueprint, provider and variant."""
        return f"{self.blueprint_id}/{self.print_provider_id}/{self.variant_id}"

    def positions(self, job: PrintJob) -> list[str]:
        """Where each file is printed: the first where the variant is set up, further ones as Printify names them."""
        return [file.area.replace("-", "_") if number else self.position for number, file in enumerate(job.files)]


class PrintifyCatalogue:
    """The products of one shop. Its methods raise OutboundError."""

    def __init__(self, client: OutboundClient, shop: str, variants: tuple[PrintifyVariant, ...], currency: str) -> None:
        """`shop` is the path of the shop; costs are in the account's `currency`."""
        self._client = client
        self._shop = shop
        self._variants = variants
        self._currency = currency

    async def stock(self, variant: PrintifyVariant, about: str) -> wire.ProductVariant | Answer | None:
        """The variant in its product; None when the product has no such variant, the answer when it was no product."""
        product = await self._product(variant.product_id, about)
        return product if isinstance(product, Answer) else _of(product, variant)

    async def why_blank(self, order: wire.Order, variant: PrintifyVariant, job: PrintJob) -> Refused | Deferred | None:
        """Why the order would be made without a print; None when each area has its picture."""
        product = await self._product(order.line_items[0].product_id, job.effect_key)
        if isinstance(product, Answer):
            return nonsense(product, outcome_unknown=False)
        printed = {
            placeholder.position
            for area in product.print_areas
            if variant.variant_id in area.variant_ids
            for placeholder in area.placeholders
            if placeholder.images
        }
        lost = sorted(set(variant.positions(job)) - printed)
        if not lost:
            return None
        detail = f"order {order.id} has lost the print file of {', '.join(lost)}, and would be made blank"
        return Refused(reason="print_file_unusable", retryable=True, detail=detail)

    async def offers(self) -> tuple[int, tuple[PartnerOffer, ...]]:
        """What is offered, and when Printify said so (epoch milliseconds, 0 when it gave no date)."""
        products: dict[str, wire.Product] = {}
        observed_at = 0
        for product_id in dict.fromkeys(variant.product_id for variant in self._variants):
            answer = await self._asked(product_id, "")
            observed_at = date_millis(answer)
            product = answer.read_as(wire.Product) if answer.status == 200 else None
            if product is not None:
                products[product_id] = product
        offers = (self._offer(variant, products.get(variant.product_id)) for variant in self._variants)
        return observed_at, tuple(offer for offer in offers if offer is not None)

    def _offer(self, variant: PrintifyVariant, product: wire.Product | None) -> PartnerOffer | None:
        """None when the shop's product lost the variant: an offer that vanished is drift, which the sync reports."""
        found = None if product is None else _of(product, variant)
        if found is None or found.cost <= 0:
            return None
        return PartnerOffer(
            partner_variant=variant.partner_variant,
            variant=variant.variant,
            stock_units=UNCOUNTED_STOCK_UNITS if found.is_available else 0,
            unit_cost_minor=found.cost,
            currency=self._currency,
            production_ms=variant.production_ms,
        )

    async def _product(self, product_id: str, about: str) -> wire.Product | Answer:
        answer = await self._asked(product_id, about)
        return (answer.read_as(wire.Product) if answer.status == 200 else None) or answer

    async def _asked(self, product_id: str, about: str) -> Answer:
        path = f"{self._shop}/products/{product_id}.json"
        return await self._client.call("GET", path, idempotent=True, about=about)


def _of(product: wire.Product, variant: PrintifyVariant) -> wire.ProductVariant | None:
    return next((one for one in product.variants if one.id == variant.variant_id), None)

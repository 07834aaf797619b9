"""Adapter for Printful, API v2 (beta).

**Submitting** takes three requests: create a draft whose `external_id` is the effect key (unique in a store, at most
32 characters), look at its items, confirm it. Printful answers a used `external_id` with a plain 400, so every 400 is
followed by a reading back: what is there already is taken up where an earlier try left it. The look at the items
comes between because a file that Printful dropped leaves an item without a print, and a confirmed order would
then be made blank.

**Cancelling.** `DELETE /v2/orders/{id}` deletes drafts and failed orders; a confirmed order is cancelled by
`DELETE /orders/{id}` of version 1, as long as Printful has not begun.

**Parcels.** Printful ships under its own labels, so its orders go to our own receiving address; the buyer is never
named to it.

**Webhooks** are signed with HMAC-SHA256 over the raw body, in hexadecimal; the key is configured in hexadecimal and
decoded first. There is no time-stamp in the signature (Printful repeats an event for a day), and no event id: the id
is derived from all that stays the same over repetitions. Printful reports no inspection and no stage between
`inprocess` and shipped, so a fulfilled order is reported as printed and as handed over.
"""

import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from processors.gate import Rate
from processors.inbound.reading import InputNotUsable, minor_units
from processors.outbound import Answer, OutboundClient, OutboundError, preview
from processors.partners import printful_wire as wire
from processors.partners.common import (
    UNCOUNTED_STOCK_UNITS,
    ReceivingAddress,
    date_millis,
    in_doubt,
    millis_or_zero,
    nonsense,
    nothing_ordered,
    refusal,
)
from processors.partners.printful_events import DRAFT, STATUS_MAP, reports, snapshot
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    CancelOutcome,
    CancelTooLate,
    Deferred,
    JobSnapshot,
    PartnerOffer,
    PartnerOffers,
    PartnerReport,
    PrintJob,
    Refused,
    SubmitOutcome,
    Vouched,
)
from processors.webhooks import refuse_large, require_signature

#: The rate that Printful states for a store, for the client's `OutboundPolicy.rate_limit`.
STATED_RATE_LIMIT: Final = Rate(calls=120, seconds=60)

SIGNATURE_HEADER: Final = "x-pf-webhook-signature"


class PrintfulVariant(msgspec.Struct, frozen=True, kw_only=True):
    """How one of our variants is made at Printful."""

    #: Our name of it.
    variant: str
    catalog_variant_id: int
    #: `front`, `default` …; `dtg`, `sublimation`, `digital` …
    placement: str
    technique: str
    #: What Printful states as fulfilment time for the product; its API does not tell.
    production_ms: int


class Printful:
    """One Printful store, as a `PrintPartner`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        *,
        variants: tuple[PrintfulVariant, ...],
        receiving: ReceivingAddress,
        webhook_secrets_hex: tuple[str, ...],
        capacity_units_per_day: int,
        selling_region: str = "worldwide",
    ) -> None:
        """`client` has the address and the token; the capacity is our estimate, because Printful states none."""
        if not webhook_secrets_hex:
            raise ValueError(f"{name} needs its webhook secrets, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._variants = {str(variant.catalog_variant_id): variant for variant in variants}
        self._receiving = receiving
        self._keys = tuple(bytes.fromhex(secret) for secret in webhook_secrets_hex)
        self._capacity_units_per_day = capacity_units_per_day
        self._selling_region = selling_region

    @property
    def name(self) -> str:
        """The partner's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Create, look, confirm; whatever an earlier try did already is found and not done again."""
        variant = self._variants.get(job.partner_variant)
        if variant is None:
            return Refused(reason="variant_unknown", retryable=False, detail=f"{job.partner_variant} is not set up")
        try:
            created = await self._create(job, variant)
        except OutboundError as error:
            held = await self._order(job.effect_key) if error.outcome_unknown else None
            if isinstance(held, wire.Order):
                return await self._take_up(job, held, already_known=True)
            return nothing_ordered(error)
        order = created.read_as(wire.OrderAnswer) if created.status == 200 else None
        if order is not None:
            return await self._take_up(job, order.data, already_known=False)
        held = await self._order(job.effect_key) if created.status in (400, 409) else None
        if isinstance(held, Deferred):
            # An order stands under the key, and whether it was confirmed cannot be asked.
            return in_doubt(held)
        return _refused(created) if held is None else await self._take_up(job, held, already_known=True)

    async def _create(self, job: PrintJob, variant: PrintfulVariant) -> Answer:
        # The first area is where the variant is set up to be printed; further ones are named as Printful names them.
        placements = [
            {
                "placement": file.area.replace("-", "_") if number else variant.placement,
                "technique": variant.technique,
                "layers": [{"type": "file", "url": file.url}],
            }
            for number, file in enumerate(job.files)
        ]
        recipient = {name: said for name, said in msgspec.to_builtins(self._receiving).items() if said is not None}
        body: dict[str, Any] = {
            "external_id": job.effect_key,
            "recipient": recipient,
            "order_items": [
                {
                    "source": "catalog",
                    "catalog_variant_id": variant.catalog_variant_id,
                    "quantity": job.quantity,
                    "placements": placements,
                }
            ],
        }
        return await self._client.call("POST", "/v2/orders", json=body, idempotent=True, about=job.effect_key)

    async def _take_up(self, job: PrintJob, order: wire.Order, *, already_known: bool) -> SubmitOutcome:
        """Go on with an order that stands at Printful, whoever created it."""
        made = {(item.catalog_variant_id, item.quantity) for item in order.order_items}
        if made != {(int(job.partner_variant), job.quantity)}:
            return Refused(
                reason="conflict",
                retryable=False,
                needs_person=True,
                detail=f"order {order.id} has this external_id with other items",
            )
        if order.status != DRAFT:
            return _accepted(order, already_known=already_known)
        path = f"/v2/orders/@{job.effect_key}"
        try:
            listed = await self._client.call("GET", f"{path}/order-items", idempotent=True, about=job.effect_key)
            items = listed.read_as(wire.ItemsAnswer)
            blank = "its items cannot be read" if items is None else _why_blank(items.data)
            if blank is not None:
                return Refused(reason="print_file_unusable", retryable=True, detail=f"order {order.id}: {blank}")
        except OutboundError as error:
            return nothing_ordered(error)
        try:
            answer = await self._client.call("POST", f"{path}/confirmation", idempotent=True, about=job.effect_key)
        except OutboundError as error:
            held = await self._order(job.effect_key) if error.outcome_unknown else None
            if isinstance(held, wire.Order) and held.status != DRAFT:
                return _accepted(held, already_known=True)
            return error.deferred()
        confirmed = answer.read_as(wire.OrderAnswer) if answer.status == 200 else None
        if confirmed is not None:
            return _accepted(confirmed.data, already_known=already_known)
        held = await self._order(job.effect_key)
        if isinstance(held, wire.Order) and held.status != DRAFT:
            return _accepted(held, already_known=True)
        # The call may have been made twice: the first was taken, and this is the answer to the second.
        return in_doubt(held) if isinstance(held, Deferred) else _refused(answer)

    async def _order(self, effect_key: str) -> wire.Order | Deferred | None:
        try:
            answer = await self._client.call("GET", f"/v2/orders/@{effect_key}", idempotent=True, about=effect_key)
        except OutboundError as error:
            return error.deferred()
        if answer.status == 404:
            return None
        order = answer.read_as(wire.OrderAnswer) if answer.status == 200 else None
        return nonsense(answer, outcome_unknown=False) if order is None else order.data

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """What Printful makes under the key. A draft is nothing yet: the next submission takes it up."""
        order = await self._order(effect_key)
        if order is None or isinstance(order, Deferred):
            return order
        if order.status == DRAFT:
            return None
        return snapshot(effect_key, order)

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Delete a draft, cancel a confirmed order; Printful takes no reason."""
        order = await self._order(effect_key)
        if isinstance(order, Deferred):
            return order
        if order is None:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        if order.status == "canceled":
            return CancelConfirmed(confirmed_at=millis_or_zero(order.updated_at))
        version = "/v2" if order.status in (DRAFT, "failed") else ""
        try:
            path = f"{version}/orders/@{effect_key}"
            answer = await self._client.call("DELETE", path, idempotent=True, about=effect_key)
        except OutboundError as error:
            return error.deferred()
        if answer.status in (200, 204):
            return CancelConfirmed(confirmed_at=millis_or_zero(order.updated_at))
        if answer.status in (401, 403):
            return _refused(answer)
        held = await self._order(effect_key)
        if isinstance(held, Deferred):
            return held
        if held is None or held.status == "canceled":
            return CancelConfirmed(confirmed_at=millis_or_zero((held or order).updated_at))
        canonical = STATUS_MAP.canonical(held.status)
        return CancelTooLate(raw_status=held.status, canonical=canonical, detail=preview(answer.body))

    async def offers(self) -> PartnerOffers | Deferred:
        """Price and availability of each variant that is set up."""
        offers: list[PartnerOffer] = []
        observed_at = 0
        try:
            for variant in self._variants.values():
                path = f"/v2/catalog-variants/{variant.catalog_variant_id}"
                stock = await self._client.call("GET", f"{path}/availability", idempotent=True)
                price = await self._client.call("GET", f"{path}/prices", idempotent=True)
                observed_at = date_millis(price)
                offer = self._offer(variant, stock.read_as(wire.StockAnswer), price.read_as(wire.PriceAnswer))
                if offer is not None:
                    offers.append(offer)
        except OutboundError as error:
            return error.deferred()
        return PartnerOffers(
            partner=self._name,
            observed_at=observed_at,
            country=self._receiving.country_code,
            ships_to=(),
            capacity_units_per_day=self._capacity_units_per_day,
            load_units=0,
            offers=tuple(offers),
        )

    def _offer(
        self, variant: PrintfulVariant, stock: wire.StockAnswer | None, price: wire.PriceAnswer | None
    ) -> PartnerOffer | None:
        """None when Printful no longer knows the variant: an offer that vanished is drift, which the sync reports."""
        if stock is None or price is None:
            return None
        prices = [t.price for t in price.data.variant.techniques if t.technique_key == variant.technique]
        available = any(
            region.availability == "in stock"
            for technique in stock.data.techniques
            if technique.technique == variant.technique
            for region in technique.selling_regions
            if region.name == self._selling_region
        )
        try:
            return PartnerOffer(
                partner_variant=str(variant.catalog_variant_id),
                variant=variant.variant,
                stock_units=UNCOUNTED_STOCK_UNITS if available else 0,
                unit_cost_minor=minor_units(prices[0], price.data.currency),
                currency=price.data.currency,
                production_ms=variant.production_ms,
            )
        except (IndexError, InputNotUsable):
            return None

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless one of the secrets signed this body."""
        refuse_large(body)
        require_signature(headers, SIGNATURE_HEADER, [sign(key, body) for key in self._keys])

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate order and shipment events; those of the catalogue and of mock-ups say nothing of a job."""
        return reports(body)

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """All of them: their webhook was signed."""
        return Vouched(reports=reports)


def sign(key: bytes, body: bytes) -> str:
    """The value of `x-pf-webhook-signature` for a body."""
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def _why_blank(items: tuple[wire.Item, ...]) -> str | None:
    """Why an order would be made without its print; None when every item has one."""
    for item in items:
        if not item.placements or not all(placement.layers for placement in item.placements):
            return f"item {item.id} has lost its print file"
        failed = [p.status_explanation or p.placement for p in item.placements if p.status != "ok"]
        if failed:
            return f"item {item.id}: {'; '.join(failed)}"
    return None if items else "it has no items"


def _accepted(order: wire.Order, *, already_known: bool) -> Accepted:
    cost_minor, currency = None, None
    if order.costs.calculation_status == "done" and order.costs.total and order.costs.currency:
        # A price that cannot be read is left out: the order stands all the same.
        with contextlib.suppress(InputNotUsable):
            cost_minor, currency = minor_units(order.costs.total, order.costs.currency), order.costs.currency
    return Accepted(
        partner_reference=str(order.id),
        accepted_at=millis_or_zero(order.updated_at),
        already_known=already_known,
        cost_minor=cost_minor,
        currency=currency,
    )


def _refused(answer: Answer) -> Refused:
    body = answer.read_as(wire.ErrorAnswer)
    said = preview(answer.body) if body is None else body.error.message or body.result
    refused = refusal(answer, said)
    if answer.status == 400 and "out of stock" in said.casefold():
        return msgspec.structs.replace(refused, reason="out_of_stock", needs_person=False)
    return refused

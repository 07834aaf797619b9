"""Adapter for Gelato, API v4.

**Submitting.** Gelato offers no idempotency key, and `orderReferenceId` stands on all orders that it splits one into,
so it proves nothing either. Therefore an order begins as a draft, which costs nothing and prints nothing; its id is
claimed under the effect key (the first claim wins for good), and only the claimed draft is turned into an order. A
worker that dies on the way leaves a draft, never a second shirt. The draft's files are looked at before, because an
order without its file would be made blank, and the product's stock is asked for before anything is drafted.

**Cancelling** is possible until something is printed; Gelato answers 409 afterwards. A cancel of what was never
submitted claims the effect key itself, so that a submission that comes late finds it taken.

**Parcels.** Gelato ships under its own labels, so its orders go to our own receiving address; the buyer is never named
to it.

**Webhooks** are not signed: Gelato sends a header that its customer chose, here `Authorization: Bearer <secret>`. So a
webhook is a hint, and nothing is believed before Gelato was asked: `vouch` reads the order back. An event has an id and
no time. Gelato tries a webhook three times within ten seconds and then drops it.

Gelato states no rate limit for these calls; its 429 and `Retry-After` are obeyed.
"""

from collections.abc import Mapping
from typing import Final

from processors.carriers.protocol import ClaimStore
from processors.inbound.reading import InputNotUsable, minor_units
from processors.outbound import Answer, OutboundClient, OutboundError, preview
from processors.partners import gelato_wire as wire
from processors.partners.common import (
    WITHDRAWN,
    ReceivingAddress,
    in_doubt,
    millis_or_zero,
    nonsense,
    nothing_ordered,
    refusal,
)
from processors.partners.gelato_catalogue import AVAILABLE, GelatoCatalogue, GelatoVariant
from processors.partners.gelato_events import DRAFT, STATUS_MAP, judged, reports, snapshot
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    CancelOutcome,
    CancelTooLate,
    Deferred,
    JobSnapshot,
    PartnerOffers,
    PartnerReport,
    PrintJob,
    Refused,
    SubmitOutcome,
    Vouched,
)
from processors.partners.vouching import ask_back
from processors.webhooks import refuse_large, require_bearer

#: Orders that one submission may be split into, as far as they are followed.
PARTS_MAX: Final = 8


class Gelato:
    """One Gelato account, as a `PrintPartner`."""

    def __init__(
        self,
        name: str,
        orders: OutboundClient,
        products: OutboundClient,
        claims: ClaimStore,
        *,
        variants: tuple[GelatoVariant, ...],
        receiving: ReceivingAddress,
        webhook_secrets: tuple[str, ...],
        capacity_units_per_day: int,
        currency: str = "USD",
    ) -> None:
        """`orders` and `products` have Gelato's two addresses and the key; the capacity is our own estimate."""
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError(f"{name} needs its webhook secrets, or none of its reports can be believed")
        self._name = name
        self._orders = orders
        self._catalogue = GelatoCatalogue(products, variants, currency)
        self._claims = claims
        self._variants = {variant.product_uid: variant for variant in variants}
        self._receiving = receiving
        self._secrets = webhook_secrets
        self._capacity_units_per_day = capacity_units_per_day
        self._currency = currency

    @property
    def name(self) -> str:
        """The partner's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._orders.aclose()
        await self._catalogue.aclose()

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Draft, claim, order; whatever an earlier try did already is found and not done again."""
        variant = self._variants.get(job.partner_variant)
        if variant is None:
            return Refused(reason="variant_unknown", retryable=False, detail=f"{job.partner_variant} is not set up")
        claimed = await self._claims.claimed(job.effect_key)
        try:
            drafted = await self._draft(job, variant) if claimed is None else None
        except OutboundError as error:
            return nothing_ordered(error)
        if isinstance(drafted, Refused | Deferred):
            return drafted
        if drafted is not None:
            claimed = await self._claims.claim(job.effect_key, drafted.id)
        if claimed == WITHDRAWN:
            return Refused(reason="cancelled", retryable=False, detail="it was cancelled before it was submitted")
        if drafted is not None and drafted.id == claimed:
            return await self._order_made(job, variant, drafted, already_known=False)
        held = await self._order(claimed or "", job.effect_key)
        if held is None:
            return Refused(reason="cancelled", retryable=False, detail=f"draft {claimed} was deleted at Gelato")
        if isinstance(held, Deferred):
            # The claimed draft may have been ordered by an earlier try.
            return in_doubt(held)
        return await self._order_made(job, variant, held, already_known=True)

    async def _draft(self, job: PrintJob, variant: GelatoVariant) -> wire.Order | Refused | Deferred:
        stock = await self._catalogue.stock((variant.product_uid,), about=job.effect_key)
        if isinstance(stock, Answer):
            return _refused(stock)
        if stock.get(variant.product_uid) == "not-supported":
            return Refused(reason="variant_unknown", retryable=False, detail=f"{variant.product_uid} is not supported")
        if stock.get(variant.product_uid, "") not in AVAILABLE:
            return Refused(reason="out_of_stock", retryable=False, detail=f"{variant.product_uid} is out of stock")
        item = {
            "itemReferenceId": job.effect_key,
            "productUid": variant.product_uid,
            "quantity": job.quantity,
            "files": _files(job, variant),
        }
        body = {
            "orderType": DRAFT,
            "orderReferenceId": job.effect_key,
            "customerReferenceId": job.effect_key,
            "currency": self._currency,
            "items": [item],
            "shippingAddress": self._shipping_address(),
        }
        answer = await self._orders.call("POST", "/v4/orders", json=body, idempotent=True, about=job.effect_key)
        if answer.status not in (200, 201):
            return _refused(answer)
        return answer.read_as(wire.Order) or nonsense(answer, outcome_unknown=False)

    def _shipping_address(self) -> dict[str, str]:
        receiving = self._receiving
        named = {
            "companyName": receiving.name,
            "firstName": receiving.name[:25],
            "lastName": "Receiving",
            "addressLine1": receiving.address1,
            "city": receiving.city,
            "postCode": receiving.zip,
            "country": receiving.country_code,
            "state": receiving.state_code,
            "phone": receiving.phone,
            "email": receiving.email,
        }
        return {name: said for name, said in named.items() if said is not None}

    async def _order_made(
        self, job: PrintJob, variant: GelatoVariant, order: wire.Order, *, already_known: bool
    ) -> SubmitOutcome:
        """Go on with the claimed order, whoever drafted it."""
        if not _is_of(order, job):
            detail = f"order {order.id} was claimed for this run with other items"
            return Refused(reason="conflict", retryable=False, needs_person=True, detail=detail)
        if order.order_type != DRAFT:
            return _accepted(order, already_known=already_known)
        files = _files(job, variant)
        if [len(item.files) for item in order.items] != [len(files)]:
            detail = f"draft {order.id} has lost a print file, and would be made blank"
            return Refused(reason="print_file_unusable", retryable=True, detail=detail)
        # The files are named again: the links of an older draft may have expired.
        body = {"orderType": "order", "items": [{"id": order.items[0].id, "files": files}]}
        try:
            answer = await self._orders.call(
                "PATCH", f"/v4/orders/{order.id}", json=body, idempotent=True, about=job.effect_key
            )
        except OutboundError as error:
            held = await self._order(order.id, job.effect_key) if error.outcome_unknown else None
            if isinstance(held, wire.Order) and held.order_type != DRAFT:
                return _accepted(held, already_known=True)
            return error.deferred()
        made = answer.read_as(wire.Order) if answer.status == 200 else None
        if made is not None:
            return _accepted(made, already_known=already_known)
        held = await self._order(order.id, job.effect_key)
        if isinstance(held, wire.Order) and held.order_type != DRAFT:
            return _accepted(held, already_known=True)
        if isinstance(held, Deferred):
            # The call may have been made twice: the first was taken, and this is the answer to the second.
            return in_doubt(held)
        return nonsense(answer, outcome_unknown=True) if answer.status == 200 else _refused(answer)

    async def _order(self, order_id: str, about: str) -> wire.Order | Deferred | None:
        try:
            answer = await self._orders.call("GET", f"/v4/orders/{order_id}", idempotent=True, about=about)
        except OutboundError as error:
            return error.deferred()
        if answer.status == 404:
            return None
        order = answer.read_as(wire.Order) if answer.status == 200 else None
        return nonsense(answer, outcome_unknown=False) if order is None else order

    async def _parts(self, effect_key: str) -> tuple[wire.Order, ...] | Deferred:
        """The claimed order and those that Gelato split off it; empty when nothing was claimed."""
        claimed = await self._claims.claimed(effect_key)
        if claimed is None or claimed == WITHDRAWN:
            return ()
        first = await self._order(claimed, effect_key)
        if isinstance(first, Deferred):
            return first
        if first is None:
            return ()
        parts = [first]
        for order_id in (first.connected_order_ids or ())[: PARTS_MAX - 1]:
            part = await self._order(order_id, effect_key)
            if isinstance(part, Deferred):
                return part
            if part is not None and part.id != first.id:
                parts.append(part)
        return tuple(parts)

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """What Gelato makes under the key. A draft is nothing yet: the next submission takes it up."""
        parts = await self._parts(effect_key)
        if isinstance(parts, Deferred):
            return parts
        if not parts or parts[0].order_type == DRAFT:
            return None
        return snapshot(effect_key, parts)

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Delete a draft, cancel an order and all that was split off it; Gelato takes no reason."""
        if await self._claims.claim(effect_key, WITHDRAWN) == WITHDRAWN:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        parts = await self._parts(effect_key)
        if isinstance(parts, Deferred):
            return parts
        if not parts:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        for part in parts:
            outcome = await self._cancel_one(part, effect_key)
            if outcome is not None:
                return outcome
        return CancelConfirmed(confirmed_at=max(millis_or_zero(part.updated_at) for part in parts))

    async def _cancel_one(self, part: wire.Order, about: str) -> CancelTooLate | Refused | Deferred | None:
        """None when the order will not be made."""
        if part.fulfillment_status == "canceled":
            return None
        method, path = ("DELETE", "") if part.order_type == DRAFT else ("POST", ":cancel")
        try:
            answer = await self._orders.call(method, f"/v4/orders/{part.id}{path}", idempotent=True, about=about)
        except OutboundError as error:
            return error.deferred()
        if answer.status in (200, 204, 404):
            return None
        if answer.status != 409:
            return _refused(answer)
        held = await self._order(part.id, about)
        raw = held.fulfillment_status if isinstance(held, wire.Order) else part.fulfillment_status
        if raw == "canceled":
            return None
        return CancelTooLate(raw_status=raw, canonical=STATUS_MAP.canonical(raw), detail=preview(answer.body))

    async def offers(self) -> PartnerOffers | Deferred:
        """Price and availability of each product that is set up."""
        try:
            found = await self._catalogue.offers()
        except OutboundError as error:
            return error.deferred()
        if isinstance(found, Deferred):
            return found
        observed_at, offers = found
        return PartnerOffers(
            partner=self._name,
            observed_at=observed_at,
            country=self._receiving.country_code,
            ships_to=(),
            capacity_units_per_day=self._capacity_units_per_day,
            load_units=0,
            offers=offers,
        )

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless the header has one of the secrets. It says nothing of the body."""
        refuse_large(body)
        require_bearer(headers, self._secrets, "at Gelato")

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate order events; those of items repeat them, those of the catalogue say nothing of a job."""
        return reports(body)

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """What Gelato itself says when it is asked, because nothing proves that a webhook is its own."""
        return await ask_back(self._name, reports, self._parts, judged)


def _is_of(order: wire.Order, job: PrintJob) -> bool:
    """Whether the order makes this job; one that Gelato split makes only some of the pieces."""
    if [item.product_uid for item in order.items] != [job.partner_variant]:
        return False
    made = order.items[0].quantity
    return made < job.quantity if order.connected_order_ids else made == job.quantity


def _files(job: PrintJob, variant: GelatoVariant) -> list[dict[str, str]]:
    """The first area is where the variant is set up to be printed; further ones are named as Gelato names them."""
    return [
        {"type": file.area if number else variant.file_type, "url": file.url} for number, file in enumerate(job.files)
    ]


def _accepted(order: wire.Order, *, already_known: bool) -> Accepted:
    cost_minor, currency = None, None
    for receipt in order.receipts[:1]:
        try:
            cost_minor, currency = minor_units(str(receipt.total), receipt.currency), receipt.currency
        except InputNotUsable:
            # A price that cannot be read is left out: the order stands all the same.
            cost_minor, currency = None, None
    return Accepted(
        partner_reference=order.id,
        accepted_at=millis_or_zero(order.updated_at),
        already_known=already_known,
        cost_minor=cost_minor,
        currency=currency,
    )


def _refused(answer: Answer) -> Refused:
    body = answer.read_as(wire.ErrorAnswer)
    return refusal(answer, body.message if body is not None else "")

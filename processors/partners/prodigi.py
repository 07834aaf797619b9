"""Adapter for Prodigi, Print API v4.0, from prodigi.com/print-api/docs/reference.

**Submitting** is one request. Its `idempotencyKey` is the effect key, which Prodigi remembers for good: an order that
is there already is answered with the outcome `AlreadyExists`. `merchantReference` is the effect key too, because only
by it can orders be looked for. Prodigi could check a file by its MD5, which we do not keep.

**Pausing.** An account may have a pause window, in which Prodigi shows no more of an order than its id. Such an account
is set up with `pause_window`: an order that cannot be found is then not taken for one that was never made.

**Cancelling**: `POST …/actions/cancel` cancels until the labs have the order; its outcome says whether it did.

**Callbacks** are CloudEvents that nobody signs. So their address has a secret in its query, which the API hands over as
if it stood in the `Authorization` header. Each order names that address, and no callback is believed before Prodigi was
asked: `vouch` reads the order back. Callbacks come when the stage changes and when a parcel leaves; that the labs have
begun, or that an order waits for somebody, is seen by asking only, which the reconciler does.

**Parcels.** Prodigi ships under its own labels, so its orders go to our own receiving address; the buyer is never named
to it. It states no rate limit; its 429 and `Retry-After` are obeyed.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from processors.carriers.protocol import ClaimStore
from processors.inbound.reading import InputNotUsable, minor_units
from processors.outbound import Answer, OutboundClient, OutboundError
from processors.partners import prodigi_wire as wire
from processors.partners.common import (
    UNCOUNTED_STOCK_UNITS,
    WITHDRAWN,
    ReceivingAddress,
    date_millis,
    nonsense,
    refusal,
)
from processors.partners.prodigi_events import cost_of, reports, snapshot
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
from processors.partners.vouching import ask_back, borne_out
from processors.webhooks import refuse_large, require_bearer

ORDERS: Final = "/v4.0/orders"
SHIPPING_METHOD: Final = "Standard"
SIZING: Final = "fillPrintArea"
#: Behind an effect key: whether it was submitted or withdrawn, whichever came first.
BEGUN_MARK: Final = "/begun"
SUBMITTED: Final = "submitted"
#: Outcomes in lower case, because the reference writes them in two ways.
EXISTS: Final = "alreadyexists"
CANCELLED: Final = "cancelled"
#: Issues of a new order in our words: the order is cancelled again, because nobody else may wait for it.
HOPELESS: Final[Mapping[str, str]] = {"ItemUnavailable": "out_of_stock"}


class ProdigiVariant(msgspec.Struct, frozen=True, kw_only=True):
    """How one of our variants is made at Prodigi."""

    #: Our name of it.
    variant: str
    sku: str
    #: What Prodigi states as production time for the product; its API does not tell.
    production_ms: int
    #: Prodigi's name of the first print area.
    print_area: str = "default"
    #: What of the product's attributes is chosen, such as `{"color": "black"}`.
    attributes: dict[str, str] = {}


class Prodigi:
    """One Prodigi account, as a `PrintPartner`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        claims: ClaimStore,
        *,
        variants: tuple[ProdigiVariant, ...],
        receiving: ReceivingAddress,
        callback_url: str,
        webhook_secrets: tuple[str, ...],
        capacity_units_per_day: int,
        currency: str = "USD",
        pause_window: bool = False,
    ) -> None:
        """`client` has the address and the key; `callback_url` is without the secret, which is put behind it."""
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError(f"{name} needs its webhook secrets, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._claims = claims
        self._variants = {variant.sku: variant for variant in variants}
        self._receiving = receiving
        self._callback_url = f"{callback_url}?secret={webhook_secrets[0]}"
        self._secrets = webhook_secrets
        self._capacity_units_per_day = capacity_units_per_day
        self._currency = currency
        self._pause_window = pause_window

    @property
    def name(self) -> str:
        """The partner's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Order, or find what an earlier try ordered."""
        variant = self._variants.get(job.partner_variant)
        if variant is None:
            return Refused(reason="variant_unknown", retryable=False, detail=f"{job.partner_variant} is not set up")
        if await self._claims.claim(job.effect_key + BEGUN_MARK, SUBMITTED) == WITHDRAWN:
            return Refused(reason="cancelled", retryable=False, detail="it was cancelled before it was submitted")
        body = self._order_body(job, variant)
        try:
            answer = await self._client.call("POST", ORDERS, json=body, idempotent=True, about=job.effect_key)
        except OutboundError as error:
            held = await self._held(job.effect_key) if error.outcome_unknown else None
            if isinstance(held, wire.Order):
                return _why_other(held, job) or _why_over(held) or _accepted(held, already_known=True)
            return error.deferred()
        ordered = answer.read_as(wire.OrderAnswer) if answer.status in (200, 201) else None
        if ordered is None or ordered.order is None:
            return nonsense(answer, outcome_unknown=True) if answer.status in (200, 201) else _refused(answer)
        await self._claims.claim(job.effect_key, ordered.order.id)
        already_known = ordered.outcome.casefold() == EXISTS
        order = ordered.order
        if already_known and order.status is None:
            held = await self._held(job.effect_key)
            order = held if isinstance(held, wire.Order) else order
        refused = _why_other(order, job) or _why_over(order) or await self._why_hopeless(order, job)
        return refused or _accepted(order, already_known=already_known, at=date_millis(answer))

    def _order_body(self, job: PrintJob, variant: ProdigiVariant) -> dict[str, Any]:
        receiving = self._receiving
        # The first area is where the variant is set up to be printed; further ones are named as Prodigi names them.
        assets = [
            {"printArea": file.area if number else variant.print_area, "url": file.url}
            for number, file in enumerate(job.files)
        ]
        item = {
            "merchantReference": job.effect_key,
            "sku": variant.sku,
            "copies": job.quantity,
            "sizing": SIZING,
            "attributes": variant.attributes,
            "assets": assets,
        }
        address = {
            "line1": receiving.address1,
            "townOrCity": receiving.city,
            "stateOrCounty": receiving.state_code,
            "postalOrZipCode": receiving.zip,
            "countryCode": receiving.country_code,
        }
        return {
            "merchantReference": job.effect_key,
            "idempotencyKey": job.effect_key,
            "callbackUrl": self._callback_url,
            "shippingMethod": SHIPPING_METHOD,
            "recipient": {
                "name": receiving.name,
                "email": receiving.email,
                "phoneNumber": receiving.phone,
                "address": address,
            },
            "items": [item],
        }

    async def _why_hopeless(self, order: wire.Order, job: PrintJob) -> Refused | None:
        """Why a new order cannot be made as it is; it was cancelled then, or it stands and will be reported on."""
        issues = order.status.issues if order.status is not None else ()
        kinds = [issue.error_code.rpartition(".")[2] for issue in issues]
        reason = next((HOPELESS[kind] for kind in kinds if kind in HOPELESS), None)
        if reason is None and order.items and len(order.items[0].assets) < len(job.files):
            reason = "print_file_unusable"
        if reason is None or not isinstance(await self._cancel_one(order, job.effect_key), CancelConfirmed):
            return None
        said = "; ".join(issue.description for issue in issues) or "it lost a print file"
        return Refused(reason=reason, retryable=False, detail=f"order {order.id} was cancelled again: {said}")

    async def _held(self, effect_key: str) -> wire.Order | Deferred | None:
        """The order of the key, without a status while it is paused; None when there is none."""
        claimed = await self._claims.claimed(effect_key)
        if claimed is not None:
            answered = await self._asked(f"{ORDERS}/{claimed}", effect_key)
            if isinstance(answered, Deferred):
                return answered
            if answered.status == 404:
                return wire.Order(id=claimed)
            found = answered.read_as(wire.OrderAnswer) if answered.status == 200 else None
            order = None if found is None else found.order
            return nonsense(answered, outcome_unknown=False) if order is None else order
        if await self._claims.claimed(effect_key + BEGUN_MARK) != SUBMITTED:
            return None
        answered = await self._asked(f"{ORDERS}?merchantReferences={effect_key}", effect_key)
        if isinstance(answered, Deferred):
            return answered
        listed = answered.read_as(wire.OrdersAnswer) if answered.status == 200 else None
        if listed is None:
            return nonsense(answered, outcome_unknown=False)
        mine = next((order for order in listed.orders if order.merchant_reference == effect_key), None)
        if mine is not None:
            await self._claims.claim(effect_key, mine.id)
        elif self._pause_window:
            detail = f"{effect_key} was submitted, and an order in its pause window cannot be found"
            return Deferred(reason="answer_lost", retry_after_ms=0, outcome_unknown=True, detail=detail)
        return mine

    async def _asked(self, path: str, about: str) -> Answer | Deferred:
        try:
            return await self._client.call("GET", path, idempotent=True, about=about)
        except OutboundError as error:
            return error.deferred()

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """What Prodigi makes under the key."""
        held = await self._held(effect_key)
        return snapshot(effect_key, held) if isinstance(held, wire.Order) else held

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Cancel the order, where it is not with the labs yet; Prodigi takes no reason."""
        if await self._claims.claim(effect_key + BEGUN_MARK, WITHDRAWN) == WITHDRAWN:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        held = await self._held(effect_key)
        if isinstance(held, Deferred):
            return held
        if held is None:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        return await self._cancel_one(held, effect_key)

    async def _cancel_one(self, order: wire.Order, about: str) -> CancelOutcome:
        path = f"{ORDERS}/{order.id}/actions/cancel"
        try:
            answer = await self._client.call("POST", path, idempotent=True, about=about)
        except OutboundError as error:
            return error.deferred()
        found = answer.read_as(wire.OrderAnswer)
        if answer.status == 200 and found is not None and found.outcome.casefold() == CANCELLED:
            return CancelConfirmed(confirmed_at=date_millis(answer))
        if answer.status == 404:
            detail = f"order {order.id} is in the account's pause window: cancel it in Prodigi's dashboard, or wait"
            return Refused(reason="unavailable", retryable=True, detail=detail)
        if answer.status != 200 or found is None:
            return _refused(answer)
        now = await self._held(about)
        if isinstance(now, Deferred):
            return now
        held = snapshot(about, now or order)
        if held.canonical == "cancelled":
            return CancelConfirmed(confirmed_at=held.updated_at)
        return CancelTooLate(raw_status=held.raw_status, canonical=held.canonical, detail=found.outcome)

    async def offers(self) -> PartnerOffers | Deferred:
        """What a quote says that each variant costs at our receiving address."""
        offers: list[PartnerOffer] = []
        observed_at = 0
        try:
            for variant in self._variants.values():
                body = {
                    "shippingMethod": SHIPPING_METHOD,
                    "destinationCountryCode": self._receiving.country_code,
                    "currencyCode": self._currency,
                    "items": [
                        {
                            "sku": variant.sku,
                            "copies": 1,
                            "attributes": variant.attributes,
                            "assets": [{"printArea": variant.print_area}],
                        }
                    ],
                }
                answer = await self._client.call("POST", "/v4.0/quotes", json=body, idempotent=True)
                observed_at = date_millis(answer)
                offer = _offer(variant, answer.read_as(wire.QuoteAnswer) if answer.status == 200 else None)
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

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless the address had one of the secrets. It says nothing of the body."""
        refuse_large(body)
        require_bearer(headers, self._secrets, "in the address that Prodigi was given")

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate callbacks about orders; others say nothing of a job."""
        return reports(body)

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """What Prodigi itself says when it is asked, because nothing proves that a callback is its own."""
        return await ask_back(self._name, reports, self.read_back, _judged)


def _judged(report: PartnerReport, held: JobSnapshot | None) -> PartnerReport | None:
    return None if held is None else borne_out(report, held)


def _why_other(order: wire.Order, job: PrintJob) -> Refused | None:
    made = [(item.sku.casefold(), item.copies) for item in order.items]
    # A paused order shows no items; that it is ours says its key.
    if not made or made == [(job.partner_variant.casefold(), job.quantity)]:
        return None
    detail = f"order {order.id} has this idempotency key with other items"
    return Refused(reason="conflict", retryable=False, needs_person=True, detail=detail)


def _why_over(order: wire.Order) -> Refused | None:
    """A cancelled order keeps its idempotency key for good, so that nothing can be ordered under it any more."""
    if order.status is None or order.status.stage != "Cancelled":
        return None
    return Refused(reason="cancelled", retryable=False, detail=f"order {order.id} was cancelled")


def _accepted(order: wire.Order, *, already_known: bool, at: int = 0) -> Accepted:
    cost_minor, currency = cost_of(order) or (None, None)
    return Accepted(
        partner_reference=order.id,
        accepted_at=snapshot("", order).accepted_at or at,
        already_known=already_known,
        cost_minor=cost_minor,
        currency=currency,
    )


def _offer(variant: ProdigiVariant, quoted: wire.QuoteAnswer | None) -> PartnerOffer | None:
    """None when Prodigi no longer quotes the product: an offer that vanished is drift, which the sync reports.

    The tax warning of a quote is one of its issues, so `CreatedWithIssues` is a quote as good as any.
    """
    items = [item for quote in (quoted.quotes if quoted is not None else ()) for item in quote.items]
    try:
        cost = items[0].unit_cost
        return PartnerOffer(
            partner_variant=variant.sku,
            variant=variant.variant,
            stock_units=UNCOUNTED_STOCK_UNITS,
            unit_cost_minor=minor_units(cost.amount, cost.currency),
            currency=cost.currency,
            production_ms=variant.production_ms,
        )
    except (IndexError, InputNotUsable):
        return None


def _refused(answer: Answer) -> Refused:
    body = answer.read_as(wire.ErrorAnswer)
    return refusal(answer, (body.status_text or body.outcome) if body is not None else "")

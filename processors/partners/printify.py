"""Adapter for Printify, API v1, from developers.printify.com and its OpenAPI text.

**Submitting.** An order's `external_id` is the effect key and unique in a shop: one that is taken is answered with 409,
code 8503 and the id of the order that has it. An order stands `on-hold` until it is sent to production, so it begins as
a draft: made, claimed under the effect key (the first claim wins for good), looked at, sent. The look at the product
that was made with it comes between, because an order that lost its picture would be made blank; stock is asked for
before anything is made. **The shop's order approval must be set to manual**: a new shop sends what is on hold by itself
after 24 hours. Making a product with an order is slow, Printify says, and may time out; the `external_id` makes it safe
to ask again. The documentation also says that this way will be deprecated some day.

**Cancelling** is possible only while an order is `on-hold` or waits for its payment; after that Printify takes a
request to its support. A cancel of what was never submitted claims the effect key itself.

**Webhooks** are signed: `X-Pfy-Signature: sha256=` and the HMAC-SHA256 of the raw body in hexadecimal. They name
Printify's own order id only, so `vouch` reads the order, which has our key as `metadata.shop_order_id`. After three
tries Printify blocks the address for an hour and what happens then is lost: the reconciler asks for it.

**Limits**: 600 requests a minute for an account, and not more than one in twenty may be answered with an error.

**Parcels.** Printify ships under its own labels, so its orders go to our own receiving address.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from processors.carriers.protocol import ClaimStore
from processors.gate import Rate
from processors.outbound import Answer, OutboundClient, OutboundError, preview
from processors.partners import printify_wire as wire
from processors.partners.common import (
    WITHDRAWN,
    ReceivingAddress,
    date_millis,
    in_doubt,
    nonsense,
    nothing_ordered,
    refusal,
)
from processors.partners.printify_catalogue import PrintifyCatalogue, PrintifyVariant
from processors.partners.printify_events import STATUS_MAP, is_unsent, reports, snapshot
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
from processors.webhooks import refuse_large, require_signature

#: 600 requests a minute, kept in a finer measure so that the gate remembers a hundred turns and not six hundred.
STATED_RATE_LIMIT: Final = Rate(calls=100, seconds=10)

SIGNATURE_HEADER: Final = "x-pfy-signature"
STANDARD_SHIPPING: Final = 1
TAKEN: Final = 8503
#: Error codes of the documentation in our words: (reason, retryable, needs a person).
BY_CODE: Final[Mapping[int, tuple[str, bool, bool]]] = {
    8103: ("invalid", False, True),  # The receiving address.
    8201: ("print_file_unusable", False, True),  # Size or format.
    8203: ("print_file_unusable", False, True),  # Too few dots an inch.
    10300: ("print_file_unusable", True, False),  # It could not be fetched.
}
#: Stands behind an effect key whose order was sent to production: what is on hold after that is no draft of ours.
SENT_MARK: Final = "/sent"
#: Orders whose effect key is remembered, so that a storm of webhooks about one of them is one question.
REMEMBERED_MAX: Final = 4_096
EFFECT_KEY_DIGITS: Final = 32


class Printify:
    """One Printify shop, as a `PrintPartner`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        claims: ClaimStore,
        *,
        shop_id: int,
        variants: tuple[PrintifyVariant, ...],
        receiving: ReceivingAddress,
        webhook_secrets: tuple[str, ...],
        capacity_units_per_day: int,
        currency: str = "USD",
    ) -> None:
        """`client` has the address and the token; `currency` is the account's; the capacity is our own estimate."""
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError(f"{name} needs its webhook secrets, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._claims = claims
        self._shop = f"/v1/shops/{shop_id}"
        self._catalogue = PrintifyCatalogue(client, self._shop, variants, currency)
        self._variants = {variant.partner_variant: variant for variant in variants}
        self._receiving = receiving
        self._secrets = webhook_secrets
        self._capacity_units_per_day = capacity_units_per_day
        self._keys: OrderedDict[str, str] = OrderedDict()

    @property
    def name(self) -> str:
        """The partner's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Make, claim, look, send; whatever an earlier try did already is found and not done again."""
        variant = self._variants.get(job.partner_variant)
        if variant is None:
            return Refused(reason="variant_unknown", retryable=False, detail=f"{job.partner_variant} is not set up")
        claimed = await self._claims.claimed(job.effect_key)
        is_new = False
        try:
            if claimed is None:
                made = await self._make(job, variant)
                if not isinstance(made, tuple):
                    return made
                order_id, is_new = made
                claimed = await self._claims.claim(job.effect_key, order_id)
            if claimed == WITHDRAWN:
                return Refused(reason="cancelled", retryable=False, detail="it was cancelled before it was submitted")
            held = await self._order(claimed, job.effect_key)
            if not isinstance(held, wire.Order):
                return _cannot_go_on(claimed, held, is_new=is_new)
            if await self._is_draft(job.effect_key, held):
                obstacle = _why_other(held, variant, job) or await self._catalogue.why_blank(held, variant, job)
                return obstacle or await self._send(job, held, already_known=not is_new)
        except OutboundError as error:
            return nothing_ordered(error)
        return _why_other(held, variant, job) or _accepted(held, already_known=True)

    async def _make(self, job: PrintJob, variant: PrintifyVariant) -> tuple[str, bool] | Refused | Deferred:
        """The order's id, and whether this call made it. Raises OutboundError."""
        stock = await self._catalogue.stock(variant, job.effect_key)
        if isinstance(stock, Answer) and stock.status != 404:
            return _refused(stock)
        if not isinstance(stock, wire.ProductVariant):
            detail = f"product {variant.product_id} has no variant {variant.variant_id}"
            return Refused(reason="variant_unknown", retryable=False, detail=detail)
        if not stock.is_available:
            return Refused(reason="out_of_stock", retryable=False, detail=f"{job.partner_variant} is out of stock")
        path = f"{self._shop}/orders.json"
        body = self._order_body(job, variant)
        answer = await self._client.call("POST", path, json=body, idempotent=True, about=job.effect_key)
        if answer.status in (200, 201):
            created = answer.read_as(wire.Created)
            return nonsense(answer, outcome_unknown=False) if created is None else (created.id, True)
        taken = answer.read_as(wire.ErrorAnswer)
        if taken is not None and taken.order is not None and (answer.status == 409 or taken.code == TAKEN):
            return taken.order.id, False
        return _refused(answer)

    def _order_body(self, job: PrintJob, variant: PrintifyVariant) -> dict[str, Any]:
        receiving = self._receiving
        address = {
            "first_name": receiving.name,
            "last_name": "Receiving",
            "company": receiving.name,
            "address1": receiving.address1,
            "city": receiving.city,
            "zip": receiving.zip,
            "country": receiving.country_code,
            "region": receiving.state_code or "",
            "phone": receiving.phone,
            "email": receiving.email,
        }
        line = {
            "blueprint_id": variant.blueprint_id,
            "print_provider_id": variant.print_provider_id,
            "variant_id": variant.variant_id,
            "print_areas": {place: file.url for place, file in zip(variant.positions(job), job.files, strict=True)},
            "quantity": job.quantity,
        }
        return {
            "external_id": job.effect_key,
            "label": job.effect_key,
            "line_items": [line],
            "shipping_method": STANDARD_SHIPPING,
            "send_shipping_notification": False,
            "address_to": {name: said for name, said in address.items() if said is not None},
        }

    async def _is_draft(self, effect_key: str, order: wire.Order) -> bool:
        return is_unsent(order) and await self._claims.claimed(effect_key + SENT_MARK) is None

    async def _send(self, job: PrintJob, order: wire.Order, *, already_known: bool) -> SubmitOutcome:
        path = f"{self._shop}/orders/{order.id}/send_to_production.json"
        try:
            answer = await self._client.call("POST", path, idempotent=True, about=job.effect_key)
        except OutboundError as error:
            if error.outcome_unknown and await self._was_sent(order.id, job.effect_key):
                return await self._sent(job, order, already_known=True)
            return error.deferred()
        if answer.status in (200, 201):
            return await self._sent(job, order, already_known=already_known, at=date_millis(answer))
        held = await self._order(order.id, job.effect_key)
        if isinstance(held, wire.Order) and not is_unsent(held):
            return await self._sent(job, held, already_known=True)
        if answer.status == 400 and isinstance(held, wire.Order) and held.status != "on-hold":
            detail = f"order {order.id} is still {held.status} at Printify"
            return Refused(reason="overloaded", retryable=True, detail=detail)
        # The call may have been made twice: the first was taken, and this is the answer to the second.
        return in_doubt(held) if isinstance(held, Deferred) else _refused(answer)

    async def _was_sent(self, order_id: str, about: str) -> bool:
        held = await self._order(order_id, about)
        return isinstance(held, wire.Order) and not is_unsent(held)

    async def _sent(self, job: PrintJob, order: wire.Order, *, already_known: bool, at: int = 0) -> Accepted:
        await self._claims.claim(job.effect_key + SENT_MARK, order.id)
        accepted = _accepted(order, already_known=already_known)
        return msgspec.structs.replace(accepted, accepted_at=at or accepted.accepted_at)

    async def _order(self, order_id: str, about: str) -> wire.Order | Deferred | None:
        held = await self._order_now(order_id, about)
        return held[0] if isinstance(held, tuple) else held

    async def _order_now(self, order_id: str, about: str) -> tuple[wire.Order, int] | Deferred | None:
        """The order with the time of the answer, epoch milliseconds."""
        # The id may come from a webhook.
        path = f"{self._shop}/orders/{quote(order_id, safe='')}.json"
        try:
            answer = await self._client.call("GET", path, idempotent=True, about=about)
        except OutboundError as error:
            return error.deferred()
        if answer.status == 404:
            return None
        order = answer.read_as(wire.Order) if answer.status == 200 else None
        return nonsense(answer, outcome_unknown=False) if order is None else (order, date_millis(answer))

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """What Printify makes under the key. What was not sent is nothing yet: the next submission takes it up."""
        claimed = await self._claims.claimed(effect_key)
        if claimed is None or claimed == WITHDRAWN:
            return None
        held = await self._order_now(claimed, effect_key)
        if not isinstance(held, tuple):
            return held
        if await self._is_draft(effect_key, held[0]):
            return None
        return snapshot(effect_key, *held)

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Cancel what Printify has not begun; it takes no reason."""
        claimed = await self._claims.claim(effect_key, WITHDRAWN)
        if claimed == WITHDRAWN:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        held = await self._order_now(claimed, effect_key)
        if isinstance(held, Deferred):
            return held
        if held is None:
            return CancelConfirmed(confirmed_at=0, was_known=False)
        if held[0].status == "canceled":
            return CancelConfirmed(confirmed_at=held[1])
        path = f"{self._shop}/orders/{claimed}/cancel.json"
        try:
            answer = await self._client.call("POST", path, idempotent=True, about=effect_key)
        except OutboundError as error:
            return error.deferred()
        if answer.status in (200, 201):
            return CancelConfirmed(confirmed_at=date_millis(answer))
        if answer.status in (401, 403):
            return _refused(answer)
        now = await self._order(claimed, effect_key)
        if isinstance(now, Deferred):
            return now
        if now is None or now.status == "canceled":
            return CancelConfirmed(confirmed_at=date_millis(answer))
        canonical = STATUS_MAP.canonical(now.status)
        return CancelTooLate(raw_status=now.status, canonical=canonical, detail=preview(answer.body))

    async def offers(self) -> PartnerOffers | Deferred:
        """Cost and availability of each variant that is set up."""
        try:
            observed_at, offers = await self._catalogue.offers()
        except OutboundError as error:
            return error.deferred()
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
        """Raise `WebhookNotGenuine` unless one of the secrets signed this body."""
        refuse_large(body)
        require_signature(headers, SIGNATURE_HEADER, [sign(secret, body) for secret in self._secrets])

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate order events, which name only Printify's order; those of products and shops say nothing."""
        return reports(body)

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """All of them: their webhook was signed. Their effect key is read from the order that they are about."""
        believed: list[PartnerReport] = []
        doubt = ""
        for order_id in dict.fromkeys(report.partner_reference for report in reports):
            mine = [report for report in reports if report.partner_reference == order_id]
            is_hold = any(report.raw_status == "on-hold" for report in mine)
            effect_key = "" if is_hold else self._keys.get(order_id, "")
            if not effect_key:
                order = await self._order(order_id, "")
                if not isinstance(order, wire.Order):
                    why = order.detail or order.reason if isinstance(order, Deferred) else "it has no such order"
                    doubt = f"{self._name} was asked whose its order {order_id[:64]} is: {why}"
                    continue
                effect_key = str(order.metadata.shop_order_id)
                # Orders that people made at Printify are not ours to report on.
                if len(effect_key) != EFFECT_KEY_DIGITS:
                    continue
                self._remember(order_id, effect_key)
                if is_hold and await self._is_draft(effect_key, order):
                    # On hold until we send it: that is no news of the press.
                    mine = [report for report in mine if report.raw_status != "on-hold"]
            believed += [msgspec.structs.replace(report, effect_key=effect_key) for report in mine]
        return Vouched(reports=tuple(believed), doubt=doubt)

    def _remember(self, order_id: str, effect_key: str) -> None:
        self._keys[order_id] = effect_key
        while len(self._keys) > REMEMBERED_MAX:
            self._keys.popitem(last=False)


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Pfy-Signature` for a body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _cannot_go_on(order_id: str, held: Deferred | None, *, is_new: bool) -> SubmitOutcome:
    if held is None:
        return Refused(reason="cancelled", retryable=False, detail=f"order {order_id} is not at Printify any more")
    # One that was made just now was sent by nobody; the claimed order of an earlier try may have been.
    return msgspec.structs.replace(held, outcome_unknown=not is_new)


def _why_other(order: wire.Order, variant: PrintifyVariant, job: PrintJob) -> Refused | None:
    if [(item.variant_id, item.quantity) for item in order.line_items] == [(variant.variant_id, job.quantity)]:
        return None
    detail = f"order {order.id} has this external_id with other items"
    return Refused(reason="conflict", retryable=False, needs_person=True, detail=detail)


def _accepted(order: wire.Order, *, already_known: bool) -> Accepted:
    """Without a cost: the documentation does not say whether an order's costs are of one piece or of all."""
    held = snapshot("", order, 0)
    return Accepted(partner_reference=order.id, accepted_at=held.accepted_at, already_known=already_known)


def _refused(answer: Answer) -> Refused:
    body = answer.read_as(wire.ErrorAnswer)
    refused = refusal(answer, (body.errors.reason or body.message) if body is not None else "")
    if body is None or body.code not in BY_CODE:
        return refused
    reason, retryable, person = BY_CODE[body.code]
    return msgspec.structs.replace(refused, reason=reason, retryable=retryable, needs_person=person)

"""Adapter for Shippo: address validation, rates, labels, refunds, tracks.

**Why a label is bought once.** Shippo has no idempotency key, and a rate can be bought again; so paying takes turns
(`processors/carriers/purchasing.py`), and what was bought with a rate is asked by `GET /transactions/?rate=…`.

**Webhooks.** `Shippo-Auth-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<seconds>.<body>` with the secret that
Shippo's staff sets up for an account (docs.goshippo.com, webhook security). A signature is believed for five minutes.
An event has no id of its own; the tracking state in it has one, the same when it is asked for, so both are one
report.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from processors.carriers import shippo_wire as wire
from processors.carriers.common import (
    UNKNOWN_SHIPMENT,
    WEBHOOK_MAX_BYTES,
    LabelFetcher,
    answer_incomplete,
    corrected,
    nonsense,
    price_in_minor_units,
    untracked,
)
from processors.carriers.common import refused_by_status as refused
from processors.carriers.protocol import (
    Address,
    AddressVerified,
    ClaimStore,
    Deferred,
    LabelBought,
    LabelOutcome,
    LabelRefused,
    ParcelShipment,
    RatesFound,
    RatesOutcome,
    RefundConfirmed,
    RefundOutcome,
    TrackingOutcome,
    TrackingReport,
    WebhookNotGenuine,
    WebhookTooOld,
    WebhookUnreadable,
)
from processors.carriers.purchasing import Paid, PaidOnce
from processors.carriers.shippo_reading import offered, said, service_of, tracking_report
from processors.carriers.shippo_requests import LABEL_FILE_TYPES, shipment_request
from processors.carriers.shippo_requests import address as address_request
from processors.fetch import FetchRefused
from processors.outbound import OutboundClient, OutboundError
from processors.webhooks import header_of, read_body, refuse_large

#: The version of Shippo's API that the requests are written for, sent with each of them.
API_VERSION: Final = "2018-02-08"
SIGNATURE_HEADER: Final = "shippo-auth-signature"
SIGNED_AGO_MAX_S: Final = 300

#: States of a transaction in which its label is, or may be, paid for.
PAID: Final = frozenset({"SUCCESS", "REFUNDED", "REFUNDPENDING", "REFUNDREJECTED"})
UNDER_WAY: Final = frozenset({"WAITING", "QUEUED"})


class Shippo:
    """Shippo as a `Carrier`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        labels: LabelFetcher,
        claims: ClaimStore,
        webhook_secrets: tuple[str, ...],
        now_ms: Callable[[], int],
    ) -> None:
        """`client` has the address and the token's header; any of the secrets may have signed a webhook."""
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError(f"{name} needs its webhook secrets, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._labels = labels
        self._now_ms = now_ms
        self._keys = tuple(secret.encode() for secret in webhook_secrets)
        self._once: PaidOnce[wire.Transaction] = PaidOnce(claims, now_ms, self._find)

    @property
    def name(self) -> str:
        """The carrier's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def verify_address(self, address: Address) -> AddressVerified | LabelRefused | Deferred:
        """Create an address and have it validated, as two requests."""
        try:
            created = await self._client.call("POST", "/addresses/", json=address_request(address), idempotent=True)
            held = created.read_as(wire.AddressWire) if created.status == 201 else None
            if held is None:
                return refused(created)
            answer = await self._client.call("GET", f"/addresses/{held.object_id}/validate", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        found = answer.read_as(wire.AddressWire) if answer.status == 200 else None
        if found is None:
            return refused(answer)
        street = " ".join(filter(None, (found.street_no, found.street1)))
        better = corrected(address, street, found.street2, found.city, found.state, found.zip)
        if found.validation_results.is_valid is False:
            return LabelRefused(
                reason="address_not_found",
                retryable=False,
                needs_person=True,
                detail=said(found.validation_results.messages) or "Shippo does not find the address",
                suggested_address=better if better != address else None,
            )
        return AddressVerified(address=better, residential=found.is_residential)

    async def rates(self, shipment: ParcelShipment) -> RatesOutcome:
        """Create a shipment, which is free, and read its rates."""
        made = await self._rated(shipment)
        if not isinstance(made, wire.Shipment):
            return made
        found = (offered(self._name, rate) for rate in made.rates)
        return RatesFound(rates=tuple(rate for rate in found if rate is not None))

    async def _rated(self, shipment: ParcelShipment) -> wire.Shipment | LabelRefused | Deferred:
        try:
            answer = await self._client.call("POST", "/shipments/", json=shipment_request(shipment), idempotent=True)
        except OutboundError as error:
            return error.deferred()
        made = answer.read_as(wire.Shipment) if answer.status == 201 else None
        return refused(answer) if made is None else made

    async def buy_label(self, shipment: ParcelShipment) -> LabelOutcome:
        """Validate, rate, claim the turn, pay: see the module for why this buys once."""
        cheapest, pay = partial(self._cheapest, shipment), partial(self._pay, shipment)
        outcome = await self._once.buy(shipment.effect_key, cheapest, pay)
        if isinstance(outcome, Paid):
            return await self._bought(outcome.bought, already_known=outcome.already_known)
        return outcome

    async def _cheapest(self, shipment: ParcelShipment) -> str | LabelRefused | Deferred:
        verified = await self.verify_address(shipment.recipient)
        if not isinstance(verified, AddressVerified):
            return verified
        made = await self._rated(shipment)
        if not isinstance(made, wire.Shipment):
            return made
        fitting = [rate for rate in made.rates if not shipment.services or service_of(rate) in shipment.services]
        prices = [
            (price, service_of(rate), rate.object_id)
            for rate in fitting
            if rate.currency == fitting[0].currency
            and (price := price_in_minor_units(rate.amount, rate.currency)) is not None
        ]
        if not prices:
            return LabelRefused(reason="no_service", retryable=False, needs_person=True, detail=said(made.messages))
        return min(prices)[2]

    async def _pay(self, shipment: ParcelShipment, rate_id: str) -> wire.Transaction | LabelRefused | Deferred:
        request = {
            "rate": rate_id,
            "label_file_type": LABEL_FILE_TYPES[shipment.label_media_type],
            "async": False,
            "metadata": shipment.effect_key,
        }
        try:
            answer = await self._client.call("POST", "/transactions/", json=request, idempotent=False)
        except OutboundError as error:
            return error.deferred()
        made = answer.read_as(wire.Transaction) if answer.status == 201 else None
        if made is None:
            # A 4xx is a refusal; anything else that cannot be read may have been paid for.
            return refused(answer) if answer.status >= 400 else nonsense(answer, outcome_unknown=True)
        if made.status == "ERROR":
            return _failed(made)
        if made.status in PAID:
            return made
        return Deferred(reason="answer_lost", retry_after_ms=0, outcome_unknown=True, detail=f"it is {made.status}")

    async def _find(self, rate_id: str) -> wire.Transaction | Deferred | None:
        """What was bought with a rate; a purchase that is under way is not settled."""
        try:
            answer = await self._client.call("GET", f"/transactions/?rate={rate_id}", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        page = answer.read_as(wire.Transactions) if answer.status == 200 else None
        if page is None:
            return nonsense(answer, outcome_unknown=True)
        paid = next((one for one in page.results if one.status in PAID), None)
        if paid is None and any(one.status != "ERROR" for one in page.results):
            return answer_incomplete(f"rate {rate_id} is being bought")
        return paid

    async def _bought(self, held: wire.Transaction, *, already_known: bool) -> LabelBought | Deferred:
        """The label with its file and price. What cannot be had now is had by the next try."""
        rate = await self._rate_of(held)
        if isinstance(rate, Deferred):
            return rate
        cost_minor = price_in_minor_units(rate.amount, rate.currency)
        if cost_minor is None or not held.label_url or not held.tracking_number:
            return answer_incomplete(f"{held.object_id} is bought, but its answer lacks the label, price or number")
        try:
            file = await self._labels.fetch(held.label_url)
        except FetchRefused as error:
            return answer_incomplete(f"{held.object_id} is bought, but its label cannot be fetched: {error}")
        return LabelBought(
            tracking_number=held.tracking_number,
            carrier_code=rate.provider,
            service=service_of(rate),
            cost_minor=cost_minor,
            currency=rate.currency,
            label_bytes=file.content,
            label_media_type=file.media_type,
            tracking_url=held.tracking_url_provider or None,
            carrier_reference=held.object_id,
            already_known=already_known,
        )

    async def _rate_of(self, held: wire.Transaction) -> wire.Rate | Deferred:
        if isinstance(held.rate, wire.Rate):
            return held.rate
        try:
            answer = await self._client.call("GET", f"/rates/{held.rate}", idempotent=True)
        except OutboundError as error:
            return msgspec.structs.replace(error.deferred(), outcome_unknown=True)
        rate = answer.read_as(wire.Rate) if answer.status == 200 else None
        return nonsense(answer, outcome_unknown=True) if rate is None else rate

    async def read_back(self, effect_key: str) -> LabelBought | Deferred | None:
        """The label of the turn that paid."""
        held = await self._once.read_back(effect_key)
        if held is None or isinstance(held, Deferred):
            return held
        return await self._bought(held, already_known=True)

    async def refund(self, carrier_reference: str) -> RefundOutcome:
        """Ask for the label's price back, unless it was asked for; Shippo answers later for good."""
        held = await self._transaction(carrier_reference)
        if not isinstance(held, wire.Transaction):
            return held
        if held.status not in ("REFUNDPENDING", "REFUNDED", "REFUNDREJECTED"):
            request = {"transaction": carrier_reference, "async": False}
            try:
                answer = await self._client.call("POST", "/refunds/", json=request, idempotent=False)
            except OutboundError as error:
                return error.deferred()
            made = answer.read_as(wire.Refund) if answer.status == 201 else None
            if made is None:
                return refused(answer)
            state = {"ERROR": "REFUNDREJECTED", "SUCCESS": "REFUNDED"}.get(made.status, "REFUNDPENDING")
            held = msgspec.structs.replace(held, status=state)
        if held.status == "REFUNDREJECTED":
            detail = "Shippo does not take the label back: it was used"
            return LabelRefused(reason="refund_refused", retryable=False, needs_person=True, detail=detail)
        state = "refunded" if held.status == "REFUNDED" else "submitted"
        return RefundConfirmed(carrier_reference=carrier_reference, state=state)

    async def _transaction(self, transaction_id: str) -> wire.Transaction | LabelRefused | Deferred:
        try:
            answer = await self._client.call("GET", f"/transactions/{transaction_id}", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        held = answer.read_as(wire.Transaction) if answer.status == 200 else None
        return refused(answer) if held is None else held

    async def track(self, carrier_reference: str) -> TrackingOutcome:
        """The parcel's track, by the number and the transporting company of its transaction."""
        held = await self._transaction(carrier_reference)
        if isinstance(held, LabelRefused):
            return () if held.reason == UNKNOWN_SHIPMENT else answer_incomplete(held.detail)
        if isinstance(held, Deferred):
            return held
        rate = await self._rate_of(held)
        if isinstance(rate, Deferred):
            return rate
        token = rate.provider.lower().replace(" ", "_")
        try:
            answer = await self._client.call("GET", f"/tracks/{token}/{held.tracking_number}", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        track = answer.read_as(wire.Track) if answer.status == 200 else None
        if track is None:
            return untracked(answer)
        if track.tracking_status is None:
            return ()
        try:
            return (tracking_report(track, track.tracking_status, carrier_reference),)
        except (ValueError, OverflowError) as error:
            return answer_incomplete(f"a time of {carrier_reference} cannot be read: {error}")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless one of the secrets signed this body, not long ago."""
        refuse_large(body, WEBHOOK_MAX_BYTES)
        given = header_of(headers, SIGNATURE_HEADER)
        if given is None:
            raise WebhookNotGenuine("Shippo-Auth-Signature is missing")
        parts = dict(part.strip().partition("=")[::2] for part in given.split(","))
        seconds, signature = parts.get("t", ""), parts.get("v1", "")
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
            raise WebhookNotGenuine("Shippo-Auth-Signature has no time")
        if not any(hmac.compare_digest(sign(key, seconds, body).encode(), signature.encode()) for key in self._keys):
            raise WebhookNotGenuine("Shippo-Auth-Signature does not fit the body")
        if abs(self._now_ms() / 1000 - int(seconds)) > SIGNED_AGO_MAX_S:
            raise WebhookTooOld(f"it was signed at {seconds}")

    def parse_webhook(self, body: bytes) -> tuple[TrackingReport, ...]:
        """Translate `track_updated`; other events are news of no parcel."""
        event = read_body(body, wire.Event)
        if event.event != "track_updated":
            return ()
        track = read_body(event.data, wire.Track)
        if track.tracking_status is None:
            return ()
        try:
            return (tracking_report(track, track.tracking_status, track.transaction),)
        except (ValueError, OverflowError) as error:
            raise WebhookUnreadable(f"a time cannot be read: {error}") from error


def sign(key: bytes, seconds: str, body: bytes) -> str:
    """The `v1` of a signature: hexadecimal, over the time and the body."""
    return hmac.new(key, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()


def _failed(made: wire.Transaction) -> LabelRefused:
    """A transaction that ended in an error: nothing was paid."""
    words = said(made.messages)
    if any(word in words.casefold() for word in ("insufficient", "funds", "payment", "billing")):
        return LabelRefused(reason="funds", retryable=True, needs_person=True, detail=words)
    return LabelRefused(reason="carrier_error", retryable=True, detail=words or "the transaction ended in ERROR")

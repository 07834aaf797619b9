"""Adapter for EasyPost, API v2: address verification, labels, refunds, tracking.

**Why a label is bought once.** EasyPost takes a `reference` with a shipment but does not promise that it is
unique, and two shipments may carry the same one; so a reference is no idempotency key. What EasyPost does
promise is that one shipment has one postage: buying it again answers `SHIPMENT.POSTAGE.EXISTS`. The adapter
therefore creates the shipment first (which costs nothing), claims its id for the effect key in a durable
`ClaimStore` where the first claim wins, and buys the claimed shipment only. However often the call is repeated,
from however many workers, and wherever one of them dies, there is one shipment that may be paid for.
A shipment that lost the claim is left unbought. The reference is set all the same, for people and invoices.

**Webhooks.** `X-Hmac-Signature: hmac-sha256-hex=<hex>` is the HMAC-SHA256 of the body; the key is the secret in
Unicode normal form KD. There is no time-stamp in it, so a replayed webhook verifies; it is recognised by its
event id, which the inbound processor keeps.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from typing import Final

import msgspec

from processors.carriers import easypost_wire as wire
from processors.carriers.common import (
    WEBHOOK_MAX_BYTES,
    LabelFetcher,
    answer_incomplete,
    nonsense,
    price_in_minor_units,
    untracked,
)
from processors.carriers.easypost_reading import cheapest, offered, tracking_report
from processors.carriers.easypost_requests import address as address_request
from processors.carriers.easypost_requests import same_address, shipment_request
from processors.carriers.easypost_sorting import refused, refused_address
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
    WebhookUnreadable,
)
from processors.fetch import FetchRefused
from processors.outbound import Answer, OutboundClient, OutboundError
from processors.webhooks import read_body, refuse_large, require_signature

#: Answers to a purchase that leave open whether it was paid: the shipment is read again.
PURCHASE_UNCLEAR: Final = frozenset(
    {
        "SHIPMENT.POSTAGE.EXISTS",
        "SHIPMENT.POSTAGE.NO_RESPONSE",
        "SHIPMENT.POSTAGE.TIMED_OUT",
        "SHIPMENT.PURCHASE.IN_PROGRESS",
    }
)

#: What becomes of a label's price once it was asked for.
REFUND_ASKED: Final = frozenset({"submitted", "refunded", "rejected"})

SIGNATURE_HEADER: Final = "X-Hmac-Signature"
SIGNATURE_PREFIX: Final = "hmac-sha256-hex="


class EasyPost:
    """EasyPost as a `Carrier`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        labels: LabelFetcher,
        claims: ClaimStore,
        webhook_secrets: tuple[str, ...],
    ) -> None:
        """`client` has the address and the API key (as basic user); any of the secrets may have signed."""
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError(f"{name} needs its webhook secrets, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._labels = labels
        self._claims = claims
        self._keys = tuple(unicodedata.normalize("NFKD", secret).encode() for secret in webhook_secrets)

    @property
    def name(self) -> str:
        """The carrier's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def verify_address(self, address: Address) -> AddressVerified | LabelRefused | Deferred:
        """Create an address and have it verified, as two requests."""
        try:
            created = await self._client.call(
                "POST", "/v2/addresses", json={"address": address_request(address)}, idempotent=True
            )
            held = created.read_as(wire.AddressWire) if created.status == 201 else None
            if held is None or held.id is None:
                return refused(created)
            verified = await self._client.call("GET", f"/v2/addresses/{held.id}/verify", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        answer = verified.read_as(wire.VerifiedAddress) if verified.status == 200 else None
        if answer is None:
            return refused_address(verified, address)
        found = answer.address
        return AddressVerified(
            address=msgspec.structs.replace(
                address,
                street1=found.street1 or address.street1,
                street2=found.street2 or None,
                city=found.city or address.city,
                region=found.state or address.region,
                postal_code=found.zip or address.postal_code,
            ),
            residential=found.residential,
        )

    async def rates(self, shipment: ParcelShipment) -> RatesOutcome:
        """Create a shipment, which is free and shows every rate, and leave it unbought."""
        try:
            answer = await self._client.call("POST", "/v2/shipments", json=shipment_request(shipment), idempotent=True)
        except OutboundError as error:
            return error.deferred()
        created = answer.read_as(wire.Shipment) if answer.status == 201 else None
        if created is None:
            return refused(answer)
        found = (offered(self._name, rate) for rate in created.rates)
        return RatesFound(rates=tuple(rate for rate in found if rate is not None))

    async def buy_label(self, shipment: ParcelShipment) -> LabelOutcome:
        """Create, claim, buy: see the module for why this buys once."""
        try:
            claimed_id = await self._claims.claimed(shipment.effect_key)
            if claimed_id is None:
                return await self._buy_first_time(shipment)
            return await self._buy_claimed(shipment, claimed_id)
        except OutboundError as error:
            return error.deferred()

    async def _buy_first_time(self, shipment: ParcelShipment) -> LabelOutcome:
        verified = await self.verify_address(shipment.recipient)
        if not isinstance(verified, AddressVerified):
            return verified
        # Creating again after a lost answer leaves an unbought shipment behind, which costs nothing.
        answer = await self._client.call("POST", "/v2/shipments", json=shipment_request(shipment), idempotent=True)
        created = answer.read_as(wire.Shipment) if answer.status == 201 else None
        if created is None:
            return refused(answer)
        claimed_id = await self._claims.claim(shipment.effect_key, created.id)
        if claimed_id != created.id:
            return await self._buy_claimed(shipment, claimed_id)
        return await self._buy(shipment, created)

    async def _buy_claimed(self, shipment: ParcelShipment, claimed_id: str) -> LabelOutcome:
        """Go on where an earlier try stopped."""
        held = await self._shipment(claimed_id)
        if isinstance(held, Deferred):
            return held
        if held.postage_label is not None:
            return await self._bought(held, already_known=True)
        if held.to_address is not None and not same_address(held.to_address, shipment.recipient):
            return LabelRefused(
                reason="conflict",
                retryable=False,
                needs_person=True,
                detail=f"{claimed_id} was made for another address: ask for this label under a new effect key",
            )
        # Rates grow stale, so a shipment of an earlier try is rated anew before it is bought.
        answer = await self._client.call("POST", f"/v2/shipments/{claimed_id}/rerate", idempotent=True)
        rated = answer.read_as(wire.Shipment) if answer.status == 200 else None
        if rated is None:
            return refused(answer)
        return await self._buy(shipment, rated)

    async def _buy(self, shipment: ParcelShipment, rated: wire.Shipment) -> LabelOutcome:
        rate = cheapest(rated.rates, shipment.services)
        if rate is None:
            words = "; ".join(f"{m.carrier}: {m.message}" for m in rated.messages)
            return LabelRefused(reason="no_service", retryable=False, needs_person=True, detail=words)
        path = f"/v2/shipments/{rated.id}/buy"
        try:
            answer = await self._client.call("POST", path, json={"rate": {"id": rate.id}}, idempotent=True)
        except OutboundError as error:
            if not error.outcome_unknown:
                return error.deferred()
            return await self._after_unclear_purchase(rated.id, error.deferred())
        bought = answer.read_as(wire.Shipment) if answer.status == 200 else None
        if bought is not None and bought.postage_label is not None:
            return await self._bought(bought, already_known=False)
        error_body = answer.read_as(wire.ErrorAnswer)
        if error_body is not None and error_body.error.code not in PURCHASE_UNCLEAR:
            return refused(answer)
        return await self._after_unclear_purchase(rated.id, nonsense(answer, outcome_unknown=True))

    async def _after_unclear_purchase(self, shipment_id: str, unclear: Deferred) -> LabelOutcome:
        held = await self._shipment(shipment_id)
        if isinstance(held, Deferred) or held.postage_label is None:
            return unclear
        return await self._bought(held, already_known=True)

    async def _shipment(self, shipment_id: str) -> wire.Shipment | Deferred:
        held = await self._asked("GET", shipment_id)
        return nonsense(held, outcome_unknown=False) if isinstance(held, Answer) else held

    async def _asked(self, method: str, path: str, *, idempotent: bool = True) -> wire.Shipment | Answer | Deferred:
        """A shipment; what EasyPost says instead of it; or that it says nothing usable."""
        try:
            answer = await self._client.call(method, f"/v2/shipments/{path}", idempotent=idempotent)
        except OutboundError as error:
            return error.deferred()
        return (answer.read_as(wire.Shipment) if answer.status == 200 else None) or answer

    async def _bought(self, held: wire.Shipment, *, already_known: bool) -> LabelBought | Deferred:
        """The label with its file. A file that cannot be fetched now is fetched by the next try."""
        label, rate = held.postage_label, held.selected_rate
        cost_minor = None if rate is None else price_in_minor_units(rate.rate, rate.currency)
        url = None if label is None else label.label_url or label.label_pdf_url
        if label is None or rate is None or cost_minor is None or url is None or not held.tracking_code:
            return answer_incomplete(f"{held.id} is bought, but its answer lacks the label, the price or the number")
        try:
            file = await self._labels.fetch(url)
        except FetchRefused as error:
            return answer_incomplete(f"{held.id} is bought, but its label cannot be fetched: {error}")
        return LabelBought(
            tracking_number=held.tracking_code,
            carrier_code=rate.carrier,
            service=rate.service,
            cost_minor=cost_minor,
            currency=rate.currency,
            label_bytes=file.content,
            label_media_type=label.label_file_type or file.media_type,
            tracking_url=held.tracker.public_url if held.tracker is not None else None,
            carrier_reference=held.id,
            already_known=already_known,
        )

    async def read_back(self, effect_key: str) -> LabelBought | Deferred | None:
        """The label of the claimed shipment, once it is bought."""
        claimed_id = await self._claims.claimed(effect_key)
        if claimed_id is None:
            return None
        held = await self._shipment(claimed_id)
        if isinstance(held, Deferred):
            return held
        return None if held.postage_label is None else await self._bought(held, already_known=True)

    async def refund(self, carrier_reference: str) -> RefundOutcome:
        """Ask for the label's price back, unless it was asked for; EasyPost answers later for good."""
        held = await self._asked("GET", carrier_reference)
        if isinstance(held, wire.Shipment) and held.refund_status not in REFUND_ASKED:
            held = await self._asked("POST", f"{carrier_reference}/refund", idempotent=False)
        if isinstance(held, Deferred):
            return held
        if isinstance(held, Answer):
            return refused(held)
        if held.refund_status in ("submitted", "refunded"):
            return RefundConfirmed(carrier_reference=held.id, state=held.refund_status)
        return LabelRefused(
            reason="refund_refused",
            retryable=held.refund_status == "rejected",
            needs_person=True,
            detail=f"refund_status is {held.refund_status}",
        )

    async def track(self, carrier_reference: str) -> TrackingOutcome:
        """The shipment's tracker as it stands now."""
        held = await self._asked("GET", carrier_reference)
        if isinstance(held, Answer):
            return untracked(held)
        if isinstance(held, Deferred):
            return held
        if held.tracker is None:
            return ()
        tracker = held.tracker
        try:
            # A poll has no event id; the same state polled twice is one report.
            return (tracking_report(f"{tracker.id}:{tracker.status}:{tracker.updated_at}", tracker),)
        except (ValueError, OverflowError) as error:
            return answer_incomplete(f"a time of {tracker.id} cannot be read: {error}")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless one of the secrets signed this body."""
        refuse_large(body, WEBHOOK_MAX_BYTES)
        require_signature(headers, SIGNATURE_HEADER, [sign(key, body) for key in self._keys])

    def parse_webhook(self, body: bytes) -> tuple[TrackingReport, ...]:
        """Translate `tracker.…` events; others are news of no parcel."""
        event = read_body(body, wire.Event)
        if not event.description.startswith("tracker."):
            return ()
        tracker = read_body(event.result, wire.Tracker)
        try:
            return (tracking_report(event.id, tracker),)
        except (ValueError, OverflowError) as error:
            raise WebhookUnreadable(f"a time cannot be read: {error}") from error


def sign(key: bytes, body: bytes) -> str:
    """The value of `X-Hmac-Signature` for a body."""
    return SIGNATURE_PREFIX + hmac.new(key, body, hashlib.sha256).hexdigest()

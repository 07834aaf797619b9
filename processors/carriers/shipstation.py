"""Adapter for ShipStation, API v2: address validation, rates, labels, voids, tracks.

**Why a label is bought once.** ShipStation has no idempotency key and does not promise that a rate is sold only once;
so paying takes turns (`processors/carriers/purchasing.py`), and what was bought with a rate is asked by `GET
/v2/labels?rate_id=…`.

**Webhooks.** Signed with RSA-SHA256 over `<timestamp>.<body>`, in three headers that name key, signature (base64) and
time (docs.shipstation.com, webhook validation). The public keys are the vendor's, published as a JSON Web Key Set at
`https://api.shipengine.com/jwks`, and stand in the settings, so that verifying calls nobody. A signature is believed
for five minutes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from processors.carriers import shipstation_wire as wire
from processors.carriers.common import (
    WEBHOOK_MAX_BYTES,
    LabelFetcher,
    answer_incomplete,
    corrected,
    nonsense,
    untracked,
)
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
from processors.carriers.shipstation_reading import cost, offered, rate_cost, tracking_page, tracking_report
from processors.carriers.shipstation_requests import LABEL_FORMATS, rates_request
from processors.carriers.shipstation_requests import address as address_request
from processors.carriers.shipstation_sorting import refused, said
from processors.clock import millis
from processors.fetch import FetchRefused
from processors.gate import Rate
from processors.outbound import OutboundClient, OutboundError
from processors.webhooks import header_of, read_body, refuse_large

#: The rate that ShipStation states (docs.shipstation.com, usage and rate limits).
STATED_RATE_LIMIT: Final = Rate(calls=200, seconds=60)
KEY_ID_HEADER: Final = "x-shipengine-rsa-sha256-key-id"
SIGNATURE_HEADER: Final = "x-shipengine-rsa-sha256-signature"
TIMESTAMP_HEADER: Final = "x-shipengine-timestamp"
SIGNED_AGO_MAX_MS: Final = 300_000
#: Names of tracking webhooks: of the current API, and of its predecessor.
TRACK_EVENTS: Final = frozenset({"TRACK_EVENT_V2", "API_TRACK"})


class ShipStation:
    """ShipStation as a `Carrier`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        labels: LabelFetcher,
        claims: ClaimStore,
        *,
        carrier_ids: tuple[str, ...],
        webhook_keys: Mapping[str, RSAPublicKey],
        now_ms: Callable[[], int],
    ) -> None:
        """`client` has the address and the `API-Key` header; `carrier_ids` are the account's carriers to rate with."""
        if not carrier_ids:
            raise ValueError(f"{name} needs the ids of its carriers, or it has nobody to ask for rates")
        if not webhook_keys:
            raise ValueError(f"{name} needs ShipStation's public keys, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._labels = labels
        self._carrier_ids = carrier_ids
        self._keys = webhook_keys
        self._now_ms = now_ms
        self._once: PaidOnce[wire.Label] = PaidOnce(claims, now_ms, self._find)

    @property
    def name(self) -> str:
        """The carrier's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def verify_address(self, address: Address) -> AddressVerified | LabelRefused | Deferred:
        """Have an address validated. A country that ShipStation does not validate passes as it was given."""
        try:
            answer = await self._client.call(
                "POST", "/v2/addresses/validate", json=[address_request(address)], idempotent=True
            )
        except OutboundError as error:
            return error.deferred()
        verdicts = answer.read_as(tuple[wire.Validation, ...]) if answer.status == 200 else None
        if not verdicts:
            return refused(answer)
        verdict, found = verdicts[0], verdicts[0].matched_address
        better = (
            address
            if found is None
            else corrected(
                address,
                found.address_line1,
                found.address_line2,
                found.city_locality,
                found.state_province,
                found.postal_code,
            )
        )
        if verdict.status == "error":
            incomplete = any("missing" in (message.detail_code or "") for message in verdict.messages)
            return LabelRefused(
                reason="address_incomplete" if incomplete else "address_not_found",
                retryable=False,
                needs_person=True,
                detail="; ".join(message.message or message.detail_code or "" for message in verdict.messages)[:1000],
                suggested_address=better if better != address else None,
            )
        indicator = None if found is None else found.address_residential_indicator
        return AddressVerified(address=better, residential={"yes": True, "no": False}.get(indicator or ""))

    async def rates(self, shipment: ParcelShipment) -> RatesOutcome:
        """Rate a shipment, which is free."""
        made = await self._rated(shipment)
        if not isinstance(made, wire.Rated):
            return made
        found = (offered(self._name, rate) for rate in made.rate_response.rates)
        return RatesFound(rates=tuple(rate for rate in found if rate is not None))

    async def _rated(self, shipment: ParcelShipment) -> wire.Rated | LabelRefused | Deferred:
        request = rates_request(shipment, self._carrier_ids)
        try:
            answer = await self._client.call("POST", "/v2/rates", json=request, idempotent=True)
        except OutboundError as error:
            return error.deferred()
        made = answer.read_as(wire.Rated) if answer.status == 200 else None
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
        if not isinstance(made, wire.Rated):
            return made
        fitting = [
            (paid, rate)
            for rate in made.rate_response.rates
            if (not shipment.services or rate.service_code in shipment.services)
            and (paid := rate_cost(rate)) is not None
        ]
        prices = [(paid[0], rate.service_code, rate.rate_id) for paid, rate in fitting if paid[1] == fitting[0][0][1]]
        if not prices:
            detail = said(made.rate_response.errors)
            return LabelRefused(reason="no_service", retryable=False, needs_person=True, detail=detail)
        return min(prices)[2]

    async def _pay(self, shipment: ParcelShipment, rate_id: str) -> wire.Label | LabelRefused | Deferred:
        request = {
            "label_format": LABEL_FORMATS[shipment.label_media_type],
            "label_layout": "4x6",
            "label_download_type": "url",
        }
        try:
            answer = await self._client.call("POST", f"/v2/labels/rates/{rate_id}", json=request, idempotent=False)
        except OutboundError as error:
            return error.deferred()
        made = answer.read_as(wire.Label) if answer.status == 200 else None
        if made is None:
            # A 4xx is a refusal; anything else that cannot be read may have been paid for.
            return refused(answer) if answer.status >= 400 else nonsense(answer, outcome_unknown=True)
        if made.status == "error":
            return LabelRefused(reason="carrier_error", retryable=True, detail=f"{made.label_id} ended in an error")
        if made.status == "processing":
            return answer_incomplete(f"{made.label_id} is being made")
        return made

    async def _find(self, rate_id: str) -> wire.Label | Deferred | None:
        """What was bought with a rate; a label that is being made is not settled."""
        try:
            answer = await self._client.call("GET", f"/v2/labels?rate_id={rate_id}", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        page = answer.read_as(wire.Labels) if answer.status == 200 else None
        if page is None:
            return nonsense(answer, outcome_unknown=True)
        if any(label.status == "processing" for label in page.labels):
            return answer_incomplete(f"rate {rate_id} is being bought")
        return next((label for label in page.labels if label.status in ("completed", "voided")), None)

    async def _bought(self, held: wire.Label, *, already_known: bool) -> LabelBought | Deferred:
        """The label with its file. A file that cannot be fetched now is fetched by the next try."""
        paid = cost((held.shipment_cost, held.insurance_cost))
        url = None if held.label_download is None else held.label_download.href
        if paid is None or not url or not held.tracking_number or not held.carrier_code:
            return answer_incomplete(f"{held.label_id} is bought, but its answer lacks the label, price or number")
        try:
            file = await self._labels.fetch(url)
        except FetchRefused as error:
            return answer_incomplete(f"{held.label_id} is bought, but its label cannot be fetched: {error}")
        return LabelBought(
            tracking_number=held.tracking_number,
            carrier_code=held.carrier_code,
            service=held.service_code or "",
            cost_minor=paid[0],
            currency=paid[1],
            label_bytes=file.content,
            label_media_type=file.media_type,
            tracking_url=tracking_page(held.carrier_code, held.tracking_number),
            carrier_reference=held.label_id,
            already_known=already_known,
        )

    async def read_back(self, effect_key: str) -> LabelBought | Deferred | None:
        """The label of the turn that paid."""
        held = await self._once.read_back(effect_key)
        if held is None or isinstance(held, Deferred):
            return held
        return await self._bought(held, already_known=True)

    async def refund(self, carrier_reference: str) -> RefundOutcome:
        """Void the label; one that is void already stays so.

        An approved void is the last that ShipStation tells of a label: it asks the carrier for the money by itself.
        """
        try:
            asked = await self._client.call("GET", f"/v2/labels/{carrier_reference}", idempotent=True)
            label = asked.read_as(wire.Label) if asked.status == 200 else None
            if label is None:
                return refused(asked)
            if label.voided:
                return RefundConfirmed(carrier_reference=carrier_reference, state="refunded")
            answer = await self._client.call("PUT", f"/v2/labels/{carrier_reference}/void", idempotent=False)
        except OutboundError as error:
            return error.deferred()
        void = answer.read_as(wire.Void) if answer.status == 200 else None
        if void is None:
            return refused(answer)
        if void.approved:
            return RefundConfirmed(carrier_reference=carrier_reference, state="refunded")
        detail = void.message or void.reason_code or "ShipStation does not void the label"
        return LabelRefused(reason="refund_refused", retryable=False, needs_person=True, detail=detail)

    async def track(self, carrier_reference: str) -> TrackingOutcome:
        """The label's track as it stands now."""
        try:
            answer = await self._client.call("GET", f"/v2/labels/{carrier_reference}/track", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        track = answer.read_as(wire.Tracking) if answer.status == 200 else None
        if track is None:
            return untracked(answer)
        try:
            return (tracking_report(track, carrier_reference),)
        except (ValueError, OverflowError) as error:
            return answer_incomplete(f"a time of {carrier_reference} cannot be read: {error}")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless one of ShipStation's keys signed this body, not long ago."""
        refuse_large(body, WEBHOOK_MAX_BYTES)
        key_id, given, timestamp = (
            _needed(headers, name) for name in (KEY_ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER)
        )
        key = self._keys.get(key_id)
        if key is None:
            raise WebhookNotGenuine("its key is not known: take the keys anew from https://api.shipengine.com/jwks")
        try:
            signature = base64.b64decode(given, validate=True)
            key.verify(signature, timestamp.encode() + b"." + body, PKCS1v15(), SHA256())
            signed_at = millis(timestamp)
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise WebhookNotGenuine("the signature does not fit the body") from error
        if abs(self._now_ms() - signed_at) > SIGNED_AGO_MAX_MS:
            raise WebhookTooOld(f"it was signed at {timestamp}")

    def parse_webhook(self, body: bytes) -> tuple[TrackingReport, ...]:
        """Translate tracking events; others are news of no parcel."""
        event = read_body(body, wire.Event)
        if event.resource_type not in TRACK_EVENTS:
            return ()
        track = read_body(event.data, wire.Tracking)
        # https://api.shipstation.com/v2/labels/<label id>/track
        parts = event.resource_url.split("?")[0].rstrip("/").split("/")
        label_id = parts[-2] if parts[-1] == "track" and len(parts) > 2 and parts[-3] == "labels" else None
        try:
            return (tracking_report(track, label_id),)
        except (ValueError, OverflowError) as error:
            raise WebhookUnreadable(f"a time cannot be read: {error}") from error


def _needed(headers: Mapping[str, str], name: str) -> str:
    value = header_of(headers, name)
    if not value:
        raise WebhookNotGenuine(f"{name} is missing")
    return value

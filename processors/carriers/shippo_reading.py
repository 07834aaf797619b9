"""What Shippo says, read: status words, rates and tracks in ours."""

from collections.abc import Mapping
from typing import Final

from processors.carriers import shippo_wire as wire
from processors.carriers.common import AT_THE_BUYER, offered_rate
from processors.carriers.protocol import CANONICAL_TRACKING, Rate, TrackingPlace, TrackingReport
from processors.clock import millis

#: Names the adapter, the API version and the version of the status words below.
PROVENANCE: Final = "shippo/2018-02-08/map-1"

#: Shippo's tracking statuses in our words (docs.goshippo.com, tracking).
STATUS_WORDS: Final[Mapping[str, str]] = {
    "UNKNOWN": "unknown",
    "PRE_TRANSIT": "pre_transit",
    "TRANSIT": "in_transit",
    "DELIVERED": "delivered",
    "RETURNED": "return_to_sender",
    "FAILURE": "failure",
}

#: Where a substatus says more than its status (docs.goshippo.com, tracking: the list of substatus codes). The others,
#: `delayed` or `package_held` for instance, are read by their status.
SUBSTATUS_WORDS: Final[Mapping[str, str]] = {
    "out_for_delivery": "out_for_delivery",
    "pickup_available": "available_for_pickup",
    "notice_left": "available_for_pickup",
    "delivery_attempted": "out_for_delivery",
    "package_damaged": "failure",
    "location_inaccessible": "failure",
    "address_issue": "failure",
    "contact_carrier": "failure",
}

#: Every substatus that Shippo lists, by its status: the map is tested against all of them.
SUBSTATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "UNKNOWN": ("other",),
    "PRE_TRANSIT": ("information_received",),
    "TRANSIT": (
        "address_issue", "contact_carrier", "delayed", "delivery_attempted", "delivery_rescheduled",
        "delivery_scheduled", "location_inaccessible", "notice_left", "out_for_delivery", "package_accepted",
        "package_arrived", "package_damaged", "package_departed", "package_forwarded", "package_held",
        "package_processed", "package_processing", "pickup_available", "reschedule_delivery",
    ),
    "DELIVERED": ("delivered",),
    "RETURNED": ("return_to_sender", "package_unclaimed"),
    "FAILURE": ("package_undeliverable", "package_disposed", "package_lost"),
}  # fmt: skip


def canonical(status: str, substatus: str | None) -> str | None:
    """Our word for a status with its substatus; None for a status that the map lacks."""
    return (
        SUBSTATUS_WORDS.get(substatus or "")
        if status == "TRANSIT" and substatus in SUBSTATUS_WORDS
        else (STATUS_WORDS.get(status))
    )


def tracking_report(track: wire.Track, state: wire.TrackingStatus, transaction: str | None) -> TrackingReport:
    """A track's newest state as a report. `ValueError` or `OverflowError` for a time that cannot be read."""
    substatus = state.substatus.code if state.substatus is not None else None
    word = canonical(state.status, substatus)
    place = state.location
    return TrackingReport(
        effect_key=None,
        tracking_number=track.tracking_number,
        carrier_reference=transaction,
        carrier_code=track.carrier,
        raw_status=f"{state.status}/{substatus}" if substatus else state.status,
        canonical=word,
        rank=CANONICAL_TRACKING.get(word or "", 0),
        carrier_timestamp_at=millis(state.status_date),
        tracking_event_id=state.object_id,
        place=None
        if place is None
        else TrackingPlace(
            city=None if word in AT_THE_BUYER else place.city or None,
            region=place.state or None,
            country=place.country or None,
        ),
        detail=state.status_details or "",
        estimated_delivery_at=millis(track.eta) if track.eta else None,
        provenance=PROVENANCE,
    )


def offered(carrier: str, rate: wire.Rate) -> Rate | None:
    """A rate in our shape; None for one whose price cannot be read."""
    return offered_rate(
        carrier=carrier,
        carrier_code=rate.provider,
        service=service_of(rate),
        amount=rate.amount,
        currency=rate.currency,
        delivery_days=rate.days if rate.estimated_days is None else rate.estimated_days,
    )


def service_of(rate: wire.Rate) -> str:
    """The service's word."""
    return rate.servicelevel.token or rate.servicelevel.name or ""


def said(messages: tuple[wire.Message, ...]) -> str:
    """All messages as one text, bounded."""
    return "; ".join(f"{m.source or 'Shippo'}: {m.text or m.code or ''}" for m in messages)[:1000]

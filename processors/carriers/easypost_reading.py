"""What EasyPost says, read: rates, prices and trackers in our words."""

from collections.abc import Mapping
from typing import Final

from processors.carriers import easypost_wire as wire
from processors.carriers.common import AT_THE_BUYER, offered_rate, price_in_minor_units
from processors.carriers.protocol import CANONICAL_TRACKING, Rate, TrackingPlace, TrackingReport
from processors.clock import millis

#: Names the adapter, the API version and the version of the status words below.
PROVENANCE: Final = "easypost/v2/map-1"

#: EasyPost's tracker statuses in our words (vendor's tracker guide); most are the same word.
STATUS_WORDS: Final[Mapping[str, str]] = {
    "unknown": "unknown",
    "pre_transit": "pre_transit",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "available_for_pickup": "available_for_pickup",
    "delivered": "delivered",
    "return_to_sender": "return_to_sender",
    "failure": "failure",
    "error": "failure",
    "cancelled": "cancelled",
}


def cheapest(rates: tuple[wire.Rate, ...], services: tuple[str, ...]) -> wire.Rate | None:
    """The cheapest rate of the wanted services (of all, when none is named).

    Prices are compared within one currency only, the one of the first fitting rate: EasyPost bills one account
    in one currency.
    """
    fitting = [
        (rate, price)
        for rate in rates
        if (price := price_in_minor_units(rate.rate, rate.currency)) is not None
        and (not services or rate.service in services)
    ]
    comparable = [
        (price, rate.service, rate.id, rate) for rate, price in fitting if rate.currency == fitting[0][0].currency
    ]
    return min(comparable, key=lambda entry: entry[:3])[3] if comparable else None


def tracking_report(event_id: str, tracker: wire.Tracker) -> TrackingReport:
    """A tracker's state as a report. `ValueError` or `OverflowError` for a time that cannot be read."""
    scans = sorted((d for d in tracker.tracking_details if d.datetime), key=lambda d: millis(d.datetime))
    # The newest scan that led to the tracker's status says when and where; without one the tracker's own time.
    latest = next((d for d in reversed(scans) if d.status == tracker.status), None)
    canonical = STATUS_WORDS.get(tracker.status)
    place = latest.tracking_location if latest is not None else None
    words = (tracker.status_detail, latest.message if latest is not None else None)
    return TrackingReport(
        effect_key=None,
        tracking_number=tracker.tracking_code,
        carrier_reference=tracker.shipment_id,
        carrier_code=tracker.carrier,
        raw_status=tracker.status,
        canonical=canonical,
        rank=CANONICAL_TRACKING.get(canonical or "", 0),
        carrier_timestamp_at=millis(latest.datetime if latest is not None else tracker.updated_at),
        tracking_event_id=event_id,
        place=None
        if place is None
        else TrackingPlace(
            city=None if canonical in AT_THE_BUYER else place.city,
            region=place.state,
            country=place.country,
        ),
        detail=": ".join(word for word in words if word),
        estimated_delivery_at=millis(tracker.est_delivery_date) if tracker.est_delivery_date else None,
        provenance=PROVENANCE,
    )


def offered(carrier: str, rate: wire.Rate) -> Rate | None:
    """A rate in our shape; None for one whose price cannot be read."""
    return offered_rate(
        carrier=carrier,
        carrier_code=rate.carrier,
        service=rate.service,
        amount=rate.rate,
        currency=rate.currency,
        delivery_days=rate.delivery_days,
    )

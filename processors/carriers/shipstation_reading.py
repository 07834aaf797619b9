"""What ShipStation says, read: status codes, money and tracks in our words."""

import hashlib
from collections.abc import Mapping
from typing import Final

from processors.carriers import shipstation_wire as wire
from processors.carriers.common import AT_THE_BUYER, offered_rate, price_in_minor_units
from processors.carriers.protocol import CANONICAL_TRACKING, Rate, TrackingPlace, TrackingReport
from processors.clock import millis

#: Names the adapter, the API version and the version of the status words below.
PROVENANCE: Final = "shipstation/v2/map-2"

#: ShipStation's status codes in our words (docs.shipstation.com, tracking; the OpenAPI's `status_code`).
STATUS_WORDS: Final[Mapping[str, str]] = {
    "UN": "unknown",
    "NY": "pre_transit",
    "AC": "in_transit",
    "IT": "in_transit",
    "AT": "out_for_delivery",
    "SP": "available_for_pickup",
    "DE": "delivered",
    "EX": "failure",
}

#: `status_detail_code` of the OpenAPI by our word: the whole list, for a detail says more than its status. The empty
#: word stands for details that say nothing of where the parcel is: their status decides.
DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "pre_transit": (
        "COLLECTION_FAILED", "AWAITING_DESPATCH", "COLLECTION_REQUESTED", "ELEC_ADVICE_RECD_BY_CARRIER",
        "NOT_YET_RECEIVED_BY_CARRIER", "AWAITING_ELECTRONIC_ADVICE",
    ),
    "in_transit": (
        "DESPATCHED", "COLLECTION_MADE", "CARRIER_DELAYS", "CUSTOMS_CLEARED", "CUSTOMS_PROCESSING",
        "DELAYED_NOT_CARRIER", "DELIVERY_ARRANGED_WITH_RECIPIENT", "HUB_SCAN_OUT", "IN_TRANSIT", "MISSORTED",
        "PARCEL_OVER_LABELLED", "PARCEL_REPACKED", "RECEIVED_BY_CARRIER", "RECEIVED_LOCAL_DELIVERY_DEPOT",
        "ROUTING_ERROR", "SUB_CONTRACTOR_EVENT", "SUB_CONTRACTOR_RECEIVED", "RECD_BY_CARRIER_NO_ELEC_ADVICE",
    ),
    "out_for_delivery": (
        "OUT_FOR_DELIVERY", "ATTEMPTED_DELIVERY", "ATTEMPTED_DELIVERY_2ND", "ATTEMPTED_DELIVERY_3RD",
        "COD_AMOUNT_NOT_PAID", "CUSTOMER_CARDED", "CUSTOMER_IDENTIFICATION_FAILED", "INVALID_METHOD_OF_PAYMENT",
        "NO_ACCESS_TO_RECIPIENTS_ADDRESS",
    ),
    "available_for_pickup": (
        "AWAITING_COLLECTION_FROM_PICKUP_POINT", "COLLECT_AT_LOCAL_PO", "CUSTOMER_TO_COLLECT_FROM_CARRIER",
        "DELIVERED_TO_LOCKER_COLLECTION_POINT",
    ),
    "delivered": (
        "DELIVERED", "DELIVERED_DAMAGED", "DELIVERED_IN_PART", "DELIVERED_SPECIFIED_SAFE_PLACE",
        "DELIVERED_TO_ALTERNATIVE_DELIVERY_LOCATION", "DELIVERED_TO_NEIGHBOUR", "DELIVERED_TO_PO_BOX",
        "PARCEL_COLLECTED_FROM_PICKUP_POINT", "PROOF_OF_DELIVERY",
    ),
    # What the OpenAPI's description says is being returned, whatever its name says besides.
    "return_to_sender": (
        "RETURN_TO_SENDER", "REFUSED_BY_CUSTOMER", "NOT_COLLECTED_FROM_PICKUP_POINT", "CUSTOMER_MOVED",
        "HAZARDOUS_PROHIBITED", "NOT_DELIVERED", "PARCEL_DAMAGED", "PARCEL_OUTSIDE_OF_SERVICE_CAPABILITY",
    ),
    "failure": (
        "NOT_DELIVERED_ADDRESSEE_DECEASED", "PARCEL_DISPOSED", "PARCEL_LOST", "ADDRESS_QUERY", "HELD_BY_CARRIER",
        "HELD_BY_CARRIER_FOR_CLEARANCE_PRE_PROCESSING", "HELD_BY_CUSTOMS", "HELD_BY_EXPORT_CUSTOMS",
        "HELD_BY_IMPORT_CUSTOMS", "INCORRECT_DECLARATION",
    ),
    "cancelled": ("CANCELLED", "CANCELLED_BEFORE_DESPATCH"),
    "": (
        "COD_AMOUNT_PAID", "POST_TRANSIT_STATUS", "INFORMATION", "PARCEL_UPDATE_NOTIFICATION_VIA_EMAIL",
        "PARCEL_UPDATE_NOTIFICATION_VIA_SMS", "CARRIER_STATUS_NOT_MAPPED",
    ),
}  # fmt: skip
_DETAIL_WORDS: Final = {detail: word for word, details in DETAILS.items() for detail in details if word}

#: Where buyers look, by the start of the carrier's code; ShipStation gives no page with a label.
PAGES: Final[Mapping[str, str]] = {
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    "stamps_com": "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    "ups": "https://www.ups.com/track?tracknum={}",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={}",
    "dhl": "https://www.dhl.com/en/express/tracking.html?AWB={}",
}


def canonical(status: str, detail: str | None) -> str | None:
    """Our word for a status with its detail; None for a status that the map lacks."""
    if status not in STATUS_WORDS:
        return None
    return _DETAIL_WORDS.get(detail or "", STATUS_WORDS[status])


def tracking_page(carrier_code: str, tracking_number: str) -> str | None:
    """The carrier's own page; None where it is not known."""
    page = next((page for start, page in PAGES.items() if carrier_code.startswith(start)), None)
    return None if page is None else page.format(tracking_number)


def tracking_report(track: wire.Tracking, label_id: str | None) -> TrackingReport:
    """A track as a report. `ValueError` or `OverflowError` for a time that cannot be read.

    No event has an id: the same state of the same parcel at the same time is the same report.
    """
    word = canonical(track.status_code, track.status_detail_code)
    newest = max(track.events, key=lambda scan: millis(scan.occurred_at), default=None)
    at = 0 if newest is None else millis(newest.occurred_at)
    raw = f"{track.status_code}/{track.status_detail_code}" if track.status_detail_code else track.status_code
    told = f"{track.tracking_number}/{raw}/{at}".encode()
    words = (track.status_description, newest.description if newest is not None else None)
    return TrackingReport(
        effect_key=None,
        tracking_number=track.tracking_number,
        carrier_reference=label_id,
        carrier_code=track.carrier_code or "",
        raw_status=raw,
        canonical=word,
        rank=CANONICAL_TRACKING.get(word or "", 0),
        carrier_timestamp_at=at,
        tracking_event_id=hashlib.sha256(told).hexdigest()[:32],
        place=None
        if newest is None
        else TrackingPlace(
            city=None if word in AT_THE_BUYER else newest.city_locality or None,
            region=newest.state_province or None,
            country=newest.country_code or None,
        ),
        detail=": ".join(one for one in words if one),
        estimated_delivery_at=_day(track.estimated_delivery_date),
        provenance=PROVENANCE,
    )


def _day(moment: str | None) -> int | None:
    """An estimate; without a zone it is a day, which is read as UTC."""
    if not moment:
        return None
    return millis(moment if moment.endswith("Z") or "+" in moment else f"{moment}Z")


def cost(parts: tuple[wire.Money | None, ...]) -> tuple[int, str] | None:
    """The sum of what is paid, as minor units and currency; None where it cannot be read."""
    given = [part for part in parts if part is not None]
    currencies = {part.currency.upper() for part in given if part.amount}
    if not given or len(currencies) > 1:
        return None
    currency = next(iter(currencies), given[0].currency.upper())
    minor = price_in_minor_units(str(sum(part.amount for part in given)), currency)
    return None if minor is None else (minor, currency)


def rate_cost(rate: wire.Rate) -> tuple[int, str] | None:
    """What a rate's label costs."""
    return cost((rate.shipping_amount, rate.insurance_amount, rate.confirmation_amount, rate.other_amount))


def offered(carrier: str, rate: wire.Rate) -> Rate | None:
    """A rate in our shape; None for one whose price cannot be read."""
    paid = rate_cost(rate)
    if paid is None:
        return None
    parts = (rate.shipping_amount, rate.insurance_amount, rate.confirmation_amount, rate.other_amount)
    return offered_rate(
        carrier=carrier,
        carrier_code=rate.carrier_code,
        service=rate.service_code,
        amount=str(sum(part.amount for part in parts if part is not None)),
        currency=paid[1],
        delivery_days=rate.delivery_days,
    )

"""The JSON objects that the ShipStation simulator answers with, after the vendor's published OpenAPI description."""

from typing import Final

import msgspec

from processors.carriers.easypost_shapes import millis
from processors.carriers.parcel_office import Label, Offer, Place, Scan, digest
from processors.simulation_http import Json

#: Status code and detail code of our words.
WORDS: Final = {
    "pre_transit": ("NY", "ELEC_ADVICE_RECD_BY_CARRIER"),
    "in_transit": ("IT", "IN_TRANSIT"),
    "out_for_delivery": ("IT", "OUT_FOR_DELIVERY"),
    "delivered": ("DE", "DELIVERED"),
    "return_to_sender": ("EX", "RETURN_TO_SENDER"),
    "failure": ("EX", "PARCEL_LOST"),
    "odd": ("HELD_BY_CUSTOMS", None),
}
NO_MONEY: Final = {"currency": "usd", "amount": 0.0}


def place(given: Json) -> Place:
    """An address in neutral names."""
    return Place(
        name=given.get("name") or "",
        street1=given.get("address_line1") or "",
        street2=given.get("address_line2") or "",
        city=given.get("city_locality") or "",
        state=given.get("state_province") or "",
        zip=given.get("postal_code") or "",
        country=given.get("country_code") or "",
    )


def address(of: Place, residential: str) -> Json:
    """An address in ShipStation's names."""
    return {
        "name": of.name,
        "phone": "",
        "email": None,
        "company_name": None,
        "address_line1": of.street1,
        "address_line2": of.street2,
        "address_line3": None,
        "city_locality": of.city,
        "state_province": of.state,
        "postal_code": of.zip,
        "country_code": of.country,
        "address_residential_indicator": residential,
    }


def validation(status: str, given: Json, found: Place | None, message: str | None, detail: str | None) -> Json:
    """The verdict on an address."""
    messages = (
        [] if message is None else [{"code": "a1002", "message": message, "type": "error", "detail_code": detail}]
    )
    return {
        "status": status,
        "original_address": address(place(given), "unknown"),
        "matched_address": None if found is None else address(found, "yes"),
        "messages": messages,
    }


def errors(source: str, code: str, message: str) -> Json:
    """The body of a refusal."""
    problem = {"error_source": source, "error_type": "business_rules", "error_code": code, "message": message}
    return {"request_id": digest("request", code), "errors": [problem]}


def rated(shipment_id: str, given: Json, offers: list[Offer], carrier_id: str) -> Json:
    """A shipment with its rates."""
    found = [_rate(offer, carrier_id) for offer in offers]
    problems = [] if found else errors("carrier", "no_rates_returned", "No rates for this parcel")["errors"]
    return {
        **given,
        "shipment_id": shipment_id,
        "carrier_id": carrier_id,
        "shipment_status": "pending",
        "rate_response": {
            "rates": found,
            "invalid_rates": [],
            "rate_request_id": f"se-{digest('rating', shipment_id)[:12]}",
            "shipment_id": shipment_id,
            "status": "completed" if found else "error",
            "errors": problems,
        },
    }


def _rate(offer: Offer, carrier_id: str) -> Json:
    return {
        "rate_id": offer.id,
        "rate_type": "shipment",
        "carrier_id": carrier_id,
        "shipping_amount": {"currency": "usd", "amount": offer.cents / 100},
        "insurance_amount": NO_MONEY,
        "confirmation_amount": NO_MONEY,
        "other_amount": NO_MONEY,
        "zone": 4,
        "package_type": "package",
        "delivery_days": offer.days,
        "guaranteed_service": False,
        "estimated_delivery_date": None,
        "carrier_delivery_days": str(offer.days),
        "ship_date": None,
        "negotiated_rate": False,
        "service_type": offer.service,
        "service_code": offer.service,
        "trackable": True,
        "carrier_code": "usps",
        "carrier_nickname": "USPS",
        "carrier_friendly_name": "USPS",
        "validation_status": "valid",
        "warning_messages": [],
        "error_messages": [],
    }


def label(of: Label, base_url: str, carrier_id: str) -> Json:
    """A paid label."""
    voided = of.refund == "refunded"
    file = f"{base_url}v2/downloads/{of.id}.{of.kind}"
    return {
        "label_id": of.id,
        "status": "voided" if voided else "completed",
        "shipment_id": of.parcel_id,
        "ship_date": millis(of.created_at),
        "created_at": millis(of.created_at),
        "shipment_cost": {"currency": "usd", "amount": of.offer.cents / 100},
        "insurance_cost": NO_MONEY,
        "tracking_number": of.tracking_number,
        "is_return_label": False,
        "rma_number": None,
        "is_international": of.sender.country != of.recipient.country,
        "batch_id": "",
        "carrier_id": carrier_id,
        "service_code": of.offer.service,
        "package_code": "package",
        "voided": voided,
        "voided_at": None,
        "label_format": of.kind,
        "label_layout": "4x6",
        "trackable": True,
        "carrier_code": "usps",
        "tracking_status": "in_transit",
        "label_download": {"href": file, of.kind: file},
        "form_download": None,
        "insurance_claim": None,
        "packages": [{"label_messages": {"reference1": of.reference}}],
    }


def track(of: Label) -> Json:
    """A parcel's way so far; the newest scan comes first."""
    events = [_event(scan) for scan in reversed(of.scans)]
    status, detail = WORDS[of.scans[-1].word] if of.scans else ("UN", None)
    return {
        "tracking_number": of.tracking_number,
        "status_code": status,
        "status_detail_code": detail,
        "status_detail_description": None,
        "status_description": of.scans[-1].message if of.scans else "Unknown",
        "carrier_code": "usps",
        "carrier_id": 1,
        "carrier_detail_code": None,
        "carrier_status_code": None,
        "carrier_status_description": None,
        "ship_date": None,
        "estimated_delivery_date": None,
        "actual_delivery_date": None,
        "exception_description": None,
        "events": events,
    }


def _event(scan: Scan) -> Json:
    status, detail = WORDS[scan.word]
    return {
        "occurred_at": millis(scan.at),
        "carrier_occurred_at": millis(scan.at).removesuffix("Z"),
        "description": scan.message,
        "city_locality": scan.place.city,
        "state_province": scan.place.state,
        "postal_code": scan.place.zip,
        "country_code": scan.place.country,
        "company_name": "",
        "signer": "",
        "event_code": detail,
        "event_description": scan.message,
        "status_code": status,
        "status_detail_code": detail,
        "status_description": scan.message,
        "latitude": None,
        "longitude": None,
    }


def event(of: Label) -> Json:
    """The body of a webhook."""
    return {
        "resource_url": f"https://api.shipstation.com/v2/labels/{of.id}/track",
        "resource_type": "TRACK_EVENT_V2",
        "data": msgspec.to_builtins(track(of)),
    }

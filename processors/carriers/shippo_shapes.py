"""The JSON objects that the Shippo simulator answers with, field by field as recorded from the real API.

A contract test compares the fields of each object with the recordings, so a field that Shippo sends and the simulator
forgets is noticed.
"""

from datetime import UTC, datetime
from typing import Final

from processors.carriers.easypost_shapes import millis
from processors.carriers.parcel_office import Label, Offer, Place, Scan, digest
from processors.simulation_http import Json

OWNER: Final = "demo@example.com"
TEXTS: Final = ("name", "company", "street_no", "street1", "street2", "street3", "city", "state", "zip", "country")

#: Status and substatus of our words.
WORDS: Final = {
    "pre_transit": ("PRE_TRANSIT", "information_received"),
    "in_transit": ("TRANSIT", "package_arrived"),
    "out_for_delivery": ("TRANSIT", "out_for_delivery"),
    "delivered": ("DELIVERED", "delivered"),
    "return_to_sender": ("RETURNED", "return_to_sender"),
    "failure": ("FAILURE", "package_lost"),
    "odd": ("HELD_BY_CUSTOMS", None),
}


def address(given: Json, number: int, at_ms: int) -> Json:
    """An address. Texts that were not given are empty."""
    return {
        "object_created": millis(at_ms),
        "object_updated": millis(at_ms),
        "object_id": digest("address", number, at_ms),
        "is_complete": True,
        "validation_results": {},
        "object_owner": OWNER,
        **{name: given.get(name) or "" for name in TEXTS},
        "phone": given.get("phone") or "",
        "email": given.get("email") or "",
        "is_residential": None,
        "metadata": given.get("metadata") or "",
        "test": True,
    }


def validated(of: Json, found: Place | None, problem: str | None, at_ms: int) -> Json:
    """The answer to a validation: a new object, in the post office's spelling where there is one."""
    messages = (
        [] if problem is None else [{"source": "USPS", "code": problem, "text": problem, "type": "address_error"}]
    )
    spelling = {} if found is None else {
        "street_no": "", "street1": found.street1, "street2": found.street2, "city": found.city, "zip": found.zip,
    }  # fmt: skip
    return {
        **of,
        **spelling,
        "object_id": digest("validated", of["object_id"], at_ms),
        "object_created": millis(at_ms),
        "object_updated": millis(at_ms),
        "is_residential": True if problem is None else None,
        "validation_results": {"is_valid": problem is None, "messages": messages},
        "metadata": "",
    }


def grams(parcel: Json) -> float:
    """A parcel's weight."""
    unit = {"g": 1.0, "kg": 1000.0, "lb": 453.592_37, "oz": 28.349_523_125}
    return float(parcel.get("weight") or 0) * unit.get(str(parcel.get("mass_unit")), 1.0)


def rate(offer: Offer, at_ms: int) -> Json:
    """A rate; `estimated_days` is today's name of the recorded `days`."""
    amount = f"{offer.cents / 100:.2f}"
    picture = "https://shippo-static.s3.amazonaws.com/providers/{}/USPS.png"
    return {
        "object_created": millis(at_ms),
        "object_id": offer.id,
        "object_owner": OWNER,
        "shipment": offer.parcel_id,
        "attributes": [],
        "amount": amount,
        "currency": "USD",
        "amount_local": amount,
        "currency_local": "USD",
        "provider": "USPS",
        "provider_image_75": picture.format(75),
        "provider_image_200": picture.format(200),
        "servicelevel": {"name": offer.service, "token": offer.service, "terms": ""},
        "days": offer.days,
        "estimated_days": offer.days,
        "arrives_by": None,
        "duration_terms": "",
        "messages": [],
        "carrier_account": digest("account"),
        "test": True,
        "zone": "4",
    }


def shipment(
    shipment_id: str, given: Json, ends: tuple[Json, Json], parcels: list[Json], offers: list[Offer], at_ms: int
) -> Json:
    """A shipment with its rates. Within it, addresses have neither owner nor times nor e-mail."""
    left_out = {"object_created", "object_updated", "object_owner", "email", "metadata"}
    sender, recipient = ({k: v for k, v in end.items() if k not in left_out} for end in ends)
    extra = dict(given.get("extra") or {})
    return {
        "carrier_accounts": [],
        "object_created": millis(at_ms),
        "object_updated": millis(at_ms),
        "object_id": shipment_id,
        "object_owner": OWNER,
        "status": "SUCCESS",
        "address_from": sender,
        "address_to": recipient,
        "parcels": [_parcel(shipment_id, place, one, at_ms) for place, one in enumerate(parcels)],
        "shipment_date": given.get("shipment_date") or millis(at_ms),
        "address_return": sender,
        "customs_declaration": given.get("customs_declaration"),
        "extra": extra,
        "rates": [rate(offer, at_ms) for offer in offers],
        "messages": [] if offers else [{"source": "USPS", "code": "", "text": "No rates for this parcel"}],
        "metadata": given.get("metadata") or "",
        "test": True,
    }


def _parcel(shipment_id: str, place: int, given: Json, at_ms: int) -> Json:
    return {
        "object_state": "VALID",
        "object_created": millis(at_ms),
        "object_updated": millis(at_ms),
        "object_id": digest("parcel", shipment_id, place),
        "object_owner": OWNER,
        "template": None,
        "extra": {},
        **{side: f"{float(given.get(side) or 0):.4f}" for side in ("length", "width", "height")},
        "distance_unit": given.get("distance_unit"),
        "weight": f"{float(given.get('weight') or 0):.4f}",
        "mass_unit": given.get("mass_unit"),
        "value_amount": None,
        "value_currency": None,
        "metadata": given.get("metadata") or "",
        "line_items": [],
        "test": True,
    }


#: What a transaction and its refund are called, by what became of the label that was given back.
TRANSACTION_STATUS: Final = {
    "": "SUCCESS", "submitted": "REFUNDPENDING", "refunded": "REFUNDED", "rejected": "REFUNDREJECTED",
}  # fmt: skip
REFUND_STATUS: Final = {"submitted": "PENDING", "refunded": "SUCCESS", "rejected": "ERROR"}


def transaction(label: Label, base_url: str) -> Json:
    """A paid label."""
    status = TRANSACTION_STATUS[label.refund]
    return {
        "object_state": "VALID",
        "status": status,
        "object_created": millis(label.created_at),
        "object_updated": millis(label.created_at),
        "object_id": label.id,
        "object_owner": OWNER,
        "test": True,
        "rate": label.offer.id,
        "tracking_number": label.tracking_number,
        "tracking_status": None,
        "tracking_history": [],
        "tracking_url_provider": f"https://tools.usps.com/go/TrackConfirmAction?tLabels={label.tracking_number}",
        "label_url": f"{base_url}files/{label.id}.{label.kind}",
        "commercial_invoice_url": None,
        "messages": [],
        "order": None,
        "metadata": label.reference,
        "parcel": digest("parcel", label.parcel_id, 0),
    }


def failed(offer: Offer, reference: str, text: str, at_ms: int) -> Json:
    """A transaction that bought nothing."""
    return {
        "object_state": "VALID",
        "status": "ERROR",
        "object_created": millis(at_ms),
        "object_updated": millis(at_ms),
        "object_id": digest("failed", offer.id, at_ms),
        "object_owner": OWNER,
        "test": True,
        "rate": offer.id,
        "tracking_number": "",
        "tracking_status": None,
        "tracking_history": [],
        "tracking_url_provider": "",
        "label_url": "",
        "commercial_invoice_url": None,
        "messages": [{"source": "USPS", "code": "", "text": text}],
        "order": None,
        "metadata": reference,
        "parcel": digest("parcel", offer.parcel_id, 0),
    }


def page(results: list[Json]) -> Json:
    """A page of a listing."""
    return {"count": len(results), "next": None, "previous": None, "results": results}


def refund(label: Label, at_ms: int) -> Json:
    """A refund that was asked for."""
    return {
        "object_created": millis(at_ms),
        "object_updated": millis(at_ms),
        "object_id": digest("refund", label.id),
        "object_owner": OWNER,
        "status": REFUND_STATUS[label.refund],
        "transaction": label.id,
        "test": True,
    }


def track(label: Label) -> Json:
    """A parcel's way so far; the body of a webhook, and the answer to a question."""
    states = [_state(label, place, scan) for place, scan in enumerate(label.scans)]
    newest = None if not states else {**states[-1], "object_updated": states[-1]["object_created"]}
    return {
        "carrier": "usps",
        "tracking_number": label.tracking_number,
        "address_from": _town(label.sender),
        "address_to": _town(label.recipient),
        "eta": datetime.fromtimestamp(label.created_at / 1000, tz=UTC).strftime("%Y-%m-%dT00:00:00Z"),
        "servicelevel": {"token": label.offer.service, "name": label.offer.service},
        "metadata": label.reference,
        "transaction": label.id,
        "tracking_status": newest,
        "tracking_history": states,
        "messages": [],
    }


def _state(label: Label, place: int, scan: Scan) -> Json:
    status, substatus = WORDS[scan.word]
    code = None if substatus is None else {"code": substatus, "text": scan.message, "action_required": False}
    return {
        "object_created": millis(scan.at),
        "object_id": digest("state", label.id, place),
        "status": status,
        "substatus": code,
        "status_details": scan.message,
        "status_date": millis(scan.at),
        "location": _town(scan.place),
    }


def _town(of: Place) -> Json:
    return {"city": of.city, "state": of.state, "zip": of.zip, "country": of.country}

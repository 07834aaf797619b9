"""The JSON objects that the EasyPost simulator answers with, field by field as recorded from the real API.

A contract test compares the fields of each object with the recordings, so a field that EasyPost sends and
the simulator forgets is noticed.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

Json = dict[str, Any]

#: Services and prices of the recorded shipment of 15.4 ounces; the price grows with the weight.
DOMESTIC: Final = (("Express", 3415, 1), ("Priority", 742, 2), ("GroundAdvantage", 607, 3))
ABROAD: Final = (("PriorityMailInternational", 4290, 8), ("FirstClassPackageInternationalService", 1875, 12))


def seconds(at_ms: int) -> str:
    """A moment as EasyPost writes it."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(at_ms: int) -> str:
    """A moment with milliseconds, as events carry it."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_id(prefix: str, *parts: object) -> str:
    """An id in EasyPost's form, the same for the same parts."""
    return f"{prefix}_{hashlib.sha256('/'.join(map(str, parts)).encode()).hexdigest()[:32]}"


def address(given: Json, at_ms: int, number: int) -> Json:
    """An `Address`. A recording shows phone and e-mail masked; here they come back as given."""
    moment = seconds(at_ms).replace("Z", "+00:00")
    names = ("name", "company", "street1", "street2", "city", "state", "zip")
    return {
        "id": object_id("adr", number),
        "object": "Address",
        "created_at": moment,
        "updated_at": moment,
        **{name: given.get(name) for name in names},
        "country": given.get("country") or "US",
        "phone": given.get("phone"),
        "email": given.get("email"),
        "mode": "test",
        "carrier_facility": None,
        "residential": None,
        "federal_tax_id": None,
        "state_tax_id": None,
        "verifications": {},
    }


def verified(of: Json) -> Json:
    """The address as the post office spells it."""
    upper = {name: (of[name] or "").upper() or None for name in ("name", "street1", "city")}
    zip_code = of["zip"] or ""
    if of["country"] == "US" and len(zip_code) == 5:
        zip_code += "-" + f"{int(hashlib.sha256((of['street1'] or '').encode()).hexdigest(), 16) % 10_000:04d}"
    delivery = {"latitude": 37.77551, "longitude": -122.39697, "time_zone": "America/Los_Angeles"}
    return {
        **of,
        **upper,
        "street2": (of["street2"] or "").upper(),
        "zip": zip_code or None,
        "residential": True,
        "verifications": {
            "zip4": {"success": True, "errors": [], "details": None},
            "delivery": {"success": True, "errors": [], "details": delivery},
        },
    }


def customs(given: Json | None, at_ms: int, shipment_id: str) -> Json | None:
    """A `CustomsInfo` with its items."""
    if given is None:
        return None
    moment = seconds(at_ms)
    stamp = {"created_at": moment, "updated_at": moment, "mode": "test"}
    items = [
        {
            "id": object_id("cstitem", shipment_id, place),
            "object": "CustomsItem",
            **stamp,
            "description": item.get("description"),
            "hs_tariff_number": item.get("hs_tariff_number"),
            "origin_country": item.get("origin_country"),
            "quantity": item.get("quantity"),
            "value": str(item.get("value")),
            "weight": float(item.get("weight") or 0),
            "code": item.get("code"),
            "manufacturer": None,
            "currency": item.get("currency"),
            "eccn": None,
            "printed_commodity_identifier": None,
        }
        for place, item in enumerate(given.get("customs_items", ()))
    ]
    words = (
        "contents_explanation", "contents_type", "customs_certify", "customs_signer", "eel_pfc",
        "non_delivery_option", "restriction_comments", "restriction_type", "declaration",
    )  # fmt: skip
    return {
        "id": object_id("cstinfo", shipment_id),
        "object": "CustomsInfo",
        **stamp,
        **{word: given.get(word) for word in words},
        "customs_items": items,
    }


def rates(shipment_id: str, weight_oz: float, abroad: bool, at_ms: int, edition: int) -> list[Json]:
    """`Rate`s of all services; `edition` tells a repeated rating from the first."""
    found = []
    for service, cents, days in ABROAD if abroad else DOMESTIC:
        price_cents = cents + round(max(weight_oz - 15.4, 0) * 11)
        found.append(
            {
                "id": object_id("rate", shipment_id, service, edition),
                "object": "Rate",
                "created_at": seconds(at_ms),
                "updated_at": seconds(at_ms),
                "mode": "test",
                "service": service,
                "carrier": "USPS",
                "rate": f"{price_cents / 100:.2f}",
                "currency": "USD",
                "retail_rate": f"{price_cents * 1.3 / 100:.2f}",
                "retail_currency": "USD",
                "list_rate": f"{price_cents * 1.1 / 100:.2f}",
                "list_currency": "USD",
                "billing_type": "easypost",
                "delivery_days": days,
                "delivery_date": None,
                "delivery_date_guaranteed": False,
                "est_delivery_days": days,
                "shipment_id": shipment_id,
                "carrier_account_id": object_id("ca", "demo"),
            }
        )
    return found


def shipment(given: Json, shipment_id: str, at_ms: int) -> Json:
    """A `Shipment` that has rates and no postage yet."""
    sender = address(given.get("from_address") or {}, at_ms, hash_number(shipment_id, "from"))
    recipient = address(given.get("to_address") or {}, at_ms, hash_number(shipment_id, "to"))
    parcel = given.get("parcel") or {}
    weight_oz = float(parcel.get("weight") or 0)
    abroad = sender["country"] != recipient["country"]
    moment = seconds(at_ms)
    given_options = given.get("options") or {}
    return {
        "id": shipment_id,
        "created_at": moment,
        "is_return": False,
        "messages": [],
        "mode": "test",
        "options": {**given_options, "currency": "USD", "payment": {"type": "SENDER"}, "date_advance": 0},
        "reference": given.get("reference"),
        "status": "unknown",
        "tracking_code": None,
        "updated_at": moment,
        "batch_id": None,
        "batch_status": None,
        "batch_message": None,
        "customs_info": customs(given.get("customs_info"), at_ms, shipment_id),
        "from_address": sender,
        "insurance": None,
        "order_id": None,
        "parcel": {
            "id": object_id("prcl", shipment_id),
            "object": "Parcel",
            "created_at": moment,
            "updated_at": moment,
            **{side: float(parcel.get(side) or 0) for side in ("length", "width", "height")},
            "predefined_package": parcel.get("predefined_package"),
            "weight": weight_oz,
            "mode": "test",
        },
        "postage_label": None,
        "rates": rates(shipment_id, weight_oz, abroad, at_ms, 0),
        "refund_status": None,
        "scan_form": None,
        "selected_rate": None,
        "tracker": None,
        "to_address": recipient,
        "usps_zone": None if abroad else 4,
        "return_address": sender,
        "buyer_address": recipient,
        "forms": [],
        "fees": [],
        "object": "Shipment",
    }


def bought(before: Json, rate: Json, label_url: str, at_ms: int) -> Json:
    """The shipment with its postage paid."""
    moment = seconds(at_ms)
    code = tracking_code(before["id"])
    recipient = verified(before["to_address"])
    media_type = "application/pdf" if label_url.endswith(".pdf") else "image/png"
    fees = (("LabelFee", "0.00000"), ("PostageFee", f"{float(rate['rate']):.5f}"))
    return {
        **before,
        "updated_at": moment,
        "tracking_code": code,
        "to_address": recipient,
        "buyer_address": recipient,
        "selected_rate": rate,
        "postage_label": {
            "object": "PostageLabel",
            "id": object_id("pl", before["id"]),
            "created_at": moment,
            "updated_at": moment,
            "date_advance": 0,
            "integrated_form": "none",
            "label_date": moment,
            "label_resolution": 300,
            "label_size": "4x6",
            "label_type": "default",
            "label_file_type": media_type,
            "label_url": label_url,
            "label_pdf_url": None,
            "label_zpl_url": None,
            "label_epl2_url": None,
            "label_file": None,
        },
        "tracker": tracker(before["id"], code, rate["carrier"], "unknown", [], at_ms, at_ms),
        "fees": [
            {"object": "Fee", "type": kind, "amount": amount, "charged": True, "refunded": False}
            for kind, amount in fees
        ],
    }


def tracker(
    shipment_id: str, code: str, carrier: str, status: str, scans: list[Json], created_ms: int, at_ms: int
) -> Json:
    """A `Tracker` with its scans so far."""
    return {
        "id": object_id("trk", shipment_id),
        "object": "Tracker",
        "mode": "test",
        "tracking_code": code,
        "status": status,
        "status_detail": scans[-1]["status_detail"] if scans else "unknown",
        "created_at": seconds(created_ms),
        "updated_at": seconds(at_ms),
        "signed_by": None,
        "weight": None,
        "est_delivery_date": None,
        "shipment_id": shipment_id,
        "carrier": carrier,
        "tracking_details": scans,
        "fees": [],
        "carrier_detail": None,
        "public_url": f"https://track.easypost.com/{object_id('demo', code)}",
    }


def scan(message: str, status: str, detail: str, place: Json, at_ms: int) -> Json:
    """A `TrackingDetail`. Scans are given to the millisecond, because simulated journeys are short."""
    return {
        "object": "TrackingDetail",
        "message": message,
        "description": message,
        "status": status,
        "status_detail": detail,
        "datetime": millis(at_ms),
        "source": "USPS",
        "carrier_code": "",
        "tracking_location": {"object": "TrackingLocation", "city": None, "state": None, "country": None, "zip": None}
        | place,
    }


def event(event_id: str, description: str, result: Json, before: str, at_ms: int) -> Json:
    """An `Event`: the body of a webhook."""
    return {
        "description": description,
        "mode": "test",
        "previous_attributes": {"status": before},
        "created_at": millis(at_ms),
        "pending_urls": [],
        "completed_urls": [],
        "updated_at": millis(at_ms),
        "id": event_id,
        "user_id": object_id("user", "demo"),
        "status": "pending",
        "object": "Event",
        "result": result,
    }


def error(code: str, message: str, errors: list[Json] | None = None) -> Json:
    """The body of a refusal."""
    return {"error": {"code": code, "message": message, "errors": errors or []}}


def tracking_code(shipment_id: str) -> str:
    """Twenty-two digits in the form of USPS, the same for the same shipment."""
    return "9400100" + f"{hash_number(shipment_id, 'code') % 10**15:015d}"


def hash_number(*parts: object) -> int:
    """A number drawn from the parts."""
    return int(hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:15], 16)

"""What printledger sends to ShipStation: our shapes in ShipStation's names, centimetres and grams."""

from decimal import ROUND_UP, Decimal
from typing import Any, Final

from processors.carriers.easypost_requests import major_units, needs_customs
from processors.carriers.protocol import Address, ParcelShipment

MICROMETRES_A_CENTIMETRE: Final = 10_000
#: ShipStation's words for a label's media type.
LABEL_FORMATS: Final = {"image/png": "png", "application/pdf": "pdf"}


def address(of: Address) -> dict[str, str | None]:
    """An address in ShipStation's names."""
    return {
        "name": of.name,
        "company_name": of.company,
        "address_line1": of.street1,
        "address_line2": of.street2,
        "city_locality": of.city,
        "state_province": of.region,
        "postal_code": of.postal_code,
        "country_code": of.country,
        "phone": of.phone,
        "email": of.email,
    }


def centimetres(micrometres: int) -> float:
    """Rounded up to tenths, so that a parcel is never declared smaller than it is."""
    return float((Decimal(micrometres) / MICROMETRES_A_CENTIMETRE).quantize(Decimal("0.1"), ROUND_UP))


def rates_request(shipment: ParcelShipment, carrier_ids: tuple[str, ...]) -> dict[str, Any]:
    """The body of `POST /v2/rates`; the label carries our effect key as its first reference."""
    body: dict[str, Any] = {
        "validate_address": "no_validation",
        "ship_from": address(shipment.sender),
        "ship_to": address(shipment.recipient),
        "packages": [
            {
                "weight": {"value": shipment.parcel.weight_g, "unit": "gram"},
                "dimensions": {
                    "unit": "centimeter",
                    "length": centimetres(shipment.parcel.length_um),
                    "width": centimetres(shipment.parcel.width_um),
                    "height": centimetres(shipment.parcel.height_um),
                },
                "label_messages": {"reference1": shipment.effect_key},
            }
        ],
    }
    if shipment.customs and needs_customs(shipment.sender.country, shipment.recipient.country):
        body["customs"] = {
            "contents": "merchandise",
            "non_delivery": "return_to_sender",
            "signer": shipment.customs_signer or shipment.sender.name,
            "customs_items": [
                {
                    "description": item.description,
                    "quantity": item.quantity,
                    "value": {
                        "currency": item.currency.lower(),
                        # Their value is that of one piece, ours that of all pieces.
                        "amount": major_units(item.value_minor, item.currency) / item.quantity,
                    },
                    "harmonized_tariff_code": item.hs_tariff_number,
                    "country_of_origin": item.origin_country,
                }
                for item in shipment.customs
            ],
        }
    return {"rate_options": {"carrier_ids": list(carrier_ids)}, "shipment": body}

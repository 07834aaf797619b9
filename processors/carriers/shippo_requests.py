"""What printledger sends to Shippo: our shapes in Shippo's names, lengths in inches and weights in grams."""

from typing import Any, Final

from processors.carriers.easypost_requests import inches, major_units, needs_customs
from processors.carriers.protocol import Address, ParcelShipment

#: Shippo's words for a label's media type.
LABEL_FILE_TYPES: Final = {"image/png": "PNG", "application/pdf": "PDF_4x6"}


def address(of: Address) -> dict[str, str]:
    """An address in Shippo's names; what is not known is empty, as in the vendor's own requests."""
    return {
        "name": of.name,
        "company": of.company or "",
        "street1": of.street1,
        "street2": of.street2 or "",
        "city": of.city,
        "state": of.region or "",
        "zip": of.postal_code or "",
        "country": of.country,
        "phone": of.phone or "",
        "email": of.email or "",
    }


def shipment_request(shipment: ParcelShipment) -> dict[str, Any]:
    """The body of `POST /shipments/`: everything in one request, and the rates in its answer."""
    body: dict[str, Any] = {
        "address_from": address(shipment.sender),
        "address_to": address(shipment.recipient),
        "parcels": [
            {
                "length": str(inches(shipment.parcel.length_um)),
                "width": str(inches(shipment.parcel.width_um)),
                "height": str(inches(shipment.parcel.height_um)),
                "distance_unit": "in",
                "weight": str(shipment.parcel.weight_g),
                "mass_unit": "g",
            }
        ],
        "async": False,
        "metadata": shipment.effect_key,
        "extra": {"reference_1": shipment.effect_key},
    }
    if shipment.customs and needs_customs(shipment.sender.country, shipment.recipient.country):
        body["customs_declaration"] = {
            "contents_type": "MERCHANDISE",
            "non_delivery_option": "RETURN",
            "certify": True,
            "certify_signer": shipment.customs_signer or shipment.sender.name,
            # The exemption for parcels whose goods are worth at most 2,500 USD a tariff number.
            "eel_pfc": "NOEEI_30_37_a",
            "items": [
                {
                    "description": item.description,
                    "quantity": item.quantity,
                    "net_weight": str(item.weight_g),
                    "mass_unit": "g",
                    "value_amount": str(major_units(item.value_minor, item.currency)),
                    "value_currency": item.currency,
                    "origin_country": item.origin_country,
                    "tariff_number": item.hs_tariff_number or "",
                }
                for item in shipment.customs
            ],
        }
    return body

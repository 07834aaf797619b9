"""What printledger sends to EasyPost: our shapes in EasyPost's units (inches, ounces) and names."""

from decimal import ROUND_UP, Decimal
from typing import Any, Final

from processors.carriers import easypost_wire as wire
from processors.carriers.protocol import Address, ParcelShipment
from processors.inbound.reading import minor_units

MICROMETRES_AN_INCH: Final = Decimal(25_400)
#: Avoirdupois ounce, exact by the international agreement of 1959.
GRAMS_AN_OUNCE: Final = Decimal("28.349523125")

#: EasyPost's words for a label's media type.
LABEL_FORMATS: Final = {"image/png": "PNG", "application/pdf": "PDF"}

#: The European Union's customs union (ISO 3166-1 alpha-2): no customs papers within it.
CUSTOMS_AREAS: Final = (
    frozenset((
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
        "LV", "MC", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    )),
)  # fmt: skip


def address(of: Address) -> dict[str, str | None]:
    """An address in EasyPost's names."""
    return {
        "name": of.name,
        "company": of.company,
        "street1": of.street1,
        "street2": of.street2,
        "city": of.city,
        "state": of.region,
        "zip": of.postal_code,
        "country": of.country,
        "phone": of.phone,
        "email": of.email,
    }


def inches(micrometres: int) -> float:
    """Rounded up to hundredths, so that a parcel is never declared smaller than it is."""
    return float((Decimal(micrometres) / MICROMETRES_AN_INCH).quantize(Decimal("0.01"), ROUND_UP))


def ounces(grams: int) -> float:
    """Rounded up to tenths, so that a parcel is never declared lighter than it is."""
    return float((Decimal(grams) / GRAMS_AN_OUNCE).quantize(Decimal("0.1"), ROUND_UP))


def needs_customs(sender: str, recipient: str) -> bool:
    """Whether a parcel between the two countries crosses a customs border."""
    return sender != recipient and not any({sender, recipient} <= area for area in CUSTOMS_AREAS)


def shipment_request(shipment: ParcelShipment) -> dict[str, Any]:
    """The body of `POST /v2/shipments`."""
    body: dict[str, Any] = {
        "from_address": address(shipment.sender),
        "to_address": address(shipment.recipient),
        "parcel": {
            "length": inches(shipment.parcel.length_um),
            "width": inches(shipment.parcel.width_um),
            "height": inches(shipment.parcel.height_um),
            "weight": ounces(shipment.parcel.weight_g),
        },
        "options": {"label_format": LABEL_FORMATS[shipment.label_media_type]},
        "reference": shipment.effect_key,
    }
    if shipment.customs and needs_customs(shipment.sender.country, shipment.recipient.country):
        body["customs_info"] = {
            "contents_type": "merchandise",
            "contents_explanation": "",
            "customs_certify": True,
            "customs_signer": shipment.customs_signer or shipment.sender.name,
            # The exemption for parcels whose goods are worth at most 2,500 USD a tariff number.
            "eel_pfc": "NOEEI 30.37(a)",
            "restriction_type": "none",
            "non_delivery_option": "return",
            "customs_items": [
                {
                    "description": item.description,
                    "quantity": item.quantity,
                    "weight": ounces(item.weight_g),
                    "value": major_units(item.value_minor, item.currency),
                    "currency": item.currency,
                    "hs_tariff_number": item.hs_tariff_number,
                    "origin_country": item.origin_country,
                }
                for item in shipment.customs
            ],
        }
    return {"shipment": body}


def major_units(minor: int, currency: str) -> float:
    """Minor units as EasyPost wants a value: a number in major units."""
    return float(Decimal(minor) / minor_units("1", currency))


def same_address(held: wire.AddressWire, wanted: Address) -> bool:
    """Whether a shipment goes where it should; EasyPost may have changed case and added to the postal code."""

    def plain(text: str | None) -> str:
        return "".join(character for character in (text or "").casefold() if character.isalnum())

    return (
        plain(held.street1).startswith(plain(wanted.street1))
        and plain(held.zip).startswith(plain(wanted.postal_code))
        and plain(held.country) == plain(wanted.country)
    )

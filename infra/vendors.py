"""The vendors that `VENDORS` sets up beside the house print shops: what of ours each makes, and where it sends."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from events.decoding import convert
from infra.demo import addresses
from infra.demo.vendors import VENDORS as DEMO_VENDORS
from infra.house import HouseSetup
from infra.settings import Settings
from infra.suppliers import SupplierSetup
from processors.carriers.protocol import Address
from processors.partners.common import ReceivingAddress
from processors.partners.gelato_catalogue import GelatoVariant
from processors.partners.printful import PrintfulVariant
from processors.partners.printify_catalogue import PrintifyVariant
from processors.partners.prodigi import ProdigiVariant
from processors.ports import NamedError

VARIANTS_MAX: Final = 20_000


class VendorsInvalid(NamedError):
    """VENDORS must be JSON: for each partner id an `adapter` (`printful`, `gelato`, `printify` …) and what it needs."""


class ShipFromInvalid(NamedError):
    """SHIP_FROM must be JSON: for each partner id an address with name, street1, city, postal_code and country."""


class VendorSecretMissing(NamedError):
    """A vendor is set up and the secret that it is called with, or that its webhooks carry, is not. Give both."""


class PrintfulSetup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="adapter", tag="printful"
):
    """A Printful store."""

    variants: tuple[PrintfulVariant, ...]
    receiving: ReceivingAddress
    #: Our own estimate: Printful states none.
    capacity_units_per_day: int
    selling_region: str = "worldwide"


class GelatoSetup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="adapter", tag="gelato"
):
    """A Gelato account."""

    variants: tuple[GelatoVariant, ...]
    receiving: ReceivingAddress
    #: Our own estimate: Gelato states none.
    capacity_units_per_day: int
    currency: str = "USD"


class PrintifySetup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="adapter", tag="printify"
):
    """A Printify shop, whose order approval is set to manual: else it makes by itself what we only drafted."""

    shop_id: int
    variants: tuple[PrintifyVariant, ...]
    receiving: ReceivingAddress
    #: Our own estimate: Printify states none.
    capacity_units_per_day: int
    #: The currency of the account's costs.
    currency: str = "USD"


class ProdigiSetup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="adapter", tag="prodigi"
):
    """A Prodigi account."""

    variants: tuple[ProdigiVariant, ...]
    receiving: ReceivingAddress
    #: Our own estimate: Prodigi states none.
    capacity_units_per_day: int
    currency: str = "USD"
    #: Whether the account pauses orders before it makes them; see the adapter.
    pause_window: bool = False


VendorSetup: TypeAlias = PrintfulSetup | GelatoSetup | PrintifySetup | ProdigiSetup | HouseSetup | SupplierSetup


def vendors(settings: Settings) -> dict[str, VendorSetup]:
    """The vendors by partner id; the demo has a press and a supplier where none are set. Raises VendorsInvalid."""
    given = settings.vendors or (DEMO_VENDORS if settings.profile == "demo" else {})
    try:
        found = convert(given, dict[str, VendorSetup])
    except msgspec.ValidationError as error:
        raise VendorsInvalid(f"{VendorsInvalid.__doc__} ({error})") from None
    for name, setup in found.items():
        if name in settings.print_shops:
            raise VendorsInvalid(f"{name} is a house print shop already: give the vendor another partner id.")
        if not 1 <= len(setup.variants) <= VARIANTS_MAX:
            raise VendorsInvalid(f"{name} needs 1 to {VARIANTS_MAX} variants, and has {len(setup.variants)}.")
    return found


def receiving_docks(settings: Settings) -> dict[str, Address]:
    """Where each vendor's goods arrive: the parcels to buyers start there. Raises VendorsInvalid."""
    return {
        name: Address(
            name=setup.receiving.name,
            street1=setup.receiving.address1,
            city=setup.receiving.city,
            region=setup.receiving.state_code,
            postal_code=setup.receiving.zip,
            country=setup.receiving.country_code,
            phone=setup.receiving.phone,
        )
        for name, setup in vendors(settings).items()
    }


def ship_from(settings: Settings) -> dict[str, Address]:
    """Where each partner's parcels start; a vendor's where it sends, the demo's shops at made-up addresses.

    Raises ShipFromInvalid, VendorsInvalid.
    """
    known = settings.ship_from or (addresses.SHIP_FROM if settings.profile != "production" else {})
    try:
        return receiving_docks(settings) | convert(known, dict[str, Address])
    except msgspec.ValidationError as error:
        raise ShipFromInvalid(f"{ShipFromInvalid.__doc__} ({error})") from None

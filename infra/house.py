"""The house print shops that `VENDORS` sets up with the adapter `house`: their presses, their folders, their desk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from infra.settings import Settings
from processors.batching.ports import House
from processors.batching.presses import Press
from processors.partners.common import ReceivingAddress
from processors.partners.house_folder import HouseFolder
from processors.partners.house_shop import HouseShop
from processors.partners.protocol import PartnerOffer


class HouseVariant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variant that the shop prints."""

    #: Our variant, and the shop's name of it, by which its presses know it.
    variant: str
    partner_variant: str
    cost_minor: int
    stock_units: Annotated[int, msgspec.Meta(ge=0)] = 1_000


class HouseSetup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="adapter", tag="house"
):
    """A print shop of our own, which prints in batches."""

    variants: tuple[HouseVariant, ...]
    #: Its address, where its parcels start.
    receiving: ReceivingAddress
    presses: tuple[Press, ...]
    capacity_units_per_day: int
    #: The folder that it shares with us; below the data folder unless it is absolute.
    folder: str = "house"
    currency: str = "USD"
    production_ms: int = 86_400_000


def folder_of(settings: Settings, name: str, setup: HouseSetup) -> HouseFolder:
    """The shop's folder, one for each shop."""
    return HouseFolder(settings.data_dir / Path(setup.folder) / name)


def house_shop(settings: Settings, name: str, setup: HouseSetup) -> HouseShop:
    """The shop's adapter."""
    from processors.clock import now_ms

    offers = tuple(
        PartnerOffer(
            partner_variant=one.partner_variant,
            variant=one.variant,
            stock_units=one.stock_units,
            unit_cost_minor=one.cost_minor,
            currency=setup.currency,
            production_ms=setup.production_ms,
        )
        for one in setup.variants
    )
    return HouseShop(
        name,
        folder_of(settings, name, setup),
        offers=offers,
        country=setup.receiving.country_code,
        capacity_units_per_day=setup.capacity_units_per_day,
        now_ms=now_ms,
    )


def house_of(settings: Settings, name: str, setup: HouseSetup) -> House:
    """The shop as the batch desk works for it."""
    presses = {press.name: press for press in setup.presses}
    return House(partner_id=name, presses=presses, folder=folder_of(settings, name, setup))

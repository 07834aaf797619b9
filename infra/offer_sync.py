"""Puts together who asks partners for their offers."""

from __future__ import annotations

from collections.abc import Mapping

from infra.intake import Pool
from infra.offer_checks import PostgresOfferChecks
from infra.settings import Settings
from processors.catalogue.sync import CatalogueSync
from processors.clock import now_ms
from processors.partners.protocol import PrintPartner
from processors.ports import CommandSender
from projections.catalogue_reader import CatalogueReads


def catalogue_sync(
    settings: Settings,
    partners: Mapping[str, PrintPartner],
    pool: Pool,
    commands: CommandSender,
    outages: tuple[type[BaseException], ...],
) -> CatalogueSync:
    """Asks these partners as often as the settings say; `outages` are waited out."""
    return CatalogueSync(
        partners=partners,
        known=CatalogueReads(pool),
        checks=PostgresOfferChecks(pool),
        commands=commands,
        now_ms=now_ms,
        every_seconds=settings.offers_every_minutes * 60,
        outages=outages,
    )

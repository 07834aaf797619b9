"""Puts together what looks after others: timers, reconcilers, reactors, and the alerts about missed targets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import psycopg
from psycopg_pool import AsyncConnectionPool

from events.catalogue.facts import SkuMapped
from events.codec import Codec
from events.declare import Declared
from events.envelope import FactEnvelope
from events.identity import request_id
from events.order.commands import ReportLabelPurchased
from infra import kafka
from infra.claims import PostgresClaims
from infra.intake import Pool
from infra.queue_lag import QueueLags
from infra.rollouts import rollouts
from infra.settings import Settings
from processors.alerts import AlertChecker, AlertMail
from processors.carriers.protocol import Carrier, LabelBought
from processors.clock import now_ms
from processors.following import FactFollower
from processors.parcel_reconciler import ParcelReconciler
from processors.partners.protocol import PrintPartner
from processors.ports import CommandSender
from processors.reactors import SkuReactor
from processors.reconciler import Reconciler
from processors.timers import Timers
from processors.workers.files import OrderFiles
from processors.workers.label_report import label_report
from processors.workers.notify import MailServer
from projections.rows import Effect
from projections.scorecard_reader import ScorecardReads
from projections.system_reader import SystemReads

CATALOGUE_FACTS = "pod.catalogue.events.v1"
OPERATIONS_FACTS = "pod.operations.events.v1"

Outages = tuple[type[BaseException], ...]
Service = Callable[[asyncio.Event], Awaitable[None]]


def reconcilers(
    pool: Pool,
    partners: Mapping[str, PrintPartner],
    carriers: Mapping[str, Carrier],
    commands: CommandSender,
    files: OrderFiles,
    outages: Outages,
) -> list[Service]:
    """Those who ask partners and carriers what their webhooks should have said."""

    def bought(effect: Effect, carrier: str, label: LabelBought) -> ReportLabelPurchased:
        return label_report(
            files,
            label,
            carrier=carrier,
            tenant=effect.tenant,
            order_id=effect.order_id,
            parcel_id=effect.parcel_id,
            effect_key=effect.effect_key,
            request_id=request_id(effect.effect_key, effect.attempt),
        )

    runs = Reconciler(SystemReads(pool), partners, commands, now_ms, outages)
    parcels = ParcelReconciler(ScorecardReads(pool, carriers), carriers, commands, bought, now_ms, outages)
    return [runs.run, parcels.run]


def timers(settings: Settings, reads: SystemReads, commands: CommandSender, outages: Outages) -> Service:
    """Who tells orders that what they waited for has not come in time.

    After an upgrade the read model of the earlier release is shown until it is rebuilt: what it lacks is waited for.
    """
    return Timers(reads, QueueLags(settings), commands, now_ms, (*outages, psycopg.errors.UndefinedColumn)).run


def reactors(
    settings: Settings, slot: int, codec: Codec, reads: SystemReads, commands: CommandSender, outages: Outages
) -> list[Service]:
    """Who tells orders what their SKUs mean now; what a read model lacks after an upgrade is waited for here too."""
    outages = (*outages, psycopg.errors.UndefinedColumn)
    reactor = SkuReactor(reads, commands, now_ms, outages, rollouts(settings))

    async def react(fact: Declared, envelope: FactEnvelope) -> None:
        if isinstance(fact, SkuMapped):
            await reactor.sku_mapped(fact, envelope)

    group = f"{settings.topic_prefix}printledger.reactors"
    follower = FactFollower(
        open_consumer=lambda: kafka.consumer(settings, group, instance_id=f"{group}-{slot}"),
        topic=settings.topic_prefix + CATALOGUE_FACTS,
        codec=codec,
        react=react,
        outages=outages,
    )
    return [follower.run, reactor.sweep]


def alerting(
    settings: Settings,
    slot: int,
    pool: Pool,
    claims: AsyncConnectionPool,
    commands: CommandSender,
    support: str,
    outages: Outages,
) -> list[Service]:
    """Who looks whether targets are met, and who tells support, at the address `support`, of those that are not."""
    checker = AlertChecker(ScorecardReads(pool, settings.carriers), QueueLags(settings), commands, now_ms, outages)
    mail = AlertMail(
        server=MailServer(url=settings.smtp_url, sender=settings.mail_from),
        claims=PostgresClaims(claims, "alert-mail"),
        address=support,
    )
    group = f"{settings.topic_prefix}printledger.alerts"
    follower = FactFollower(
        open_consumer=lambda: kafka.consumer(settings, group, instance_id=f"{group}-{slot}"),
        topic=settings.topic_prefix + OPERATIONS_FACTS,
        codec=Codec(),
        react=mail.react,
        outages=outages,
    )
    return [checker.run, follower.run]

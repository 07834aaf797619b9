"""Puts together what the workers need, each part once a process, and closes all of it again.

Building blocks for `infra/bootstrap.py`: a process asks for the work it does by name, and only what that work needs is
connected to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cached_property
from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from events.codec import Codec
from infra import intake, kafka, postgres
from infra.access import PostgresStores
from infra.adapters import partners
from infra.carriers import carrier_desk, carriers
from infra.check_lists import OperatorLists
from infra.claim_office import give_back, review_claim
from infra.claims import PostgresClaims
from infra.crashing import crash_point
from infra.demo import addresses
from infra.faust_access import faust_access
from infra.house_desk import desk_service
from infra.lifecycle import Housekeeping
from infra.lookouts import alerting, reactors, reconcilers, timers
from infra.offer_sync import catalogue_sync
from infra.outbound_tables import PostgresCircuits, PostgresExchanges
from infra.s3 import ObjectsNotRemoved, ObjectStoreUnreachable
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from infra.vault import PostgresVault
from infra.vendors import ship_from
from processors.artwork.sandbox import ChildNotStarted, SandboxBusy, SandboxPool
from processors.carriers.history import LabelHistory
from processors.carriers.protocol import Carrier
from processors.clock import now_ms
from processors.fetch import SafeFetcher
from processors.inbound.dead_letters import DeadLetters
from processors.partners.protocol import PrintPartner
from processors.ports import BrokerUnreachable, NamedError
from processors.routing.rulebook import Rulebook
from processors.status_relay import StatusRelay
from processors.worker import Effect, WorkerConfig, WorkerPorts
from processors.workers.art import TemplateArt
from processors.workers.artwork import CheckArtwork
from processors.workers.cancel import Cancel
from processors.workers.files import OrderFiles
from processors.workers.inspect import Inspect, PhotoComparer
from processors.workers.label import BuyLabel
from processors.workers.notify import MailServer, MailServerUnreachable, Notify
from processors.workers.render import Render
from processors.workers.route import Route
from processors.workers.submit import Submit
from processors.workers.void import GiveLabelBack
from projections.scorecard_reader import ScorecardReads
from projections.system_reader import SystemReads

#: Pictures are decoded and composed in so many child processes a worker process.
SANDBOX_CHILDREN = 2
#: The simulated inspector of demo and tests looks so long.
INSPECTION_SECONDS = 1.0

OUTAGES: tuple[type[BaseException], ...] = (
    psycopg.OperationalError,
    PoolTimeout,
    BrokerUnreachable,
    ObjectStoreUnreachable,
    ObjectsNotRemoved,
    MailServerUnreachable,
    SandboxBusy,
    ChildNotStarted,
)
"""What means "something outside is away": the record in hand waits, and the worker says so."""

Service = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set."""


class UnknownWork(NamedError):
    """There is no worker of this name."""


class Workshop:
    """Makes workers. Parts that several workers share are made once, when first asked for."""

    def __init__(self, settings: Settings, slot: int = 0) -> None:
        self._settings = settings
        self._slot = slot
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._opened.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)

    @property
    def config(self) -> WorkerConfig:
        """Where workers read."""
        settings = self._settings
        return WorkerConfig(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            credentials=faust_access(settings),
            data_dir=settings.data_dir,
            topic_prefix=settings.topic_prefix,
            slot=self._slot,
        )

    @property
    def ports(self) -> WorkerPorts:
        """What every worker works with."""
        return WorkerPorts(
            codec=self._codec,
            commands=self._commands,
            dead_letters=DeadLetters(self._log, self._vault, "worker"),
            now_ms=now_ms,
            outages=OUTAGES,
            crash_point=crash_point(self._settings),
        )

    async def effect(self, name: str) -> Effect:
        """The work of a Faust worker. Raises UnknownWork."""
        settings = self._settings
        match name:
            case "artwork":
                return self._check_artwork()
            case "render":
                return Render(
                    files=self._files,
                    vault=self._vault,
                    templates=self._reads,
                    art=self._art,
                    pool=self._sandbox,
                    remover=settings.background_remover,
                )
            case "route":
                return Route(self._reads, Rulebook(self._reads), PostgresCircuits(self._pool))
            case "submit":
                await self._open_claims()
                return Submit(
                    partners=self._partners,
                    known=self._reads,
                    files=self._files,
                    links=intake.link_signer(settings),
                    begun=PostgresClaims(self._claims_pool, "submit"),
                    new_mark=lambda: uuid4().hex,
                )
            case "cancel":
                await self._open_claims()
                return Cancel(partners=self._partners)
            case "inspect":
                fetcher = SafeFetcher(allow_private=settings.allow_private_addresses)
                return Inspect(
                    simulated_after_s=None if settings.profile == "production" else INSPECTION_SECONDS,
                    comparer=PhotoComparer(files=self._files, fetcher=fetcher, pool=self._sandbox),
                )
            case "label":
                return await self._label()
            case "notify":
                return await self._notify()
            case "claim":
                return review_claim(settings)
            case "refund":
                await self._open_claims()
                return give_back(settings, self._claims_pool, self._opened)
            case "void":
                await self._open_claims()
                return GiveLabelBack(carriers=self._carriers)
            case _:
                raise UnknownWork(f"{name}: {UnknownWork.__doc__}")

    def service(self, name: str) -> Service | None:
        """A process that is no Faust worker, or None where the name is not one of them."""
        match name:
            case "inbound":
                return self._inbound()
            case "timers":
                return timers(self._settings, self._reads, self._commands, OUTAGES)
            case "reactors":
                reacting = reactors(self._settings, self._slot, self._codec, self._reads, self._commands, OUTAGES)
                return lambda stop: until_one_ends(reacting, stop)
            case "catalogue-sync":
                sync = catalogue_sync(self._settings, self._partners, self._pool, self._commands, OUTAGES)
                return self._asking(sync.run)
            case "reconciler":
                return self._reconciler()
            case "status-relay":
                return self._status_relay()
            case "sweeper":
                return self._sweeper()
            case "alerts":
                return self._alerts()
            case "batches":
                parts = (self._settings, self._pool, self._commands, self._files, self._vault, OUTAGES)
                return desk_service(self._opened, *parts)
            case _:
                return None

    def _reconciler(self) -> Service:
        parts = (self._pool, self._partners, self._carriers, self._commands, self._files, OUTAGES)
        services = reconcilers(*parts)
        return self._asking(lambda stop: until_one_ends(services, stop))

    def _alerts(self) -> Service:
        support = self._address_of("support", "")
        parts = (self._settings, self._slot, self._pool, self._claims_pool, self._commands, support, OUTAGES)
        services = alerting(*parts)
        return self._asking(lambda stop: until_one_ends(services, stop))

    def _check_artwork(self) -> CheckArtwork:
        settings = self._settings
        lists = OperatorLists(settings.prohibited_words, settings.known_pictures, intake.bucket(settings))
        # A list that cannot be used is told at the start, not at the first order.
        lists.current()
        return CheckArtwork(
            files=self._files,
            vault=self._vault,
            fetcher=SafeFetcher(allow_private=settings.allow_private_addresses),
            templates=self._reads,
            art=self._art,
            pool=self._sandbox,
            lists=lists.current,
            remover=settings.background_remover,
        )

    def _inbound(self) -> Service:
        processor = intake.inbound_consumer(
            self._settings, partners=self._partners, carriers=self._carriers, slot=self._slot
        )
        return self._asking(self._opened.enter_context(processor).run)

    def _asking(self, service: Service) -> Service:
        """A service that asks partners something, through their gates."""

        async def run(stop: asyncio.Event) -> None:
            await self._open_claims()
            await service(stop)

        return run

    def _status_relay(self) -> Service:
        settings = self._settings
        group = f"{settings.topic_prefix}printledger.status-relay"
        return StatusRelay(
            open_consumer=lambda: kafka.consumer(settings, group, instance_id=f"{group}-{self._slot}"),
            open_producer=lambda: kafka.transactional_producer(settings, f"{group}-{self._slot}"),
            tenants=frozenset(settings.tenants),
            topic_prefix=settings.topic_prefix,
        ).run

    def _sweeper(self) -> Service:
        housekeeping = Housekeeping(self._settings, self._pool)
        return lambda stop: housekeeping.run(stop, OUTAGES)

    async def _label(self) -> BuyLabel:
        await self._open_claims()
        reads = ScorecardReads(self._pool, self._settings.carriers)
        return BuyLabel(
            desk=carrier_desk(self._claims_pool, self._carriers, LabelHistory(reads.scorecards, now_ms)),
            ship_from=ship_from(self._settings),
            files=self._files,
            vault=self._vault,
            goods=self._reads,
        )

    async def _notify(self) -> Notify:
        settings = self._settings
        await self._open_claims()
        return Notify(
            server=MailServer(url=settings.smtp_url, sender=settings.mail_from),
            vault=self._vault,
            claims=PostgresClaims(self._claims_pool, "smtp"),
            sent=PostgresClaims(self._claims_pool, "smtp.sent"),
            address_of=self._address_of,
            links=intake.link_signer(settings),
        )

    def _address_of(self, audience: str, store: str) -> str:
        """The address of a store's owner (option `notify_email` of its connection) or of support; may block."""
        settings, demo = self._settings, self._settings.profile != "production"
        if audience == "support":
            return settings.support_email or (addresses.SUPPORT_EMAIL if demo else "")
        connection = self._stores.find(store)
        told = str(connection.options.get("notify_email", "")) if connection else ""
        return told or (addresses.store_email(store) if demo else "")

    async def _open_claims(self) -> None:
        if self._claims_pool.closed:
            await self._opened.enter_async_context(self._claims_pool)

    @cached_property
    def _codec(self) -> Codec:
        return Codec()

    @cached_property
    def _pool(self) -> intake.Pool:
        return self._opened.enter_context(postgres.pool(self._settings.database_url, self._settings, name="workers"))

    @cached_property
    def _claims_pool(self) -> AsyncConnectionPool:
        return postgres.async_pool(self._settings.database_url, self._settings, name="claims")

    @cached_property
    def _log(self) -> KafkaRecordLog:
        return self._opened.enter_context(KafkaRecordLog.connect(self._settings, f"workers-{self._slot}"))

    @cached_property
    def _commands(self) -> KafkaCommandSender:
        return KafkaCommandSender(self._log, self._codec)

    @cached_property
    def _vault(self) -> PostgresVault:
        return intake.vault(self._settings, self._pool)

    @cached_property
    def _stores(self) -> PostgresStores:
        return intake.stores(self._settings, self._pool)

    @cached_property
    def _reads(self) -> SystemReads:
        return SystemReads(self._pool)

    @cached_property
    def _files(self) -> OrderFiles:
        return OrderFiles(intake.bucket(self._settings), self._vault)

    @cached_property
    def _art(self) -> TemplateArt:
        return TemplateArt(intake.bucket(self._settings))

    @cached_property
    def _sandbox(self) -> SandboxPool:
        return self._opened.enter_context(SandboxPool(SANDBOX_CHILDREN))

    @cached_property
    def _partners(self) -> dict[str, PrintPartner]:
        made = partners(self._settings, self._claims_pool, PostgresExchanges(self._claims_pool, self._vault))
        for partner in made.values():
            self._opened.push_async_callback(partner.aclose)
        return made

    @cached_property
    def _carriers(self) -> dict[str, Carrier]:
        made = carriers(self._settings, self._claims_pool)
        for one in made.values():
            self._opened.push_async_callback(one.aclose)
        return made


async def until_one_ends(services: list[Service], stop: asyncio.Event) -> None:
    """Run services side by side until `stop` is set or one of them ends; then end all. Raises what ended one."""
    tasks = [asyncio.ensure_future(service(stop)) for service in services]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()

"""The only place that wires: every command asks here for what it works with, and gets it ready and closed again.

What only workers or only the API need is imported where they are made: it takes seconds, and a short command such
as `printledger order` needs none of it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING

import httpx
from confluent_kafka import KafkaException

from events.codec import Codec
from infra import intake, postgres
from infra.catalogue_desk import CatalogueDesk
from infra.catalogue_office import CatalogueOffice
from infra.demo import seed as demo_seed
from infra.demo.publishing import StoreFront
from infra.demo.theatre import Theatre
from infra.kafka import BROKER_SECONDS, KafkaUnreachable, wait_until_ready
from infra.offer_checks import PostgresOfferChecks
from infra.operator_desk import OperatorDesk
from infra.partner_desk import PartnerDesk
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from processors.clock import now_ms
from processors.ports import NamedError
from projections.catalogue_reader import CatalogueReads
from projections.progress import Progress
from projections.reader import ReadModels
from projections.scorecard_reader import ScorecardReads
from projections.system_reader import SystemReads

if TYPE_CHECKING:
    from fastapi import FastAPI

    from infra.dead_letter_desk import DeadLetterDesk, Tell
    from infra.house_desk import BatchOffice
    from infra.replaying import Replayed
    from processors.claims.evidence import ClaimEvidence
    from processors.sweeper import SweepReport

HTTP_SECONDS_MAX = 30.0
#: As many as connections to the object store; a thread is only made when all others are at work.
WORKER_THREADS = 32


class NoApiKey(NamedError):
    """There is no API key in the data folder. `printledger up --profile demo` makes one."""


@asynccontextmanager
async def read_models(settings: Settings) -> AsyncIterator[ReadModels]:
    """What one tenant may read, as the role that row-level security binds."""
    url = settings.database_app_url
    async with postgres.async_pool(url, settings, name="reader") as pool, Progress(url) as progress:
        yield ReadModels(pool, progress)


@contextmanager
def command_sender(settings: Settings) -> Iterator[KafkaCommandSender]:
    """Sends commands onto their intake topics, for the command line."""
    with KafkaRecordLog.connect(settings, "command-line") as log:
        yield KafkaCommandSender(log, Codec())


@contextmanager
def system_reads(settings: Settings) -> Iterator[SystemReads]:
    """What the system's own processes read, for all tenants: for commands that an operator gives."""
    with postgres.pool(settings.database_url, settings, name="operator-reads") as pool:
        yield SystemReads(pool)


@asynccontextmanager
async def operator_desk(settings: Settings) -> AsyncIterator[OperatorDesk]:
    """Stores, roads and catalogue for the command line."""
    codec = Codec()
    with (
        postgres.pool(settings.database_url, settings, name="operator") as pool,
        KafkaRecordLog.connect(settings, "operator") as log,
    ):
        async with httpx.AsyncClient(timeout=HTTP_SECONDS_MAX, trust_env=False) as client:
            catalogue = CatalogueDesk(
                KafkaCommandSender(log, codec), intake.bucket(settings), now_ms, "operator:command-line"
            )
            key_file = settings.data_dir / demo_seed.API_KEY_FILE
            api_key = key_file.read_text(encoding="utf-8").strip() if key_file.exists() else ""
            front = StoreFront(client, settings.public_base_url, codec, log, api_key)
            yield OperatorDesk(intake.stores(settings, pool), front, catalogue, SystemReads(pool))


@asynccontextmanager
async def partner_desk(settings: Settings) -> AsyncIterator[PartnerDesk]:
    """Print partners for the command line."""
    async with operator_desk(settings) as desk:
        with postgres.pool(settings.database_url, settings, name="partners") as pool:
            yield PartnerDesk(desk.catalogue, pool, intake.vault(settings, pool))


async def replay_webhooks(settings: Settings, partner: str, since_ms: int) -> Replayed:
    """Translate a partner's stored webhooks once more, by the status map of this release."""
    from infra.adapters import partners
    from infra.replaying import replay

    async with postgres.async_pool(settings.database_url, settings, name="replay") as pool:
        adapters = partners(settings, pool)
        try:
            return await replay(settings, adapters, partner, since_ms)
        finally:
            await asyncio.gather(*(adapter.aclose() for adapter in adapters.values()))


@contextmanager
def dead_letter_desk(settings: Settings, tell: Tell) -> Iterator[DeadLetterDesk]:
    """Dead letters for the command line; `tell` hears how far long work is. Raises KafkaUnreachable."""
    from infra.crashing import crash_point
    from infra.dead_letter_desk import DeadLetterDesk
    from infra.ledgers import clients
    from processors.proof.scan import TopicReader

    # A client that waits for brokers says so hundreds of times; so one that waits in silence asks first.
    wait_until_ready(settings, BROKER_SECONDS)
    with (
        postgres.pool(settings.database_url, settings, name="dead-letters") as pool,
        closing(TopicReader(clients(settings).reader)) as reader,
    ):
        try:
            yield DeadLetterDesk(
                settings, intake.vault(settings, pool), reader, tell=tell, crash_point=crash_point(settings)
            )
        except KafkaException as error:
            raise KafkaUnreachable(f"{KafkaUnreachable.__doc__} ({error.args[0].str()})") from error


@asynccontextmanager
async def catalogue_office(settings: Settings) -> AsyncIterator[CatalogueOffice]:
    """The whole catalogue for the command line."""
    async with operator_desk(settings) as desk:
        with postgres.pool(settings.database_url, settings, name="catalogue") as pool:
            yield CatalogueOffice(desk.catalogue, CatalogueReads(pool), PostgresOfferChecks(pool), now_ms)


@contextmanager
def batch_office(settings: Settings) -> Iterator[BatchOffice]:
    """Batches of the house presses for the command line."""
    from infra.batch_tables import BatchTables
    from infra.house_desk import BatchOffice

    with (
        postgres.pool(settings.database_url, settings, name="batches") as pool,
        command_sender(settings) as commands,
    ):
        yield BatchOffice(BatchTables(pool), commands)


@contextmanager
def claim_evidence(settings: Settings) -> Iterator[ClaimEvidence]:
    """Texts and pictures of claims for the command line."""
    from processors.claims.evidence import ClaimEvidence

    with postgres.pool(settings.database_url, settings, name="claims") as pool:
        yield ClaimEvidence(
            objects=intake.bucket(settings), vault=intake.vault(settings, pool), links=intake.link_signer(settings)
        )


@contextmanager
def scorecard_reads(settings: Settings) -> Iterator[ScorecardReads]:
    """Scorecards and alerts of all tenants for the command line."""
    with postgres.pool(settings.database_url, settings, name="scorecards") as pool:
        yield ScorecardReads(pool, settings.carriers)


async def seed_demo(settings: Settings) -> None:
    """Make the demo tenant ready; safe to repeat."""
    async with operator_desk(settings) as desk:
        with postgres.pool(settings.database_url, settings, name="seed") as pool:
            await demo_seed.seed(desk.stores, intake.api_keys(settings, pool), desk.catalogue, settings.data_dir)


@asynccontextmanager
async def theatre(settings: Settings) -> AsyncIterator[Theatre]:
    """Where the demonstration plays. Raises `NoApiKey` outside the demo profile."""
    key_file = settings.data_dir / demo_seed.API_KEY_FILE
    if not key_file.exists():
        raise NoApiKey
    async with (
        operator_desk(settings) as desk,
        httpx.AsyncClient(timeout=HTTP_SECONDS_MAX, trust_env=False) as client,
    ):

        async def map_sku(store: str, sku: str, variant_id: str) -> None:
            await desk.catalogue.map_sku(demo_seed.TENANT, store, sku, desk.artwork_of(variant_id, designer=store))

        connections = {store: desk.stores.find(store) for store in demo_seed.STORES}
        yield Theatre(
            client=client,
            front=desk.front,
            stores={store: connection for store, connection in connections.items() if connection is not None},
            base_url=settings.public_base_url,
            api_key=key_file.read_text(encoding="utf-8").strip(),
            press_url=f"http://127.0.0.1:{settings.partner_simulator_port}",
            supplier_url=f"http://127.0.0.1:{settings.supplier_simulator_port}",
            refunds_url=f"http://127.0.0.1:{settings.refund_simulator_port}",
            pictures_url=f"http://127.0.0.1:{settings.pictures_port}",
            map_sku=map_sku,
            first_number=now_ms() // 1_000 % 1_000_000 * 10,
        )


def sweep(settings: Settings, *, dry_run: bool) -> SweepReport:
    """Remove what the lifecycle rules no longer keep, in this process."""
    from infra.lifecycle import Housekeeping

    with postgres.pool(settings.database_url, settings, name="sweep") as pool:
        return Housekeeping(settings, pool).sweep(dry_run=dry_run)


async def run_workers(settings: Settings, names: Sequence[str], slot: int = 0) -> None:
    """Do this work in this process until it is told to end: Faust workers, and the services beside them."""
    from infra.workshop import Workshop, until_one_ends
    from processors.worker import create_worker
    from processors.worker import run as run_apps

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # Effects wait for database, object store and mail server in threads. Python's own pool has four more than there are
    # processors, for which nine kinds of work would queue while the processors idle.
    loop.set_default_executor(ThreadPoolExecutor(WORKER_THREADS, thread_name_prefix="work"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Workshop(settings, slot) as workshop:
        services, apps = [], []
        for name in names:
            service = workshop.service(name)
            if service is not None:
                services.append(service)
            else:
                apps.append(create_worker(await workshop.effect(name), workshop.ports, workshop.config))
        if apps:
            services.append(lambda ending: run_apps(apps, ending))
        await until_one_ends(services, stop)


@asynccontextmanager
async def api(settings: Settings) -> AsyncIterator[FastAPI]:
    """The API with everything it works with."""
    from api.app import create_app
    from api.routes import scorecards
    from infra import serving
    from infra.adapters import partners
    from infra.carriers import carriers
    from infra.previewing import preview_studio

    # Only verifies and reads webhooks, so the pool stays shut.
    claims = postgres.async_pool(settings.database_app_url, settings, name="api-claims")
    shops = partners(settings, claims)
    label_sellers = carriers(settings, claims)
    try:
        with preview_studio(settings) as studio:
            async with serving.api_dependencies(settings, partners=shops, carriers=label_sellers) as deps:
                app = create_app(deps, studio)
                with postgres.pool(settings.database_app_url, settings, name="api-scorecards") as pool:
                    scorecards.mount(app, ScorecardReads(pool, settings.carriers))
                    yield app
    finally:
        sellers = (seller.aclose() for seller in label_sellers.values())
        await asyncio.gather(*sellers, *(shop.aclose() for shop in shops.values()))

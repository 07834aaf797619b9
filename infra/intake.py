"""Puts together what the roads in need: vault, access, Kafka, read models; for the API and for inbound.

Building blocks for `infra/bootstrap.py`: each function makes one collaborator from the settings, and the two
context managers at the end make the whole of the API's dependencies and of the inbound processor.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psycopg
import uvicorn
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import FastAPI
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from api.dependencies import ApiDependencies
from events.codec import Codec
from infra import kafka, postgres
from infra.access import PostgresApiKeys, PostgresStores
from infra.inbound_tables import PostgresIdempotency, PostgresParking, TenantSkuMap
from infra.s3 import Bucket, s3_client
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from infra.vault import KeyWrapper, PostgresVault
from infra.vault_keys import KeyTables
from processors.carriers.protocol import Carrier
from processors.inbound.assemble import OrderAssembler
from processors.inbound.consuming import InboundConsumer
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.processor import InboundPorts, InboundProcessor
from processors.links import LinkSigner
from processors.partners.protocol import PrintPartner
from processors.ports import BrokerUnreachable
from projections.progress import Progress
from projections.reader import ReadModels
from projections.system_reader import SystemReads

Pool = ConnectionPool[Connection[TupleRow]]

READY_SECONDS = 2.0
#: Requests in flight are finished before the process ends.
SHUTDOWN_SECONDS = 10


def now_ms() -> int:
    """Epoch milliseconds: the clock of every process."""
    return time.time_ns() // 1_000_000


def key_wrapper(settings: Settings) -> KeyWrapper:
    """Wraps data keys under the key-encryption key of the settings."""
    return KeyWrapper(settings.key("key_encryption_key"))


def vault(settings: Settings, pool: Pool) -> PostgresVault:
    """The vault over this pool."""
    return PostgresVault(KeyTables(pool), key_wrapper(settings), settings.key("digest_key"), now_ms=now_ms)


def stores(settings: Settings, pool: Pool) -> PostgresStores:
    """The store connections over this pool."""
    return PostgresStores(pool, key_wrapper(settings))


def api_keys(settings: Settings, pool: Pool) -> PostgresApiKeys:
    """The API keys over this pool."""
    return PostgresApiKeys(pool, settings.key("api_key_pepper"), now_ms=now_ms)


def link_signer(settings: Settings) -> LinkSigner:
    """Signs links to files."""
    return LinkSigner(settings.key("link_signing_key"), settings.public_base_url, now_ms)


def bucket(settings: Settings) -> Bucket:
    """The object store's bucket."""
    return Bucket(s3_client(settings), settings.s3_bucket)


@dataclass(frozen=True)
class Readiness:
    """Asks database and broker whether they answer, for `/readyz`."""

    pool: Pool
    admin: AdminClient

    async def __call__(self) -> Mapping[str, str]:
        """What does not answer, with the reason."""
        checks: Mapping[str, Callable[[], None]] = {"database": self._database, "kafka": self._kafka}
        answers = await asyncio.gather(*(asyncio.to_thread(check) for check in checks.values()), return_exceptions=True)
        return {
            name: f"does not answer ({type(answer).__name__})"
            for name, answer in zip(checks, answers, strict=True)
            if isinstance(answer, psycopg.Error | KafkaException | TimeoutError)
        }

    def _database(self) -> None:
        with self.pool.connection(timeout=READY_SECONDS) as connection:
            connection.execute("SELECT 1")

    def _kafka(self) -> None:
        self.admin.list_topics(timeout=READY_SECONDS)


@asynccontextmanager
async def api_dependencies(
    settings: Settings, *, partners: Mapping[str, PrintPartner], carriers: Mapping[str, Carrier]
) -> AsyncIterator[ApiDependencies]:
    """Everything that the API works with, as the role that row-level security binds."""
    url = settings.database_app_url
    codec = Codec()
    with (
        postgres.pool(url, settings, name="api") as pool,
        KafkaRecordLog.connect(settings, "api") as log,
    ):
        async with postgres.async_pool(url, settings, name="api-reads") as reads, Progress(url) as progress:
            opened_vault = vault(settings, pool)
            yield ApiDependencies(
                api_keys=api_keys(settings, pool),
                stores=stores(settings, pool),
                vault=opened_vault,
                objects=bucket(settings),
                log=log,
                commands=KafkaCommandSender(log, codec),
                assembler=OrderAssembler(opened_vault, TenantSkuMap(pool)),
                orders=ReadModels(reads, progress),
                idempotency=PostgresIdempotency(pool),
                links=link_signer(settings),
                partners=partners,
                carriers=carriers,
                now_ms=now_ms,
                not_ready=Readiness(pool, kafka.admin(settings)),
            )


@contextmanager
def inbound_parts(
    settings: Settings, *, partners: Mapping[str, PrintPartner], carriers: Mapping[str, Carrier]
) -> Iterator[tuple[InboundProcessor, DeadLetters]]:
    """The inbound processor with everything it works with, and its dead letters; it serves all tenants."""
    codec = Codec()
    with (
        postgres.pool(settings.database_url, settings, name="inbound") as pool,
        KafkaRecordLog.connect(settings, "inbound") as log,
    ):
        opened_vault, reads = vault(settings, pool), SystemReads(pool)
        dead_letters = DeadLetters(log, opened_vault, "inbound")
        processor = InboundProcessor(
            InboundPorts(
                vault=opened_vault,
                codec=codec,
                stores=stores(settings, pool),
                assembler=OrderAssembler(opened_vault, reads),
                effects=reads,
                partners=partners,
                carriers=carriers,
                commands=KafkaCommandSender(log, codec),
                parked=PostgresParking(pool),
                dead_letters=dead_letters,
                now_ms=now_ms,
            )
        )
        yield processor, dead_letters


#: What means "something outside is away": the record in hand waits.
OUTAGES: tuple[type[BaseException], ...] = (psycopg.OperationalError, PoolTimeout, BrokerUnreachable)


@contextmanager
def inbound_consumer(
    settings: Settings, *, partners: Mapping[str, PrintPartner], carriers: Mapping[str, Carrier], slot: int = 0
) -> Iterator[InboundConsumer]:
    """The inbound process: `await consumer.run(stop)`. `slot` numbers the processes of this kind."""
    with inbound_parts(settings, partners=partners, carriers=carriers) as (processor, dead_letters):
        group = f"{settings.topic_prefix}printledger.inbound"
        yield InboundConsumer(
            lambda: kafka.consumer(settings, group, instance_id=f"{group}-{slot}"),
            processor,
            dead_letters,
            outages=OUTAGES,
            topic_prefix=settings.topic_prefix,
        )


class _Server(uvicorn.Server):
    """A server that leaves signals to its process: uvicorn raises them again, and nothing would be closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(app: FastAPI, settings: Settings) -> None:
    """Serve the application until the process is told to end; requests in flight are finished."""
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http="httptools",
        # Paths may hold signed links, so requests are not logged by path.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=30,
        limit_concurrency=500,
        log_config=None,
    )
    server = _Server(config)

    def end() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, end)
    await server.serve()

"""Puts together what the API needs, and serves it; a module of its own, so that no other process loads a web server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psycopg
import uvicorn
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import FastAPI

from api.dependencies import ApiDependencies
from events.codec import Codec
from infra import kafka, postgres
from infra.inbound_tables import PostgresIdempotency, TenantSkuMap
from infra.intake import Pool, api_keys, bucket, link_signer, stores, vault
from infra.rollouts import rollouts
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from processors.carriers.protocol import Carrier
from processors.clock import now_ms
from processors.inbound.assemble import OrderAssembler
from processors.partners.protocol import PrintPartner
from projections.progress import Progress
from projections.reader import ReadModels

READY_SECONDS = 2.0
#: Requests in flight are finished before the process ends.
SHUTDOWN_SECONDS = 10


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
                assembler=OrderAssembler(opened_vault, TenantSkuMap(pool), rollouts(settings)),
                orders=ReadModels(reads, progress),
                idempotency=PostgresIdempotency(pool),
                links=link_signer(settings),
                partners=partners,
                carriers=carriers,
                now_ms=now_ms,
                not_ready=Readiness(pool, kafka.admin(settings)),
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

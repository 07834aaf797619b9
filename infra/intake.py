"""Puts together what the roads in need: vault, access, Kafka, read models; for the API and for inbound.

Building blocks for `infra/bootstrap.py`: each function makes one collaborator from the settings, and the two
context managers at the end make the whole of the API's dependencies and of the inbound processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from events.codec import Codec
from infra import kafka, postgres
from infra.access import PostgresApiKeys, PostgresStores
from infra.inbound_tables import PostgresParking
from infra.offer_checks import PostgresOfferChecks
from infra.rollouts import rollouts
from infra.s3 import Bucket, s3_client
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from infra.vault import KeyWrapper, PostgresVault
from infra.vault_keys import KeyTables
from processors.carriers.protocol import Carrier
from processors.clock import now_ms
from processors.inbound.assemble import OrderAssembler
from processors.inbound.consuming import InboundConsumer
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.processor import InboundPorts, InboundProcessor
from processors.links import LinkSigner
from processors.partners.protocol import PrintPartner
from processors.ports import BrokerUnreachable
from projections.system_reader import SystemReads

Pool = ConnectionPool[Connection[TupleRow]]


def key_wrapper(settings: Settings) -> KeyWrapper:
    """Wraps data keys under the key-encryption key of the settings."""
    return KeyWrapper(settings.key("key_encryption_key"))


def vault(settings: Settings, pool: Pool, clock: Callable[[], int] = now_ms) -> PostgresVault:
    """The vault over this pool; `clock` gives epoch milliseconds."""
    return PostgresVault(KeyTables(pool), key_wrapper(settings), settings.key("digest_key"), now_ms=clock)


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


@contextmanager
def inbound_ports(
    settings: Settings, *, partners: Mapping[str, PrintPartner], carriers: Mapping[str, Carrier]
) -> Iterator[InboundPorts]:
    """Everything that the inbound processor works with; it serves all tenants."""
    codec = Codec()
    with (
        postgres.pool(settings.database_url, settings, name="inbound") as pool,
        KafkaRecordLog.connect(settings, "inbound") as log,
    ):
        opened_vault, reads = vault(settings, pool), SystemReads(pool)
        yield InboundPorts(
            vault=opened_vault,
            codec=codec,
            stores=stores(settings, pool),
            assembler=OrderAssembler(opened_vault, reads, rollouts(settings)),
            effects=reads,
            store_orders=reads,
            partners=partners,
            carriers=carriers,
            commands=KafkaCommandSender(log, codec),
            parked=PostgresParking(pool),
            dead_letters=DeadLetters(log, opened_vault, "inbound"),
            now_ms=now_ms,
            ask_for_offers=PostgresOfferChecks(pool).ask,
        )


@contextmanager
def inbound_parts(
    settings: Settings, *, partners: Mapping[str, PrintPartner], carriers: Mapping[str, Carrier]
) -> Iterator[tuple[InboundProcessor, DeadLetters]]:
    """The inbound processor, and its dead letters."""
    with inbound_ports(settings, partners=partners, carriers=carriers) as ports:
        yield InboundProcessor(ports), ports.dead_letters


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

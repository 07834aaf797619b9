"""A ledger's topics, a database, and projections that run in threads of the test."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from events.codec import Codec
from infra import kafka
from infra.commands.project import connections_of, topics_of
from infra.postgres import async_pool, connect, pool
from infra.settings import Settings
from projections.connections import Connections
from projections.errors import ProjectionError
from projections.model import Topics
from projections.models import chosen
from projections.progress import Progress
from projections.reader import ReadModels
from projections.rebuild import Rebuilt, rebuild
from projections.runner import Limits, Projection
from projections.system_reader import SystemReads
from tests.ledger_writer import LedgerWriter
from tests.support import wait_until

PARTITIONS = 4


class Rig:
    """What a test of projections works with."""

    def __init__(self, settings: Settings, ledger: LedgerWriter) -> None:
        self.settings = settings
        self.ledger = ledger
        self.topics: Topics = topics_of(settings)
        self.connections: Connections = connections_of(settings)
        self.codec = Codec()

    def projection(self, *names: str, batch_records_max: int = 5_000) -> Projection:
        """A projection of these read models, not started."""
        return Projection(
            chosen(names, self.topics),
            self.connections.open_database,
            self.connections.open_consumer,
            self.codec,
            lambda: int(time.time() * 1000),
            Limits(batch_records_max=batch_records_max, caught_up_every_seconds=0.05),
        )

    @contextmanager
    def projecting(self, *names: str, batch_records_max: int = 5_000) -> Iterator[Projection]:
        """A projection that runs until the block ends; what stopped it before is raised there."""
        projection = self.projection(*names, batch_records_max=batch_records_max)
        stop, stopped_by = threading.Event(), list[Exception]()

        def run() -> None:
            try:
                projection.run(stop)
            except (ProjectionError, psycopg.Error) as error:
                stopped_by.append(error)

        thread = threading.Thread(target=run, name="projection")
        thread.start()
        try:
            yield projection
        finally:
            stop.set()
            thread.join(timeout=30)
            if stopped_by:
                raise stopped_by[0]

    def project(self, *names: str, batch_records_max: int = 5_000) -> None:
        """Fold everything that is written, then stop."""
        with self.projecting(*names, batch_records_max=batch_records_max):
            self.wait_until_folded(*names)

    def wait_until_folded(self, *names: str) -> None:
        """Wait until these read models have folded everything that the writer wrote."""
        models = [model.name for model in chosen(names, self.topics) if self.reads_orders(model.name)]
        wait_until(lambda: all(self.positions(name) == dict(self.ledger.positions) for name in models), 60)

    def reads_orders(self, name: str) -> bool:
        """Whether a read model reads the order events."""
        (model,) = chosen([name], self.topics)
        return any(source.topic == self.ledger.topic for source in model.sources)

    def positions(self, name: str) -> dict[int, int]:
        """The position that a read model has reached in each partition of the order events."""
        rows = self.query(
            "SELECT c.partition, c.position FROM read_models m JOIN read_model_checkpoints c"
            " ON c.read_model = m.name AND c.build = m.build WHERE m.name = %s AND c.topic = %s AND c.position > 0",
            [name, self.ledger.topic],
        )
        return dict(rows)

    def query(self, text: str, parameters: Sequence[Any] = ()) -> list[TupleRow]:
        """Rows as the owner sees them."""
        with self.connect() as connection:
            return connection.execute(text.encode(), parameters or None).fetchall()

    def connect(self) -> Connection[TupleRow]:
        """A connection as the owner."""
        connection = connect(self.settings.database_url)
        connection.autocommit = True
        return connection

    def connect_as_app(self) -> Connection[TupleRow]:
        """A connection as the role of the API."""
        connection = connect(self.settings.database_app_url)
        connection.autocommit = True
        return connection

    def rebuild(self, name: str, processes: int = 1) -> Rebuilt:
        """Rebuild a read model and show it."""
        return rebuild(name, self.topics, self.connections, self.codec, processes=processes, seconds_max=120)

    def writer(self, topic: str) -> LedgerWriter:
        """A writer that plays the ledger on another topic of one partition."""
        return LedgerWriter(kafka.transactional_producer(self.settings, topic), topic, 1)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadModels]:
        """What the API reads with, as the API's role."""
        url = self.settings.database_app_url
        async with async_pool(url, self.settings, name="test") as pool, Progress(url) as progress:
            yield ReadModels(pool, progress)

    @contextmanager
    def system_reading(self) -> Iterator[SystemReads]:
        """What workers read with."""
        with pool(self.settings.database_url, self.settings, name="test") as made:
            yield SystemReads(made)


@pytest.fixture
def rig(settings: Settings, make_topic: Callable[..., str], database_url: str) -> Rig:
    """Topics and a database of this test's own, and a writer that plays the ledger."""
    assert database_url == settings.database_url
    names = Topics()
    make_topic(names.order_events, partitions=PARTITIONS)
    for name in (
        names.operations_events,
        names.order_rejected,
        names.catalogue_events,
        names.catalogue_rejected,
        names.batch_events,
        names.batch_rejected,
    ):
        make_topic(name)
    producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}ledger")
    return Rig(settings, LedgerWriter(producer, topics_of(settings).order_events, PARTITIONS))

"""Fixtures of the tests of the ledger and of the workers' effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infra import intake, kafka, postgres
from infra.s3 import Bucket
from infra.settings import Settings
from infra.vault import PostgresVault
from tests.integration.ledger_bed import Bed
from tests.integration.worker_bench import Workbench


@pytest.fixture
def make_bed(stack: Settings, unique: str) -> Iterator[Callable[..., Bed]]:
    """A factory of streams with topics of their own; their snapshots share the stack's database."""
    settings = stack.model_copy(update={"topic_prefix": f"{unique}."})
    made: list[str] = []

    def make(stream: str, partitions: int = 2) -> Bed:
        bed = Bed(settings, stream, partitions)
        made.extend(bed.make_topics())
        return bed

    yield make
    if made:
        admin = kafka.admin(settings)
        for outcome in admin.delete_topics(made).values():
            outcome.result(timeout=30)


@pytest.fixture
def catalogue(make_bed: Callable[..., Bed]) -> Bed:
    """A catalogue stream."""
    return make_bed("catalogue")


@pytest.fixture
def orders(make_bed: Callable[..., Bed]) -> Bed:
    """An order stream."""
    return make_bed("orders")


@pytest.fixture
def bench(settings: Settings, topics: Callable[[str], str], database_url: str, bucket: Bucket) -> Workbench:
    """Workers over topics, read models and a bucket of the test's own."""
    made = Workbench(settings)
    made.make_read_models()
    return made


@pytest.fixture
def vault(bench: Workbench) -> Iterator[PostgresVault]:
    """The vault of that workbench."""
    with postgres.pool(bench.settings.database_url, bench.settings, name="test-vault") as pool:
        yield intake.vault(bench.settings, pool)

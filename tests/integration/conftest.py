"""Fixtures of the ledger's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infra import kafka
from infra.settings import Settings
from tests.integration.ledger_bed import Bed


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

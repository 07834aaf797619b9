"""Intake that does not hold what the ledger's offset says: nothing that was sent is passed over in silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaException, TopicPartition

from infra import kafka
from processors.ledger.errors import IntakeCut
from processors.ledger.loop import group_of
from tests.integration.ledger_bed import Bed, headers_of, until
from tests.order_life import placed

pytestmark = pytest.mark.stack

ORDER = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"


@pytest.fixture
def single(make_bed: Callable[..., Bed]) -> Bed:
    """An order stream of one partition."""
    return make_bed("orders", partitions=1)


def commit_offset(bed: Bed, offset: int) -> None:
    """Set the committed offset of the ledger's group, once the broker takes no process for a member of it any more."""
    consumer = kafka.consumer(bed.settings, group_of(bed.stream))

    def is_set() -> bool:
        try:
            consumer.commit(offsets=[TopicPartition(bed.stream.intake_topic, 0, offset)], asynchronous=False)
        except KafkaException:
            return False
        return True

    until(is_set, "the group's offset was set")
    consumer.close()


def answered_commands(bed: Bed) -> set[bytes]:
    return {headers_of(fact)["causation_id"] for fact in bed.facts()}


def test_intake_that_lost_its_end_stops_the_partition_until_somebody_says_where_it_was_cut(single: Bed) -> None:
    # given: seven commands are answered, of which nothing is left; then the next one comes
    commit_offset(single, 7)
    single.send(ORDER, "place-1", placed())
    # when
    with single.running() as running:
        stopped_by = running.wait_for_error()
    # then
    assert isinstance(stopped_by, IntakeCut)
    assert "[0] is answered up to offset 7, and ends at 1." in str(stopped_by)
    assert answered_commands(single) == set()
    # when
    commit_offset(single, 0)
    with single.running():
        single.wait_until_answered()
    # then
    assert answered_commands(single) == {b"place-1"}


def test_where_the_beginning_of_intake_is_deleted_the_rest_is_answered(single: Bed) -> None:
    # given: a command whose time was over before any ledger ran
    single.send(ORDER, "place-1", placed())
    single.send(ORDER, "place-2", placed())
    admin = kafka.admin(single.settings)
    (deleted,) = admin.delete_records([TopicPartition(single.stream.intake_topic, 0, 1)]).values()
    deleted.result(timeout=30)
    # when
    with single.running():
        single.wait_until_answered()
    # then
    assert answered_commands(single) == {b"place-2"}

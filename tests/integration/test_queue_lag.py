"""How long records have waited in a queue, on the real broker: what is worked off, what stands, what nobody reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import OFFSET_END, TopicPartition

from events.order.facts import WORK_TOPIC, RefundRequested
from infra import kafka
from infra.queue_lag import QueueLags, queues
from infra.settings import Settings
from processors.clock import now_ms

pytestmark = pytest.mark.stack

WORK = WORK_TOPIC[RefundRequested]
AN_HOUR_MS = 3_600_000


def put(settings: Settings, topic: str, *ages_ms: int, aborted: bool = False) -> None:
    """Write records that have stood there for so long, in one transaction."""
    producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}ledger")
    producer.init_transactions(30)
    producer.begin_transaction()
    for age_ms in ages_ms:
        producer.produce(topic, b"work", partition=0, timestamp=now_ms() - age_ms)
    producer.flush(30)
    if aborted:
        producer.abort_transaction(30)
    else:
        producer.commit_transaction(30)


def work_off(settings: Settings, group: str, topic: str, up_to: int) -> None:
    """Say for the group that works the topic off that it is done up to this offset."""
    consumer = kafka.consumer(settings, group)
    try:
        consumer.commit(offsets=[TopicPartition(topic, 0, up_to)], asynchronous=False)
    finally:
        consumer.close()


def delete_before(settings: Settings, topic: str, offset: int) -> None:
    """Delete the oldest records of the topic, as the broker does by age."""
    admin = kafka.admin(settings)
    for answer in admin.delete_records([TopicPartition(topic, 0, offset)], operation_timeout=30).values():
        answer.result(60)


@pytest.fixture
def group(settings: Settings, topics: Callable[[str], str]) -> str:
    """The group that works refunds off."""
    return dict(queues(settings))[topics(WORK)]


def test_a_queue_that_nobody_ever_read_is_not_listed(settings: Settings, topics: Callable[[str], str]) -> None:
    put(settings, topics(WORK), AN_HOUR_MS)
    assert QueueLags(settings)() == {}


def test_the_lag_is_how_long_the_oldest_record_waits_that_is_not_done(
    settings: Settings, topics: Callable[[str], str], group: str
) -> None:
    put(settings, topics(WORK), 3 * AN_HOUR_MS, AN_HOUR_MS, 0)
    work_off(settings, group, topics(WORK), 1)
    lags = QueueLags(settings)()
    assert set(lags) == {WORK}
    assert AN_HOUR_MS <= lags[WORK] < 2 * AN_HOUR_MS


def test_what_is_worked_off_has_no_lag(settings: Settings, topics: Callable[[str], str], group: str) -> None:
    put(settings, topics(WORK), AN_HOUR_MS)
    # Behind the record stands the marker of its transaction, which nobody works off.
    work_off(settings, group, topics(WORK), 1)
    assert QueueLags(settings)() == {WORK: 0}
    work_off(settings, group, topics(WORK), 2)
    assert QueueLags(settings)() == {WORK: 0}


def test_a_transaction_that_was_aborted_waits_for_nobody(
    settings: Settings, topics: Callable[[str], str], group: str
) -> None:
    put(settings, topics(WORK), AN_HOUR_MS, aborted=True)
    work_off(settings, group, topics(WORK), 0)
    assert QueueLags(settings)() == {WORK: 0}


def test_a_transaction_that_is_still_open_holds_up_nobody_who_asks(
    settings: Settings, topics: Callable[[str], str], group: str
) -> None:
    # given
    put(settings, topics(WORK), AN_HOUR_MS)
    producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}ledger")
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics(WORK), b"work", partition=0, timestamp=now_ms() - AN_HOUR_MS)
    producer.flush(30)
    # then
    work_off(settings, group, topics(WORK), 1)
    assert QueueLags(settings)() == {WORK: 0}
    work_off(settings, group, topics(WORK), 2)
    assert QueueLags(settings)() == {WORK: 0}
    producer.abort_transaction(30)


def test_a_worker_that_was_away_for_longer_than_records_are_kept_has_those_that_are_left_before_it(
    settings: Settings, topics: Callable[[str], str], group: str
) -> None:
    # given
    put(settings, topics(WORK), 3 * AN_HOUR_MS, 3 * AN_HOUR_MS, AN_HOUR_MS)
    work_off(settings, group, topics(WORK), 0)
    delete_before(settings, topics(WORK), 2)
    # then
    assert AN_HOUR_MS <= QueueLags(settings)()[WORK] < 2 * AN_HOUR_MS
    # when everything was deleted
    delete_before(settings, topics(WORK), OFFSET_END)
    assert QueueLags(settings)() == {WORK: 0}


def test_every_queue_is_a_topic_that_there_is(settings: Settings, topics: Callable[[str], str]) -> None:
    there = set(kafka.admin(settings).list_topics(timeout=30).topics)
    asked = [topic for topic, _ in queues(settings)]
    assert set(asked) <= there
    assert len(set(asked)) == len(asked)
    assert {topic.removeprefix(settings.topic_prefix) for topic in asked} >= set(WORK_TOPIC.values())

"""How long a queue has waited is what the broker said: what it did not say in time is no lag of 0."""

from typing import cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.queue_lag import lag_of
from processors.ports import BrokerUnreachable


class SilentReader:
    """A broker that says where a partition ends and does not come to send what stands there."""

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, 50_000

    def assign(self, places: list[TopicPartition]) -> None:
        pass

    def unassign(self) -> None:
        pass

    def poll(self, timeout: float) -> None:
        return None


def test_a_queue_whose_oldest_record_was_not_read_in_time_is_not_taken_for_an_empty_one() -> None:
    reader = cast(Consumer, SilentReader())
    with pytest.raises(BrokerUnreachable, match=r"pod\.work\.render\.v1"):
        lag_of(reader, TopicPartition("pod.work.render.v1", 0, 10))


def test_a_queue_that_is_worked_off_need_not_be_read() -> None:
    assert lag_of(cast(Consumer, SilentReader()), TopicPartition("pod.work.render.v1", 0, 50_000)) == 0

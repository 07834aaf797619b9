"""Ids that everybody derives alike."""

from uuid import UUID, uuid5

import msgspec
import pytest

from events.identity import (
    NAMESPACE_COMMAND,
    NAMESPACE_ORDER,
    command_id,
    drawn_for_a_person,
    effect_key,
    order_id,
    report_id,
    request_id,
)


def test_an_order_has_the_same_id_by_whatever_road_it_comes() -> None:
    assert order_id("demo", "demo-shopify", "1001") == order_id("demo", "demo-shopify", "1001")


def test_an_orders_id_is_the_uuid5_that_others_can_compute() -> None:
    name = msgspec.json.encode(["demo", "demo-shopify", "1001"]).decode()
    assert order_id("demo", "demo-shopify", "1001") == str(uuid5(NAMESPACE_ORDER, name))
    assert command_id("a", 1) == str(uuid5(NAMESPACE_COMMAND, '["a",1]'))


def test_parts_do_not_run_into_each_other() -> None:
    ids = {order_id("a", "bc", "d"), order_id("ab", "c", "d"), order_id("a", "b", "cd"), order_id("a,b", "c", "d")}
    assert len(ids) == 4


def test_ids_are_valid_uuids() -> None:
    assert UUID(order_id("t", "s", "1")).version == 5


def test_an_effect_key_is_short_enough_for_every_partner() -> None:
    key = effect_key("order", "submit", "1:1,2", "press-east", 1)
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        ("order2", "submit", "1:1", "press-east", 1),
        ("order", "cancel", "1:1", "press-east", 1),
        ("order", "submit", "1:2", "press-east", 1),
        ("order", "submit", "1:1", "press-west", 1),
        ("order", "submit", "1:1", "press-east", 2),
    ],
)
def test_another_effect_has_another_key(other: tuple[str, str, str, str, int]) -> None:
    assert effect_key("order", "submit", "1:1", "press-east", 1) != effect_key(*other)


def test_a_request_names_its_effect_and_attempt() -> None:
    assert request_id("ab", 3) == "ab.3"


def test_the_same_outcome_of_the_same_attempt_is_the_same_report() -> None:
    assert report_id("ab.1", b"accepted") == report_id("ab.1", b"accepted")
    assert len({report_id("ab.1", b"accepted"), report_id("ab.1", b"refused"), report_id("ab.2", b"accepted")}) == 3


def test_replay_draws_the_same_lines_for_a_person() -> None:
    drawn = [drawn_for_a_person(f"order-{number}", "1", 1, 15) for number in range(4_000)]
    assert drawn == [drawn_for_a_person(f"order-{number}", "1", 1, 15) for number in range(4_000)]
    assert 0.010 < sum(drawn) / len(drawn) < 0.020


def test_none_or_all_can_be_drawn() -> None:
    assert not any(drawn_for_a_person(str(number), "1", 1, 0) for number in range(100))
    assert all(drawn_for_a_person(str(number), "1", 1, 1000) for number in range(100))

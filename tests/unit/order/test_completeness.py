"""Nothing is forgotten: every fact is folded by one rule, every command decided, every refusal says what to do."""

import inspect
import typing
from pathlib import Path

import pytest

from events.decider import Refusal
from events.order import refusals
from events.order.commands import ORDER_COMMANDS
from events.order.decide import _DECIDED_BY
from events.order.evolve import _EVOLVED_BY
from events.order.facts import ORDER_FACTS, WORK_TOPIC, WorkRequested
from events.order.state import Order
from events.order.status import ORDER_STATUSES, order_status, status_of
from events.order.stream import ORDER_STREAM
from infra.benchmarks import outside_world
from tests.order_life import World, a_store_order, live, placed

REFUSALS = [kind for _, kind in inspect.getmembers(refusals, inspect.isclass) if kind.__module__ == refusals.__name__]


def test_every_fact_is_folded_by_exactly_one_rule() -> None:
    assert set(_EVOLVED_BY) == set(ORDER_FACTS)


def test_every_command_is_decided_by_exactly_one_rule() -> None:
    assert set(_DECIDED_BY) == set(ORDER_COMMANDS)


def test_every_request_for_work_has_its_topic() -> None:
    assert set(WORK_TOPIC) == {fact for fact in ORDER_FACTS if issubclass(fact, WorkRequested)}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_says_what_is_wrong_and_what_to_do(refusal: type[Refusal]) -> None:
    text = refusal().detail
    assert text == " ".join((refusal.__doc__ or "").split())
    assert text.endswith(".")
    assert len(text) > 40
    assert refusal().reason == refusal.__name__


def test_every_refusal_and_command_occurs_in_the_tests_of_this_folder() -> None:
    here = Path(__file__)
    text = "".join(path.read_text(encoding="utf-8") for path in here.parent.glob("test_*.py") if path != here)
    text += Path(outside_world.__file__).read_text(encoding="utf-8")
    missing = [kind.__name__ for kind in (*REFUSALS, *ORDER_COMMANDS) if kind.__name__ not in text]
    assert not missing


def test_the_stream_names_all_facts_and_commands() -> None:
    assert set(ORDER_STREAM.facts) == set(typing.cast(tuple[type, ...], ORDER_FACTS))
    assert set(ORDER_STREAM.commands) == set(typing.cast(tuple[type, ...], ORDER_COMMANDS))
    assert ORDER_STREAM.state_type is Order


def test_a_snapshot_of_a_delivered_order_says_all_of_it() -> None:
    order, _, _ = live([placed(a_store_order())], World().answer)
    snapshot = status_of(order, "key", "demo", 37, 99)
    assert (snapshot.status, snapshot.seq, snapshot.updated_at) == ("delivered", 37, 99)
    assert [(line.line_id, line.status, line.quantity) for line in snapshot.lines] == [("1", "delivered", 1)]
    assert [(p.parcel_id, p.status, p.tracking_number, p.contents) for p in snapshot.parcels] == [
        ("P1", "delivered", "EZP1", {"1": 1})
    ]
    assert order_status(order) in ORDER_STATUSES

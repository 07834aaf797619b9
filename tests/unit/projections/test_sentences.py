"""Every fact has a sentence, and no sentence shows what facts keep sealed."""

import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from events.declare import Declared
from events.order.facts import ORDER_FACTS, LineRouted, OrderPlaced, PartnerStatusObserved, TrackingObserved
from events.order.values import StoredFile
from projections.sentences import describe
from tests.order_life import NOW, World, a_file, a_store_order, live, placed

SEALED = b"ANNA@EXAMPLE.ORG"


def a_sample(hint: Any) -> Any:
    """A value of a field's type; every bytes field holds the same secret."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return a_sample(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return a_sample(next(argument for argument in arguments if argument is not types.NoneType))
    if origin is tuple:
        return (a_sample(arguments[0]),)
    if origin is dict:
        return {"name": a_sample(arguments[1])}
    if isinstance(hint, type) and issubclass(hint, Declared):
        return a_record(hint)
    return {str: "word", int: 3, float: 0.5, bool: True, bytes: SEALED}[hint]


def a_record(declared: type[Any]) -> Any:
    """A record with every field filled."""
    hints = typing.get_type_hints(declared, include_extras=True)
    return declared(**{field.name: a_sample(hints[field.name]) for field in msgspec.structs.fields(declared)})


@pytest.mark.parametrize("declared", ORDER_FACTS, ids=lambda declared: declared.__name__)
def test_every_fact_has_a_sentence_without_personal_data(declared: type[Any]) -> None:
    # given
    fact = a_record(declared)
    # when
    entry = describe(fact)
    # then
    assert entry.title
    assert SEALED.decode() not in f"{entry}"
    assert not entry.title.endswith(".")
    assert len(entry.title) <= 120


@pytest.mark.parametrize("declared", ORDER_FACTS, ids=lambda declared: declared.__name__)
def test_every_file_of_a_fact_is_linked(declared: type[Any]) -> None:
    fact = a_record(declared)
    assert len(describe(fact).links) == len(list(files_in(fact)))


def files_in(value: Any) -> Iterator[StoredFile]:
    """Every stored file inside a fact."""
    if isinstance(value, StoredFile):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from files_in(item)
    elif isinstance(value, msgspec.Struct):
        yield from files_in(msgspec.structs.astuple(value))


def test_a_whole_life_reads_as_one_story() -> None:
    _, facts, _ = live([placed(a_store_order())], World().answer)
    titles = [describe(fact).title for fact in facts]
    assert titles[0] == "Order #1001 placed at demo-rest"
    for sentence in (
        "Line 1: artwork is fine",
        "Line 1, run 1: press-east is to print unit 1",
        "Line 1, run 1: unit 1 good",
        "Parcel P1: easypost Ground, EZP1",
        "Parcel P1: delivered",
    ):
        assert sentence in titles


def test_an_order_without_a_number_is_named_by_its_external_id() -> None:
    order = msgspec.structs.replace(a_store_order("77"), order_number="")
    assert describe(OrderPlaced(order=order, store_updated_at=NOW)).title == "Order 77 placed at demo-rest"


def test_routing_says_why_each_partner_was_chosen_or_not() -> None:
    _, facts, _ = live([placed(a_store_order())], World().answer)
    routed = next(fact for fact in facts if isinstance(fact, LineRouted))
    assert describe(routed).detail == "press-east 520 points: nearest. press-west 610 points: farther."


@pytest.mark.parametrize("declared", [PartnerStatusObserved, TrackingObserved])
def test_a_report_that_says_less_than_is_known_is_told_as_such(declared: type[Any]) -> None:
    late = msgspec.structs.replace(a_record(declared), applied=False, canonical="")
    detail = describe(late).detail
    assert "says less than is known already" in detail
    assert "a word that is not known here" in detail


def test_a_file_without_pixels_has_no_size() -> None:
    assert a_file("label.pdf").width_px == 0
    _, facts, _ = live([placed(a_store_order())], World().answer)
    assert all("0 × 0" not in describe(fact).detail for fact in facts)

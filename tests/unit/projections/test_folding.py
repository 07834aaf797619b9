"""Read models fold batches in memory: the same rows whatever the batches, whatever is left out."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, cast

import msgspec
import pytest
from confluent_kafka import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from events.codec import Codec
from events.envelope import FactEnvelope
from events.order.commands import CancelOrder, ObserveStoreOrder
from events.order.evolve import evolve
from events.order.facts import OrderEvent
from events.order.state import Order
from events.order.status import order_status
from projections.errors import LedgerUnreadable, UnknownReadModel
from projections.model import Change, ReadModel, Row, Topics
from projections.models import ALL, chosen, read_models
from projections.orders import NOT_SHOWN, Orders
from projections.record import Record
from projections.schema import AFTER_LOADING, BEFORE_LOADING, TABLES
from projections.sql import QUERIES, NamedTexts, NoSuchQuery, load
from tests.order_life import NOW, TENANT, World, a_line, a_store_order, context_of, live, placed

CODEC = Codec()
TOPICS = Topics()
KEY = context_of().key


class NothingStored:
    """A database in which nothing is: every order of these tests is new."""

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """No rows."""
        return []


def a_life(external_id: str = "1001", *, held: bool = False, cancelled: bool = False) -> list[OrderEvent]:
    lines = (a_line("1", quantity=2), a_line("2", artwork=None)) if held else (a_line("1"),)
    first = placed(a_store_order(external_id, lines))
    if cancelled:
        # Nobody answers between the two commands, so that the first request is still open when the order ends.
        return live([first, CancelOrder(reason="no longer")], lambda fact: (), external_id)[1]
    return live([first], World().answer, external_id)[1]


def a_record(fact: OrderEvent, number: int, key: str = KEY, headers: Sequence[str] = ()) -> Record:
    """A fact as it comes from the ledger; `headers` names those to leave out."""
    envelope = FactEnvelope(
        key=key,
        tenant=TENANT,
        fact_type=type(fact).__name__,
        seq=number,
        position=number,
        recorded_at=NOW + number,
        actor="test",
        causation_id=f"command-{number}",
    )
    kept: list[tuple[str, str | bytes | None]] = [
        (name, value) for name, value in envelope.to_headers() if name not in headers
    ]
    message = Message(
        topic=TOPICS.order_events,
        partition=0,
        offset=number,
        key=key.encode(),
        value=CODEC.encode(fact),
        headers=kept,
    )
    return Record(message, CODEC)


def fold(model: ReadModel, records: Sequence[Record], sizes: Sequence[int]) -> dict[str, dict[str, Row]]:
    """The rows of each table after batches of these sizes; the last batch takes the rest."""
    tables: dict[str, dict[str, Row]] = {table.name: {} for table in model.tables}
    used = model.sources[0].types
    records = [record for record in records if used is None or record.type_name in used]
    begin = 0
    for size in [*sizes, len(records)]:
        if batch := records[begin : begin + size]:
            for change in model.fold(batch, NothingStored()):
                _apply(model, change, tables[change.table])
        begin += size
    return tables


def _apply(model: ReadModel, change: Change, rows: dict[str, Row]) -> None:
    (table,) = (table for table in model.tables if table.name == change.table)
    gone = set(change.removals)
    if change.table != "held_lines":
        gone |= {_key(table.columns, table.key, row) for row in change.rows}
    for name, row in list(rows.items()):
        if _key(table.columns, table.key, row) in gone:
            del rows[name]
    rows.update((repr(row), row) for row in change.rows)


def _key(columns: tuple[str, ...], key: tuple[str, ...], row: Row) -> Row:
    return tuple(row[columns.index(name)] for name in key)


@pytest.mark.parametrize("name", ["orders", "timeline", "deadlines", "effects"])
@given(sizes=st.lists(st.integers(1, 25), max_size=12), held=st.booleans(), cancelled=st.booleans())
@settings(max_examples=25, deadline=None)
def test_rows_do_not_depend_on_how_facts_are_batched(name: str, sizes: list[int], held: bool, cancelled: bool) -> None:
    records = [a_record(fact, number) for number, fact in enumerate(a_life(held=held, cancelled=cancelled), 1)]
    at_once = fold(read_models(TOPICS)[name], records, [])
    in_batches = fold(read_models(TOPICS)[name], records, sizes)
    assert _sorted(in_batches) == _sorted(at_once)


def _sorted(tables: dict[str, dict[str, Row]]) -> dict[str, list[str]]:
    return {name: sorted(rows) for name, rows in tables.items()}


@pytest.mark.parametrize(("held", "cancelled"), [(False, False), (True, False), (False, True)])
def test_an_order_shows_what_its_whole_history_makes_of_it_at_every_fact(held: bool, cancelled: bool) -> None:
    facts = a_life(held=held, cancelled=cancelled)
    orders = Orders(TOPICS)
    columns = orders.tables[0].columns
    for number, fact in enumerate(facts, 1):
        rows = next(iter(orders.fold([a_record(fact, number)], NothingStored()))).rows
        shown = dict(zip(columns, rows[0], strict=True))
        expected = reduce(evolve, facts[:number], Order())
        assert shown["status"] == order_status(expected)
        holds = [hold["reason"] for hold in msgspec.json.decode(cast(str, shown["holds"]))]
        assert holds == [hold.reason for hold in expected.holds]
        assert shown["seq"] == number


def test_each_time_that_a_sku_holds_a_line_is_told_apart() -> None:
    def seen(sku: str, at: int) -> ObserveStoreOrder:
        line = msgspec.structs.replace(a_line("1", artwork=None), sku=sku, content_digest=sku)
        return ObserveStoreOrder(order=a_store_order(lines=(line,)), store_updated_at=at)

    orders, held = Orders(TOPICS), []
    _, facts, _ = live([seen("A", NOW), seen("B", NOW + 1), seen("A", NOW + 2)], lambda fact: ())
    for number, fact in enumerate(facts, 1):
        _, changed = orders.fold([a_record(fact, number)], NothingStored())
        held += [row[-2:] for row in changed.rows]
    assert list(dict.fromkeys(held)) == [("A", 1), ("B", 2), ("A", 3)]


def test_facts_that_are_not_shown_change_no_field_of_the_row_but_its_number_and_time() -> None:
    facts = a_life(held=True)
    every = [a_record(fact, number) for number, fact in enumerate(facts, 1)]
    some = [record for record in every if record.type_name not in NOT_SHOWN]
    assert len(some) < len(every)
    (with_all,), (with_some,) = (
        list(fold(Orders(TOPICS), records, [])["orders"].values()) for records in (every, some)
    )
    columns = Orders(TOPICS).tables[0].columns
    for column, one, other in zip(columns, with_all, with_some, strict=True):
        assert column in ("seq", "updated_at") or one == other


def test_an_order_that_fell_out_of_memory_is_read_back_from_its_row() -> None:
    # given: memory for one order, and a database that holds what was written
    orders, written = Orders(TOPICS, orders_in_memory_max=1), dict[str, Row]()

    class Stored:
        def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
            assert query == "folded_orders"
            rows = [written[order_id] for order_id in parameters["order_ids"] if order_id in written]
            return [(row[1], row[0], row[-1]) for row in rows]

    lives = {context_of(number).key: a_life(number) for number in ("1", "2", "3")}
    # when: facts of three orders come by turns
    for number in range(len(a_life("1"))):
        for key, facts in lives.items():
            (row,) = next(iter(orders.fold([a_record(facts[number], number + 1, key)], Stored()))).rows
            written[key] = row
    # then
    assert {row[5] for row in written.values()} == {"delivered"}


def test_a_fact_without_a_tenant_stops_the_fold() -> None:
    record = a_record(a_life()[0], 1, headers=["tenant"])
    with pytest.raises(LedgerUnreadable, match="tenant"):
        Orders(TOPICS).fold([record], NothingStored())


def test_headers_are_found_wherever_they_stand() -> None:
    usual, moved = a_record(a_life()[0], 7), a_record(a_life()[0], 7, headers=["ce_specversion"])
    assert (moved.position, moved.seq, moved.tenant, moved.type_name) == (
        usual.position,
        usual.seq,
        usual.tenant,
        usual.type_name,
    )
    with pytest.raises(LedgerUnreadable, match="position"):
        _ = a_record(a_life()[0], 7, headers=["position"]).position


def test_a_header_that_names_another_fact_than_the_bytes_is_found_out() -> None:
    record = a_record(a_life()[0], 1)
    with pytest.raises(LedgerUnreadable, match="header says OrderPlaced"):
        record.content_as(type(a_life()[1]))


@pytest.mark.parametrize("name", read_models(TOPICS))
def test_every_read_model_has_its_tables_and_its_queries(name: str) -> None:
    model = read_models(TOPICS)[name]
    parts = load(f"tables/{name}.sql")
    assert set(parts.names()) <= {TABLES, BEFORE_LOADING, AFTER_LOADING}
    for table in model.tables:
        assert f"CREATE TABLE {table.name} (" in parts[TABLES]
        assert table.insert_only or QUERIES[f"merge_{table.name}"]


def test_read_models_are_chosen_by_name() -> None:
    assert [model.name for model in chosen(["timeline", "orders", "timeline"], TOPICS)] == ["timeline", "orders"]
    assert len(chosen([ALL], TOPICS)) == len(read_models(TOPICS))
    with pytest.raises(UnknownReadModel, match="ordrs; there are orders, timeline"):
        chosen(["ordrs"], TOPICS)


def test_a_query_that_is_not_there_is_named() -> None:
    with pytest.raises(NoSuchQuery, match="nothing"):
        NamedTexts("-- one --\nSELECT 1")["nothing"]

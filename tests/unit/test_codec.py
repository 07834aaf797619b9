"""Framed Avro bytes, read with nothing but the committed schemas."""

import io
import json
import struct
from typing import Any

import fastavro
import pytest

from events.codec import Codec, CommittedSchema, NotDeclared, committed_schemas, schema_path
from events.declare import Fact, schema_of
from events.order.facts import DeadlineSet, OrderCancelled, OrderPlaced
from tests.order_life import NOW, a_store_order


class Undeclared(Fact, frozen=True, kw_only=True):
    """A record that stands on no topic."""


def schema_id_of(name: str) -> int:
    return next(schema.schema_id for schema in committed_schemas() if schema.full_name == name)


def test_a_record_is_framed_as_the_registry_wants_it() -> None:
    framed = Codec().encode(OrderCancelled(reason="r"))
    assert struct.unpack(">bI", framed[:5]) == (0, schema_id_of("pod.orders.OrderCancelled"))
    assert framed[5:] == b"\x02r"


def test_others_read_our_bytes_with_the_registered_schema() -> None:
    record = OrderPlaced(order=a_store_order(), store_updated_at=NOW)
    read: Any = fastavro.schemaless_reader(
        io.BytesIO(Codec().encode(record)[5:]), fastavro.parse_schema(schema_of(OrderPlaced)), None
    )
    assert read["order"]["external_id"] == "1001"
    assert read["store_updated_at"].timestamp() * 1000 == NOW


def test_a_record_that_is_not_declared_cannot_be_written() -> None:
    with pytest.raises(NotDeclared, match=r"Undeclared.*make schemas"):
        Codec().encode(Undeclared())


def test_a_record_of_an_older_version_is_read_as_the_current_one() -> None:
    newest = next(schema for schema in committed_schemas() if schema.full_name == "pod.orders.DeadlineSet")
    older = json.loads(newest.text)
    older["fields"] = [field for field in older["fields"] if field["name"] != "reason"]
    first = CommittedSchema(900, newest.full_name, 0, newest.subjects, json.dumps(older))
    codec = Codec((first, newest))
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(_plain(older)), {"deadline_key": "check:1", "due_at": NOW})
    framed = struct.pack(">bI", 0, 900) + buffer.getvalue()
    assert codec.decode(framed) == DeadlineSet(deadline_key="check:1", due_at=NOW, reason="")


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _plain(part) for key, part in schema.items() if key != "logicalType"}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


def test_a_released_schema_lies_where_its_name_says() -> None:
    assert schema_path("pod.orders.OrderPlaced", 3) == "pod.orders/OrderPlaced.v3.avsc"

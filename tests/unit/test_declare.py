"""One declaration makes the Avro schema, the bytes and the catalogue entry."""

from typing import Annotated, Any, ClassVar

import fastavro
import pytest

from events.declare import (
    Declared,
    Fact,
    UndeclarableType,
    Value,
    docstring_of,
    nested_values,
    runtime_schema_of,
    schema_of,
)
from events.types import Millis, described
from events.vocabulary import DECLARED


class Part(Value, frozen=True, kw_only=True):
    """A part of something."""

    name: str


class Happened(Fact, frozen=True, kw_only=True):
    """Something
    happened.
    """

    avro_namespace: ClassVar[str] = "pod.test"

    at: Millis
    note: Annotated[str, described("What was noted.")] = "none"
    sealed: bytes = b"\xff"
    parts: tuple[Part, ...] = ()
    other: Part | None = None
    counts: dict[str, int] = {}
    share: float = 0.5
    done: bool = False


def fields_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field for field in schema["fields"]}


def test_a_declaration_becomes_an_avro_record_with_its_documentation() -> None:
    schema = schema_of(Happened)
    assert (schema["type"], schema["namespace"], schema["name"]) == ("record", "pod.test", "Happened")
    assert schema["doc"] == "Something happened."
    fields = fields_of(schema)
    assert fields["at"]["type"] == {"type": "long", "logicalType": "timestamp-millis"}
    assert fields["note"]["doc"] == "What was noted."
    assert fields["note"]["default"] == "none"
    assert fields["parts"]["type"]["items"]["name"] == "Part"
    assert fields["other"]["type"] == ["null", "pod.values.Part"], "a record is written out once, then named"
    assert fields["counts"] == {"name": "counts", "type": {"type": "map", "values": "long"}, "default": {}}
    fastavro.parse_schema(schema)


def test_a_field_without_a_default_has_none_in_the_schema() -> None:
    assert "default" not in fields_of(schema_of(Happened))["at"]


def test_a_default_of_bytes_is_written_as_avro_wants_it() -> None:
    assert fields_of(schema_of(Happened))["sealed"]["default"] == "ÿ"


def test_our_own_processes_read_the_same_bytes_as_plain_integers() -> None:
    fields = fields_of(runtime_schema_of(Happened))
    assert fields["at"]["type"] == "long"
    assert "doc" not in fields["note"]


def test_the_full_name_is_a_constant_and_never_the_module() -> None:
    assert Happened.full_name() == "pod.test.Happened"
    assert Part.full_name() == "pod.values.Part"


def test_nested_records_are_found() -> None:
    assert set(nested_values(Happened)) == {Part}


def test_a_declaration_has_to_say_what_became_true() -> None:
    class Silent(Fact, frozen=True, kw_only=True):
        name: str

    with pytest.raises(TypeError, match="give it a docstring"):
        docstring_of(Silent)


@pytest.mark.parametrize("hint", [set[str], dict[int, str], str | int, str | int | None, tuple[str, int], object])
def test_a_type_that_avro_does_not_have_is_refused_by_name(hint: Any) -> None:
    wrong = type(
        "Wrong", (Value,), {"__annotations__": {"field": hint}, "__doc__": "Wrong."}, frozen=True, kw_only=True
    )
    with pytest.raises(UndeclarableType, match=r"union has exactly one|Avro counterpart"):
        schema_of(wrong)


@pytest.mark.parametrize("declared", DECLARED, ids=lambda declared: declared.__name__)
def test_every_record_of_every_topic_has_a_schema_that_others_can_parse(declared: type[Declared]) -> None:
    fastavro.parse_schema(schema_of(declared))
    assert docstring_of(declared).endswith(".")


def test_no_two_records_share_a_name() -> None:
    names = [declared.full_name() for declared in DECLARED]
    assert len(names) == len(set(names))

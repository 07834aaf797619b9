"""The committed schemas: never adrift, never broken for a reader, never renumbered; and a core that is pure."""

import ast
import json
import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from events.codec import CommittedSchema, committed_schemas, schema_path
from events.declare import Declared, Fact, schema_of
from events.vocabulary import DECLARED, FACT_COMPATIBILITY, RECORDS_BY_TOPIC, compatibility_of, subjects_of
from infra import schema_files
from infra.schema_files import SCHEMAS, IncompatibleChange, check_compatible, drift

EVENTS = SCHEMAS.parent / "events"
RELEASED = committed_schemas()


def test_declarations_and_committed_schemas_agree() -> None:
    assert drift() == []


@pytest.mark.parametrize("declared", DECLARED, ids=lambda declared: declared.full_name())
def test_every_released_version_reads_the_current_one_and_is_read_by_it(declared: type[Declared]) -> None:
    versions = [schema for schema in RELEASED if schema.full_name == declared.full_name()]
    assert versions
    check_compatible(declared, versions)


def test_ids_count_from_one_without_a_gap_and_versions_follow_each_other() -> None:
    assert [schema.schema_id for schema in RELEASED] == list(range(1, len(RELEASED) + 1))
    newest: dict[str, int] = {}
    for schema in RELEASED:
        assert schema.version == newest.get(schema.full_name, 0) + 1
        newest[schema.full_name] = schema.version


def test_every_committed_file_is_in_the_map() -> None:
    files = {str(path.relative_to(SCHEMAS)) for path in SCHEMAS.rglob("*.avsc")}
    assert files == {schema_path(schema.full_name, schema.version) for schema in RELEASED}


def test_facts_are_held_to_the_strictest_compatibility() -> None:
    for topic, records in RECORDS_BY_TOPIC.items():
        for declared in records:
            subject = f"{topic}-{declared.full_name()}"
            assert subject in subjects_of(declared)
            assert (compatibility_of(subject) == FACT_COMPATIBILITY) == topic.endswith(".events.v1")


class Before(Fact, frozen=True, kw_only=True):
    """A record as it was released."""

    avro_namespace: ClassVar[str] = "pod.test"

    name: str
    count: int


def released_before() -> list[CommittedSchema]:
    return [CommittedSchema(1, "pod.test.Before", 1, (), json.dumps(schema_of(Before)))]


def changed(**annotations: object) -> type[Declared]:
    fields = {name: hint for name, hint in annotations.items() if name != "defaults"}
    defaults = annotations.get("defaults", {})
    assert isinstance(defaults, dict)
    body = {"__annotations__": fields, "__doc__": "A record.", "avro_namespace": "pod.test", **defaults}
    made: type[Declared] = type("Before", (Fact,), body, frozen=True, kw_only=True)
    return made


@pytest.mark.parametrize(
    "after",
    [
        changed(name=str, count=int, more=str),
        changed(name=str),
        changed(title=str, count=int),
        changed(name=int, count=int),
        changed(name=str, count=float),
        changed(name=str | None, count=int),
    ],
    ids=["new without default", "removed", "renamed", "other type", "wider type", "now optional"],
)
def test_a_change_that_a_reader_could_not_survive_is_refused(after: type[Declared]) -> None:
    with pytest.raises(IncompatibleChange, match="Give a new field a default"):
        check_compatible(after, released_before())


def test_a_new_field_with_a_default_is_compatible() -> None:
    check_compatible(changed(name=str, count=int, more=str, defaults={"more": ""}), released_before())


def test_a_changed_record_gets_its_next_version_and_no_id_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, root)
    before = committed_schemas(root)
    victim = next(declared for declared in DECLARED if declared.__name__ == "OrderCancelled")
    widened = type(
        "OrderCancelled",
        (Fact,),
        {
            "__annotations__": {"reason": str, "note": str},
            "__doc__": "No unit will be made.",
            "note": "",
            "avro_namespace": "pod.orders",
        },
        frozen=True,
        kw_only=True,
    )
    monkeypatch.setattr(schema_files, "subjects_of", lambda declared: subjects_of(victim))
    monkeypatch.setattr(schema_files, "DECLARED", (widened,))
    schema_files.write(root)
    after = committed_schemas(root)
    assert after[: len(before)] == before
    assert [(schema.full_name, schema.version) for schema in after[len(before) :]] == [("pod.orders.OrderCancelled", 2)]
    assert after[-1].schema_id == len(before) + 1


PURE = {
    "__future__",
    "base64",
    "collections",
    "events",
    "fastavro",
    "functools",
    "hashlib",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "msgspec",
    "re",
    "struct",
    "threading",  # a lock around what msgspec learns; it neither waits for anything outside nor starts anything
    "types",
    "typing",
    "uuid",
}
"""What the core may import: nothing that reads a clock, the network, the environment, a file of its own or chance."""

READERS_OF_COMMITTED_FILES = {"codec.py"}


@pytest.mark.parametrize("path", sorted(EVENTS.rglob("*.py")), ids=lambda path: str(path.relative_to(EVENTS)))
def test_the_core_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            modules = [node.module or ""]
        for module in modules:
            assert module.partition(".")[0] in PURE, f"{path.name} imports {module}"
            assert not module.startswith("importlib") or path.name in READERS_OF_COMMITTED_FILES
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in {"open", "print", "input", "uuid.uuid4", "uuid.uuid1", "uuid4", "uuid1"}, name
            assert not name.endswith((".now", ".today", ".utcnow", ".urandom")), f"{path.name} calls {name}"

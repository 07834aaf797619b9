"""A real registry that an earlier release filled takes what a later one adds, under the committed ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from events.codec import CommittedSchema, committed_schemas
from events.vocabulary import FACT_COMPATIBILITY
from infra.registry import Registry, SchemaIdTaken, SchemaRefused, ensure_schemas, subjects_for
from infra.settings import Settings, prepare_test
from infra.stack.part import nothing
from infra.stack.registry_part import registry_part
from infra.stack.runner import Stack
from infra.stack.tools import Tools

TENANTS = ("demo", "acme")
#: The schemas of the earlier release. Some have a second subject, as those of each tenant: it takes a number that no
#: schema gets, so the registry's own count runs ahead of the committed ids. And the schemas of the later one.
BEFORE, AFTER = 20, 25


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return prepare_test(tmp_path_factory.mktemp("registry") / "data", tenants=TENANTS, start_seconds_max=60)


@pytest.fixture(scope="module")
def running(settings: Settings) -> Iterator[Stack]:
    """A registry with nothing in it: neither a template nor the start fills it."""
    empty = settings.data_dir / "registry"
    part = registry_part(settings, Tools(settings.stack_dir))
    made = Stack(settings, [msgspec.structs.replace(part, prepare=lambda: empty.mkdir(exist_ok=True), settle=nothing)])
    made.start()
    yield made
    made.stop()


@pytest.fixture
def registry(running: Stack, settings: Settings) -> Iterator[Registry]:
    with Registry(settings.schema_registry_url) as client:
        yield client


def the_release_before() -> list[CommittedSchema]:
    return list(committed_schemas()[:BEFORE])


def the_release_after() -> list[CommittedSchema]:
    """Further schemas, and a second version of the first fact."""
    committed = list(committed_schemas()[:AFTER])
    first = committed[0]
    changed = json.loads(first.text)
    changed["fields"].append({"name": "added_later", "type": "string", "default": ""})
    text = json.dumps(changed, indent=2)
    return [*committed, CommittedSchema(len(committed) + 1, first.full_name, 99, first.subjects, text)]


def all_pairs(schemas: Sequence[CommittedSchema]) -> list[tuple[str, CommittedSchema]]:
    return [(subject, schema) for schema in schemas for subject in subjects_for(schema, TENANTS)]


def test_what_a_later_release_adds_gets_its_committed_ids_in_a_registry_that_an_earlier_one_filled(
    registry: Registry, running: Stack
) -> None:
    # given: the data folder of the release before, whose registry has counted further than the schemas go
    before, after = the_release_before(), the_release_after()
    ensure_schemas(registry, before, TENANTS)
    assert len(all_pairs(before)) > len(before)
    # when
    new = ensure_schemas(registry, after, TENANTS)
    # then
    assert new == len(all_pairs(after)) - len(all_pairs(before))
    assert all(registry.id_of(subject, schema.text) == schema.schema_id for subject, schema in all_pairs(after))
    assert ensure_schemas(registry, after, TENANTS) == 0
    running.stop()
    running.start()
    assert ensure_schemas(registry, after, TENANTS) == 0


def test_a_number_that_another_schema_has_is_named_and_nothing_is_registered_under_another(registry: Registry) -> None:
    registry.set_compatibility(FACT_COMPATIBILITY)
    taken = registry.register("somebody.elses-Other", '{"type": "fixed", "name": "Other", "size": 7}')
    ours = CommittedSchema(
        taken, "pod.tests.Ours", 1, ("pod.tests-Ours",), '{"type": "fixed", "name": "Ours", "size": 3}'
    )
    with pytest.raises(SchemaIdTaken, match=f"schema id {taken}"):
        ensure_schemas(registry, [ours])
    assert "pod.tests-Ours" not in registry.subjects()


def test_a_numbered_schema_is_held_to_compatibility_as_every_other(registry: Registry) -> None:
    def version(number: int, *fields: dict[str, object]) -> CommittedSchema:
        text = json.dumps({"type": "record", "name": "Thing", "namespace": "pod.tests", "fields": list(fields)})
        return CommittedSchema(9_000 + number, "pod.tests.Thing", number, ("pod.tests-Thing",), text)

    first = version(1, {"name": "count", "type": "int"})
    assert ensure_schemas(registry, [first]) == 1
    with pytest.raises(SchemaRefused):
        ensure_schemas(registry, [first, version(2, {"name": "count", "type": "string"})])

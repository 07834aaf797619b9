"""Writes the committed schemas from the declarations, and says where the two have drifted apart.

`make schemas` runs this module. A record whose schema changed gets its next version, if every released version can
read it and be read by it; released versions and their ids never change.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import fastavro
import fastavro.schema
from fastavro.read import SchemaResolutionError
from fastavro.utils import generate_many

from events.codec import CommittedSchema, committed_schemas, schema_path
from events.declare import Declared, docstring_of, schema_of
from events.vocabulary import DECLARED, RECORDS_BY_TOPIC, subjects_of

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
SAMPLES = 20


class IncompatibleChange(ValueError):
    """A record written with a released version could not be read any more, or the other way round."""


def schema_text(declared: type[Declared]) -> str:
    """The committed text of a declaration's schema."""
    return json.dumps(schema_of(declared), indent=2, ensure_ascii=False) + "\n"


def drift(root: Path = SCHEMAS) -> list[str]:
    """What `make schemas` would change, one sentence each; empty where declarations and files agree."""
    newest = _newest(committed_schemas(root) if (root / "ids.json").exists() else ())
    found = []
    for declared in DECLARED:
        released = newest.get(declared.full_name())
        if released is None:
            found.append(f"{declared.full_name()} has no committed schema")
        elif released.text != schema_text(declared) or released.subjects != subjects_of(declared):
            found.append(f"{declared.full_name()} differs from its committed version {released.version}")
    names = {declared.full_name() for declared in DECLARED}
    found += [f"{name} is committed but no longer declared" for name in newest if name not in names]
    if (root / "catalogue.md").exists() and (root / "catalogue.md").read_text(encoding="utf-8") != catalogue_text():
        found.append("catalogue.md differs from the declarations")
    return found


def write(root: Path = SCHEMAS) -> list[str]:
    """Bring the committed files up to date; returns what was written.

    Raises `IncompatibleChange` before anything is written where a released version would be broken.
    """
    released = committed_schemas(root) if (root / "ids.json").exists() else ()
    entries: list[dict[str, Any]] = [_entry(schema) for schema in released]
    newest = _newest(released)
    additions: list[tuple[Path, str]] = []
    for declared in DECLARED:
        current, known = schema_text(declared), newest.get(declared.full_name())
        if known is not None and known.text == current:
            continue
        check_compatible(declared, [s for s in released if s.full_name == declared.full_name()])
        version = 1 if known is None else known.version + 1
        additions.append((root / schema_path(declared.full_name(), version), current))
        entries.append(
            {
                "id": len(entries) + 1,
                "name": declared.full_name(),
                "version": version,
                "subjects": list(subjects_of(declared)),
            }
        )
    additions.append((root / "ids.json", json.dumps(entries, indent=1) + "\n"))
    additions.append((root / "catalogue.md", catalogue_text()))
    written = []
    for path, text in additions:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(str(path.relative_to(root)))
    return written


def check_compatible(declared: type[Declared], released: list[CommittedSchema]) -> None:
    """Write samples with each version and read them with the other, both ways; raises `IncompatibleChange`."""
    current = schema_of(declared)
    for schema in released:
        old = json.loads(schema.text)
        for writer, reader, way in ((old, current, "written by"), (current, old, "read by")):
            try:
                _read_across(writer, reader)
            except (SchemaResolutionError, ValueError, TypeError, KeyError, EOFError) as error:
                raise IncompatibleChange(
                    f"{declared.full_name()} cannot be {way} version {schema.version} any more: {error}. "
                    "Give a new field a default, keep names and types, or declare a new record."
                ) from error


def _read_across(writer: dict[str, Any], reader: dict[str, Any]) -> None:

    writer_schema, reader_schema = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    for sample in generate_many(writer, SAMPLES):
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, writer_schema, sample)
        buffer.seek(0)
        fastavro.schemaless_reader(buffer, writer_schema, reader_schema)


def catalogue_text() -> str:
    """The event catalogue: every record of every topic, what it means and its fields."""
    lines = ["# Catalogue of records", "", "Generated from the declarations by `make schemas`; do not edit.", ""]
    for topic, records in RECORDS_BY_TOPIC.items():
        lines += [f"## `{topic}`", ""]
        for declared in records:
            lines += [
                f"### {declared.__name__}",
                "",
                docstring_of(declared),
                "",
                "| field | type | meaning |",
                "|---|---|---|",
            ]
            for field in schema_of(declared)["fields"]:
                lines.append(f"| `{field['name']}` | {_type_text(field['type'])} | {field.get('doc', '')} |")
            lines.append("")
    return "\n".join(lines)


def _type_text(avro: Any) -> str:
    match avro:
        case str():
            return avro
        case ["null", inner]:
            return f"{_type_text(inner)} or null"
        case {"logicalType": str(logical)}:
            return logical
        case {"type": "array", "items": items}:
            return f"array of {_type_text(items)}"
        case {"type": "map", "values": values}:
            return f"map of {_type_text(values)}"
        case {"name": str(name)}:
            return name
        case _:
            return str(avro)


def _newest(released: tuple[CommittedSchema, ...]) -> dict[str, CommittedSchema]:
    return {schema.full_name: schema for schema in sorted(released, key=lambda s: s.version)}


def _entry(schema: CommittedSchema) -> dict[str, Any]:
    return {
        "id": schema.schema_id,
        "name": schema.full_name,
        "version": schema.version,
        "subjects": list(schema.subjects),
    }


if __name__ == "__main__":
    for name in write():
        sys.stdout.write(f"wrote schemas/{name}\n")

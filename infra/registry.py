"""The schema registry, through its Confluent-compatible API: registering the committed schemas, checking their ids.

Records carry schema ids, and the map from id to schema is committed (`schemas/ids.json`). So the registry must
give each schema the committed id, or every producer and consumer that asks it would read records wrongly.
Apicurio counts ids up, and takes a number also when known content comes under a further subject, as a tenant's: what a
later release adds would get another number than the committed one. So Apicurio is told the number before a schema is
registered. Other makes count contents alone, and are served by two passes: first every schema once, in the order of
ids, and only then the further subjects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from urllib.parse import quote

import httpx

from events.codec import CommittedSchema
from events.vocabulary import FACT_COMPATIBILITY, compatibility_of
from infra.registry_export import (
    EXPORT_BYTES_MAX,
    EXPORT_PATH,
    IMPORT_PATH,
    ExportUnreadable,
    Holdings,
    contents_archive,
    read_export,
)
from infra.urls import address_of
from processors.ports import NamedError

API = "/apis/ccompat/v7"
#: The text that has a number, in Apicurio's own API.
CONTENT_PATH = "/apis/registry/v3/ids/contentIds/{}"
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_SECONDS = 30.0
#: The registry answers a few at once faster than one by one; more only queue.
CONNECTIONS = 4
#: Stands in committed subjects for each store's own topic (events/vocabulary.py).
STORE_TOPIC = "stores.orders.v1-"


class RegistryUnreachable(NamedError):
    """The schema registry does not answer. Start the stack with `printledger up`, or mend SCHEMA_REGISTRY_URL."""


class SchemaRefused(NamedError):
    """The registry refused a schema as incompatible. Make the change one that old and new readers survive."""


class SchemaIdTaken(NamedError):
    """The registry's ids are not the committed ones. Use one of printledger's own; an embedded one's folder can go."""


class RegistryAnswer(NamedError):
    """The registry answered a request with an error that is not about compatibility. Its answer follows."""


class Registry:
    """A client of the registry at `url`, which may carry a name and a password. Close it, or use it in a `with`."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        address = address_of(url)
        self._url = address.url.rstrip("/")
        self._client = httpx.Client(
            auth=(address.username, address.password) if address.username else None,
            timeout=timeout_seconds,
            headers={"content-type": MEDIA_TYPE},
            limits=httpx.Limits(max_connections=CONNECTIONS),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def subjects(self) -> list[str]:
        """Every subject that the registry knows."""
        found: list[str] = self._ask("GET", "/subjects").json()
        return found

    def set_compatibility(self, level: str, subject: str | None = None) -> None:
        """Set the rule of one subject, or of all that have none of their own. Apicurio enforces nothing before."""
        path = "/config" if subject is None else f"/config/{quote(subject, safe='')}"
        self._ask("PUT", path, {"compatibility": level})

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema under a subject, registered if it is new. Raises SchemaRefused."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        schema_id: int = self._ask("POST", path, {"schema": schema, "schemaType": "AVRO"}, subject).json()["id"]
        return schema_id

    def id_of(self, subject: str, schema: str) -> int | None:
        """The id of a schema that is registered under a subject; None where it is not."""
        answer = self._send("POST", f"{API}/subjects/{quote(subject, safe='')}", {"schema": schema})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        schema_id: int = self._checked(answer, subject).json()["id"]
        return schema_id

    def holdings(self) -> Holdings | None:
        """All subjects with their schemas; None where the registry has no export, as those of other makes."""
        answer = self._send("GET", EXPORT_PATH, accept="application/zip")
        if not answer.is_success or len(answer.content) > EXPORT_BYTES_MAX:
            return None
        try:
            return read_export(answer.content)
        except ExportUnreadable:
            return None

    def number(self, texts: Mapping[int, str]) -> None:
        """Give schemas that no subject has yet their ids, in a registry that has `holdings`. Raises SchemaIdTaken."""
        self._checked(
            self._send_bytes("POST", IMPORT_PATH, contents_archive(texts), {"content-type": "application/zip"})
        )
        for schema_id, text in texts.items():
            # An import leaves out what is there already, and does not say so.
            held = self._send("GET", CONTENT_PATH.format(schema_id))
            if held.content != text.encode():
                raise SchemaIdTaken(f"schema id {schema_id}: {SchemaIdTaken.__doc__}")

    def _ask(self, method: str, path: str, body: Any = None, subject: str = "") -> httpx.Response:
        return self._checked(self._send(method, API + path, body), subject)

    def _send(self, method: str, path: str, body: Any = None, accept: str = "*/*") -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        return self._send_bytes(method, path, content, {"accept": accept})

    def _send_bytes(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> httpx.Response:
        try:
            return self._client.request(method, self._url + path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise RegistryUnreachable(f"{self._url}: {RegistryUnreachable.__doc__} ({error})") from error

    def _checked(self, answer: httpx.Response, subject: str = "") -> httpx.Response:
        if answer.status_code == httpx.codes.CONFLICT:
            raise SchemaRefused(f"{subject}: {SchemaRefused.__doc__} {answer.text[:2000]}")
        if answer.is_error:
            request = f"{answer.request.method} {answer.request.url.path}"
            raise RegistryAnswer(f"{request}: {answer.status_code} {answer.text[:2000]}")
        return answer


def ensure_schemas(registry: Registry, committed: Sequence[CommittedSchema], tenants: Iterable[str] = ()) -> int:
    """Register what is missing and check that every id is the committed one; returns how many were new.

    Raises SchemaRefused, SchemaIdTaken or RegistryUnreachable.
    """
    registry.set_compatibility(FACT_COMPATIBILITY)
    wanted = [(schema, subjects_for(schema, tenants)) for schema in sorted(committed, key=lambda s: s.schema_id)]
    held = registry.holdings()
    missing = _missing(registry, held, wanted)
    if held:
        # An empty registry counts as we do, and a new data folder should not wait for an import.
        texts = {number: json.loads(text) for known in held.values() for number, text in known.items()}
        wanting = {number for _, number in missing}
        new = [schema for schema in committed if schema.schema_id in wanting]
        if unknown := {s.schema_id: s.text for s in new if texts.get(s.schema_id) != json.loads(s.text)}:
            registry.number(unknown)
    firsts = [(subjects[0], schema) for schema, subjects in wanted if (subjects[0], schema.schema_id) in missing]
    others = [
        (subject, schema)
        for schema, subjects in wanted
        for subject in subjects[1:]
        if (subject, schema.schema_id) in missing
    ]
    for subject, schema in firsts + others:
        level = compatibility_of(subject)
        if level != FACT_COMPATIBILITY:
            registry.set_compatibility(level, subject)
        _check_id(subject, schema, registry.register(subject, schema.text))
    return len(firsts) + len(others)


def subjects_for(schema: CommittedSchema, tenants: Iterable[str]) -> tuple[str, ...]:
    """A schema's subjects; a store's own topic has one for each tenant beside the committed one."""
    of_tenants = tuple(
        subject.replace(STORE_TOPIC, f"stores.{tenant}.orders.v1-", 1)
        for subject in schema.subjects
        if subject.startswith(STORE_TOPIC)
        for tenant in tenants
    )
    return schema.subjects + of_tenants


def _missing(
    registry: Registry, held: Holdings | None, wanted: Sequence[tuple[CommittedSchema, tuple[str, ...]]]
) -> set[tuple[str, int]]:
    """Which (subject, committed id) are not registered yet. Raises SchemaIdTaken for one that stands otherwise."""
    pairs = [(subject, schema) for schema, subjects in wanted for subject in subjects]
    found = _ids_one_by_one(registry, pairs) if held is None else [_id_in(held, *pair) for pair in pairs]
    missing = set()
    for (subject, schema), schema_id in zip(pairs, found, strict=True):
        if schema_id is None:
            missing.add((subject, schema.schema_id))
        else:
            _check_id(subject, schema, schema_id)
    return missing


def _id_in(held: Holdings, subject: str, schema: CommittedSchema) -> int | None:
    content = json.loads(schema.text)
    return next((number for number, text in held.get(subject, {}).items() if json.loads(text) == content), None)


def _ids_one_by_one(registry: Registry, pairs: Sequence[tuple[str, CommittedSchema]]) -> list[int | None]:
    known = set(registry.subjects())
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(lambda p: registry.id_of(p[0], p[1].text) if p[0] in known else None, pairs))


def _check_id(subject: str, schema: CommittedSchema, found: int) -> None:
    if found != schema.schema_id:
        raise SchemaIdTaken(
            f"{subject}: the registry says {found}, schemas/ids.json says {schema.schema_id}. {SchemaIdTaken.__doc__}"
        )

"""Headers: CloudEvents in binary mode, trace context and the ledger's own."""

import pytest

from events.envelope import CommandEnvelope, FactEnvelope, HeaderMissing, traceparent_of

COMMAND = CommandEnvelope(
    command_id="c-1",
    key="order-1",
    tenant="demo",
    command_type="CancelOrder",
    sent_at=1_790_000_000_000,
    actor="store:demo-rest",
    causation_id="webhook-1",
    correlation_id="corr-1",
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
)
FACT = FactEnvelope(
    key="order-1",
    tenant="demo",
    fact_type="OrderCancelled",
    seq=7,
    position=70,
    recorded_at=1_790_000_000_001,
    actor="store:demo-rest",
    causation_id="c-1",
    correlation_id="corr-1",
    source_offset=41,
    traceparent="",
)


def test_a_commands_headers_read_back_as_they_were() -> None:
    assert CommandEnvelope.from_headers(COMMAND.to_headers()) == COMMAND


def test_a_facts_headers_read_back_as_they_were_with_the_hash_that_the_ledger_adds() -> None:
    read = FactEnvelope.from_headers([*FACT.to_headers(), ("hash", b"\x01" * 32)])
    assert (read.hash, read.event_id) == (b"\x01" * 32, "order-1.7")
    assert read.seq == 7
    assert read.position == 70
    assert read.source_offset == 41


def test_headers_follow_cloudevents() -> None:
    names = [name for name, _ in FACT.to_headers()]
    assert names[:6] == ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time"]
    assert dict(FACT.to_headers())["ce_id"] == b"order-1.7"


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "tenant"])
def test_a_command_without_a_header_that_it_needs_is_named(name: str) -> None:
    headers = [header for header in COMMAND.to_headers() if header[0] != name]
    with pytest.raises(HeaderMissing, match=name):
        CommandEnvelope.from_headers(headers)


@pytest.mark.parametrize("name", ["seq", "position", "causation_id", "source_offset", "hash", "ce_time"])
def test_a_fact_without_a_header_that_it_needs_is_named(name: str) -> None:
    headers = [header for header in [*FACT.to_headers(), ("hash", b"h")] if header[0] != name]
    with pytest.raises(HeaderMissing, match=name):
        FactEnvelope.from_headers(headers)


@pytest.mark.parametrize(
    "headers",
    [None, [], [("ce_time", b"yesterday")], [("ce_id", b"\xff\xfe")], [("ce_id", None)]],
)
def test_headers_that_cannot_be_read_are_named(headers: list[tuple[str, bytes]] | None) -> None:
    with pytest.raises(HeaderMissing):
        CommandEnvelope.from_headers(headers)


def test_trace_and_causes_are_optional_for_a_command() -> None:
    needed = {"ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "tenant"}
    read = CommandEnvelope.from_headers([header for header in COMMAND.to_headers() if header[0] in needed])
    assert (read.causation_id, read.correlation_id, read.traceparent) == ("", "", "")


TRACE = COMMAND.traceparent


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (TRACE, TRACE),
        (f"01{TRACE[2:]}-more", f"01{TRACE[2:]}"),
        ("", ""),
        (TRACE[:-1], ""),
        (TRACE + "0", ""),
        (TRACE.upper(), ""),
        ("ff" + TRACE[2:], ""),
        (TRACE.replace("a", "0"), ""),
        (TRACE.replace("b", "0"), ""),
        (TRACE.replace("a", "\N{LATIN SMALL LETTER A WITH ACUTE}"), ""),
        (TRACE + "\n", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_trace_context_is_kept_where_it_is_one(header: str, kept: str) -> None:
    assert traceparent_of(header) == kept

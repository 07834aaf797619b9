"""Stored webhooks are read once more, on the real broker: a word that was unknown is known by the mended map."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import pytest

from infra import intake, postgres
from infra.replaying import NoSuchPartner, Replayed, replay
from infra.senders import KafkaRecordLog
from infra.settings import Settings
from processors.clock import now_ms
from processors.inbound.raw import RAW_TOPIC, RawDelivery, pack
from processors.partners.protocol import PartnerReport, Vouched
from processors.webhooks import WebhookUnreadable
from tests.integration.command_line import typed
from tests.integration.worker_bench import Workbench

pytestmark = pytest.mark.stack

ORDER = "0c4b5f6e-2222-5222-8222-222222222222"
REPORT = PartnerReport(
    effect_key="k1",
    raw_status="awaiting_thread",
    canonical="printing",
    rank=20,
    partner_timestamp_at=7,
    partner_event_id="os_1",
    provenance="gelato/v4/map-2",
)


class Mended:
    """An adapter whose map knows the word now."""

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        return Vouched(reports=reports)

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        if body == b"garbled":
            raise WebhookUnreadable
        if body == b"a bug":
            raise KeyError(body)
        if body == b"stranger":
            return (msgspec.structs.replace(REPORT, effect_key="of nobody"),)
        return (msgspec.structs.replace(REPORT, partner_event_id=body.decode()),)


def store(settings: Settings, *deliveries: tuple[str, bytes]) -> None:
    """Append these partners' webhooks to the raw topic, as the API does."""

    async def append(log: KafkaRecordLog, vault: Any) -> None:
        for name, body in deliveries:
            delivery = RawDelivery(
                kind="partner", name=name, event_id=body.decode(), headers={}, body=body, received_at=now_ms()
            )
            value, headers = pack(vault, delivery)
            await log.append(RAW_TOPIC, delivery.source, value, headers)

    with (
        postgres.pool(settings.database_url, settings, name="test") as pool,
        KafkaRecordLog.connect(settings, "test") as log,
    ):
        asyncio.run(append(log, intake.vault(settings, pool)))


def known_effect(database_url: str) -> None:
    """The effect that the reports are about."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        effect = ("demo", "k1", ORDER, "submit", "1", 1, "", "gelato", [1], 1)
        connection.execute("INSERT INTO effects VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", effect)


def test_only_the_partners_own_webhooks_are_read_again_and_become_reports_by_the_mended_map(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    known_effect(database_url)
    store(settings, ("gelato", b"os_1"), ("press-east", b"x"), ("gelato", b"os_2"))
    partners: Any = {"gelato": Mended()}

    found = asyncio.run(replay(settings, partners, "gelato", 0))
    again = asyncio.run(replay(settings, partners, "gelato", 0))

    assert found == again == Replayed(records=3, webhooks=2)
    reports = Workbench(settings).reports()
    assert [report.command.canonical for report in reports] == ["printing"] * 4  # type: ignore[attr-defined]
    assert len({report.envelope.command_id for report in reports}) == 2, "a replay of a replay is nothing new"


def test_what_cannot_be_read_or_used_is_counted_again_and_kept_no_second_time(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    # given: webhooks that became a dead letter or were parked when they came, and one that is fine
    known_effect(database_url)
    store(settings, ("gelato", b"garbled"), ("gelato", b"a bug"), ("gelato", b"stranger"), ("gelato", b"os_1"))
    partners: Any = {"gelato": Mended()}
    # when
    found = asyncio.run(replay(settings, partners, "gelato", 0))
    again = asyncio.run(replay(settings, partners, "gelato", 0))
    # then
    assert found == again == Replayed(records=4, webhooks=4, unreadable=1, undecided=1, failed=1)
    assert len(Workbench(settings).reports()) == 2, "the one that is fine is reported each time"
    assert Workbench(settings).records(f"dlq.{RAW_TOPIC}") == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM parked_records").fetchone() == (0,)


def test_the_command_says_how_many_webhooks_could_not_be_read_and_ends_with_exit_code_1(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    store(settings, ("press-east", b"garbled"), ("gelato", b"os_1"))
    told = typed(settings, "partner", "replay", "press-east")
    assert told.exit_code == 1
    assert "1 webhooks of press-east were read again, of 2 deliveries in all." in told.output
    assert "1 of them cannot be read" in told.output


def test_a_topic_without_webhooks_is_read_to_its_end(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    partners: Any = {"gelato": Mended()}
    assert asyncio.run(replay(settings, partners, "gelato", 0)) == Replayed(records=0, webhooks=0)


def test_a_partner_without_an_adapter_is_named(settings: Settings) -> None:
    with pytest.raises(NoSuchPartner, match="nobody"):
        asyncio.run(replay(settings, {}, "nobody", 0))

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


def test_only_the_partners_own_webhooks_are_read_again_and_become_reports_by_the_mended_map(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        effect = ("demo", "k1", ORDER, "submit", "1", 1, "", "gelato", [1], 1)
        connection.execute("INSERT INTO effects VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", effect)
    store(settings, ("gelato", b"os_1"), ("press-east", b"x"), ("gelato", b"os_2"))
    partners: Any = {"gelato": Mended()}

    found = asyncio.run(replay(settings, partners, "gelato", 0))
    again = asyncio.run(replay(settings, partners, "gelato", 0))

    assert found == again == Replayed(records=3, webhooks=2)
    reports = Workbench(settings).reports()
    assert [report.command.canonical for report in reports] == ["printing"] * 4  # type: ignore[attr-defined]
    assert len({report.envelope.command_id for report in reports}) == 2, "a replay of a replay is nothing new"


def test_a_topic_without_webhooks_is_read_to_its_end(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    partners: Any = {"gelato": Mended()}
    assert asyncio.run(replay(settings, partners, "gelato", 0)) == Replayed(records=0, webhooks=0)


def test_a_partner_without_an_adapter_is_named(settings: Settings) -> None:
    with pytest.raises(NoSuchPartner, match="nobody"):
        asyncio.run(replay(settings, {}, "nobody", 0))

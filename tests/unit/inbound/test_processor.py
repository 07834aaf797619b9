"""The inbound processor: each record ends in commands, in "nothing to do", parked, or on the dead-letter topic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from events.codec import Codec
from events.documents import PublishedAddress, PublishedArea, PublishedLine, StoreOrderPublished
from events.identity import order_id as order_id_of
from events.order.commands import (
    CancelOrder,
    HoldOrder,
    ObserveStoreOrder,
    ReportPartnerStatus,
    ReportTracking,
)
from processors import personal
from processors.carriers.protocol import TrackingPlace, TrackingReport
from processors.inbound.assemble import OrderAssembler
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.processor import PARKED_MAX_MS, InboundPorts, InboundProcessor
from processors.inbound.raw import RAW_TOPIC, RawDelivery, pack
from processors.partners.protocol import Defect, PartnerReport, QualityReport, Vouched
from processors.ports import ConsumedRecord, StoreConnection
from processors.webhooks import WebhookUnreadable
from projections.rows import Effect
from tests.unit.inbound.doubles import (
    ARTWORK,
    MemoryEffects,
    MemoryLog,
    MemoryParking,
    MemorySkuMap,
    MemoryVault,
    SentCommands,
    Stores,
    connection,
)
from tests.unit.inbound.test_shopify import body

ORDER_ID = order_id_of("demo", "demo-shopify", "820982911946154508")
RUN = Effect(
    effect_key="k1",
    tenant="demo",
    order_id=ORDER_ID,
    kind="submit",
    who="press-east",
    line_id="1",
    run=1,
    parcel_id="",
    units=(1, 2),
    attempt=1,
)
PARCEL = msgspec.structs.replace(RUN, effect_key="k2", kind="label", line_id="", run=0, units=(), parcel_id="p1")


class Told:
    """A partner or carrier whose webhook bodies say which prepared report they mean."""

    def __init__(self, **told: Any) -> None:
        self.told = told
        self.doubt = ""

    def parse_webhook(self, raw: bytes) -> tuple[Any, ...]:
        if raw not in (b"one", b"two", b"both"):
            raise WebhookUnreadable("not one of the prepared bodies")
        return tuple(self.told.values()) if raw == b"both" else (self.told[raw.decode()],)

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """Believe what was prepared as `doubt` says: nothing while it is set."""
        return Vouched(reports=() if self.doubt else reports, doubt=self.doubt)


class World:
    """An inbound processor with everything around it in memory."""

    def __init__(self, *stores: StoreConnection, **senders: Any) -> None:
        self.vault = MemoryVault()
        self.log = MemoryLog()
        self.commands = SentCommands()
        self.parking = MemoryParking()
        self.effects = MemoryEffects()
        self.codec = Codec()
        self.offset = 0
        self.asked: list[str] = []
        self.processor = InboundProcessor(
            InboundPorts(
                vault=self.vault,
                codec=self.codec,
                stores=Stores(*(stores or (connection(),))),
                assembler=OrderAssembler(self.vault, MemorySkuMap("MUG-W")),
                effects=self.effects,
                partners=senders.get("partners", {}),
                carriers=senders.get("carriers", {}),
                commands=self.commands,
                parked=self.parking,
                dead_letters=DeadLetters(self.log, self.vault, "inbound"),
                now_ms=lambda: self.parking.now,
                ask_for_offers=self.asked.append,
            )
        )

    def deliver(
        self, kind: str, name: str, raw: bytes, headers: Mapping[str, str] | None = None, event_id: str = "e1"
    ) -> None:
        delivery = RawDelivery(kind=kind, name=name, event_id=event_id, headers=headers or {}, body=raw, received_at=1)
        value, record_headers = pack(self.vault, delivery)
        self.handle(RAW_TOPIC, value, record_headers)

    def shopify(
        self, order: dict[str, Any], topic: str = "orders/create", event_id: str = "e1", store: str = "demo-shopify"
    ) -> None:
        self.deliver("shopify", store, json.dumps(order).encode(), {"x-shopify-topic": topic}, event_id)

    def handle(self, topic: str, value: bytes | None, headers: Any = ()) -> None:
        self.offset += 1
        record = ConsumedRecord(
            topic=topic, partition=0, offset=self.offset, key=b"k", value=value, headers=tuple(headers)
        )
        asyncio.run(self.processor.handle(record))

    def observed(self) -> ObserveStoreOrder:
        command = self.commands.sent[-1][0]
        assert isinstance(command, ObserveStoreOrder)
        return command

    def buried_reasons(self) -> list[str]:
        return [headers["__connect.errors.exception.class.name"].decode() for *_, headers in self.log.records]


def published_order(**changes: Any) -> StoreOrderPublished:
    fields: dict[str, Any] = {
        "store": "demo-kafka",
        "external_id": "A-1",
        "placed_at": 1,
        "updated_at": 2,
        "currency": "eur",
        "address": PublishedAddress(name="Ann Example", address1="1 Demo Street", city="Berlin", country="DE"),
        "lines": (
            PublishedLine(
                line_id="1", sku="MUG-W", quantity=2, unit_price_minor=900, areas=(PublishedArea(text="Ann"),)
            ),
        ),
    }
    return StoreOrderPublished(**(fields | changes))


def test_a_store_webhook_becomes_an_observed_order_with_its_buyer_sealed() -> None:
    world = World()
    properties = [{"name": "Text", "value": "For Ann"}, {"name": "artwork", "value": "https://x.example/a.png"}]
    world.shopify(body(line_items=[body()["line_items"][0] | {"properties": properties}]))

    ((command, envelope),) = world.commands.sent
    order = world.observed().order
    assert envelope.key == ORDER_ID
    assert (envelope.tenant, envelope.actor) == ("demo", "store:demo-shopify")
    assert envelope.command_type == "ObserveStoreOrder"
    assert order.lines[0].artwork == ARTWORK
    assert (order.country, order.region, order.postal_prefix) == ("US", "KY", "402")
    assert not order.address_missing
    encoded = world.codec.encode(command)
    for personal_text in (b"Ann", b"Demo Street", b"ann@example.com", b"40202", b"x.example"):
        assert personal_text not in encoded

    recipient = personal.open_recipient(world.vault, "demo", ORDER_ID, order.recipient)
    assert (recipient.name, recipient.email) == ("Ann Example", "ann@example.com")
    only = order.lines[0]
    assert personal.open_text(world.vault, "demo", ORDER_ID, "text:1", only.contents[0].text) == "For Ann"
    assert (
        personal.open_text(world.vault, "demo", ORDER_ID, "artwork_url:1", only.contents[0].artwork_url)
        == "https://x.example/a.png"
    )
    assert world.vault.orders_of_person("demo", "ann@example.com") == [ORDER_ID]


def test_the_same_event_delivered_twice_has_the_same_command_id_and_another_event_has_not() -> None:
    world = World()
    world.shopify(body(), event_id="e1")
    world.shopify(body(), event_id="e1")
    world.shopify(body(), event_id="e2")
    ids = [envelope.command_id for _, envelope in world.commands.sent]
    assert ids[0] == ids[1] != ids[2]


def test_equal_content_has_equal_digests_and_a_changed_text_another() -> None:
    world = World()
    digests = []
    for text in ("Ann", "Ann", "Bob"):
        world.shopify(body(line_items=[body()["line_items"][0] | {"properties": [{"name": "text", "value": text}]}]))
        order = world.observed().order
        digests.append((order.lines[0].content_digest, order.recipient_digest))
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[2][0]
    assert digests[0][1] == digests[2][1]


def test_a_line_whose_sku_is_not_mapped_says_so_in_the_command() -> None:
    world = World()
    world.shopify(body(line_items=[body()["line_items"][0] | {"sku": None}]))
    only = world.observed().order.lines[0]
    assert (only.sku, only.artwork) == ("variant:77", None)


def test_an_order_without_an_address_says_so_in_the_command() -> None:
    world = World()
    world.shopify(body(shipping_address=None))
    assert world.observed().order.address_missing
    assert world.observed().order.country == ""


def test_a_test_order_is_held_unless_the_store_prints_them() -> None:
    world = World()
    world.shopify(body(test=True))
    assert [type(command) for command, _ in world.commands.sent] == [ObserveStoreOrder, HoldOrder]
    printing = World(connection(shopify={"print_test_orders": True}))
    printing.shopify(body(test=True))
    assert [type(command) for command, _ in printing.commands.sent] == [ObserveStoreOrder]


def test_the_policy_of_the_store_goes_into_the_order() -> None:
    world = World(connection(policy={"approval": "when_clean", "attempts_max": 2}))
    world.shopify(body())
    policy = world.observed().order.policy
    assert (policy.approval, policy.attempts_max) == ("when_clean", 2)


def test_a_deleted_order_is_cancelled() -> None:
    world = World()
    world.shopify({"id": 820982911946154508}, "orders/delete")
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, CancelOrder)
    assert envelope.key == ORDER_ID


def test_what_asks_for_nothing_leaves_nothing_behind() -> None:
    world = World()
    world.shopify({"order_edit": {}}, "orders/edited")
    assert world.commands.sent == []
    assert world.log.records == []


def test_an_erased_order_is_not_taken_in_again() -> None:
    world = World()
    world.vault.erase("demo", ORDER_ID)
    world.shopify(body())
    assert world.commands.sent == []
    assert world.log.records == []


def test_an_order_that_cannot_be_read_is_dead_lettered_with_the_reason_and_its_bytes() -> None:
    world = World()
    world.shopify(body(currency=None))
    ((topic, _, value, headers),) = world.log.records
    assert topic == "dlq.pod.inbound.raw.v1"
    assert headers["__connect.errors.exception.class.name"] == b"FieldMissing"
    assert b"currency is missing" in headers["__connect.errors.exception.message"]
    assert headers["__connect.errors.offset"] == b"1"
    raw = msgspec.msgpack.decode(world.vault.open_daily("raw", "shopify/demo-shopify", value), type=RawDelivery)
    assert json.loads(raw.body)["name"] == "#9999"


def test_a_store_that_is_not_connected_any_more_is_a_dead_letter_and_not_a_loss() -> None:
    world = World()
    world.shopify(body(), store="gone")
    assert world.buried_reasons() == ["SenderUnknown"]


@pytest.mark.parametrize("value", [None, b"", b"rubbish"])
def test_bytes_on_the_raw_topic_that_nobody_sealed_are_dead_lettered(value: bytes | None) -> None:
    world = World()
    world.handle(RAW_TOPIC, value, [("ce_source", b"shopify/demo-shopify")])
    world.handle(RAW_TOPIC, value)
    assert len(world.log.records) == 2


def test_an_order_on_a_stores_own_topic_becomes_the_same_command() -> None:
    world = World(connection("demo-kafka"))
    value = world.codec.encode(published_order())
    world.handle("stores.demo.orders.v1", value)
    world.handle("stores.demo.orders.v1", value)
    (_, first), (_, second) = world.commands.sent
    assert first.key == order_id_of("demo", "demo-kafka", "A-1")
    assert first.command_id == second.command_id
    order = world.observed().order
    assert (order.currency, order.total_minor, order.order_number) == ("EUR", 1800, "A-1")
    assert b"Ann" not in world.codec.encode(world.observed())


@pytest.mark.parametrize(
    ("topic", "order", "reason"),
    [
        ("stores.other.orders.v1", published_order(), "ForeignStore"),
        ("stores.demo.orders.v1", published_order(store="elsewhere"), "ForeignStore"),
        ("stores.a.b.orders.v1", published_order(), "SenderUnknown"),
        ("stores.demo.orders.v1", published_order(lines=()), "FieldMissing"),
        ("stores.demo.orders.v1", published_order(external_id=""), "FieldMissing"),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="1", sku="A", quantity=0),)),
            "FieldNotUsable",
        ),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="../1", sku="A", quantity=1),)),
            "FieldNotUsable",
        ),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="1", sku="A", quantity=1),) * 2),
            "FieldNotUsable",
        ),
    ],
)
def test_a_published_order_that_cannot_be_used_is_dead_lettered_sealed(
    topic: str, order: StoreOrderPublished, reason: str
) -> None:
    world = World(connection("demo-kafka"))
    value = world.codec.encode(order)
    world.handle(topic, value)
    assert world.commands.sent == []
    assert world.buried_reasons() == [reason]
    ((dlq, _, sealed, _),) = world.log.records
    assert dlq == f"dlq.{topic}"
    assert b"Ann Example" not in sealed
    assert world.vault.open_daily("dlq", dlq, sealed) == value


@pytest.mark.parametrize("value", [None, b"", b"not avro", b"\x00\x00\x00\x00\x01rubbish", b"\x00\x7f\xff\xff\xff"])
def test_bytes_on_a_stores_topic_that_are_no_order_are_dead_lettered(value: bytes | None) -> None:
    world = World(connection("demo-kafka"))
    world.handle("stores.demo.orders.v1", value)
    assert len(world.log.records) == 1


def partner_report(effect_key: str = "k1", **changes: Any) -> PartnerReport:
    fields: dict[str, Any] = {
        "effect_key": effect_key,
        "raw_status": "printed",
        "canonical": "printed",
        "rank": 50,
        "partner_timestamp_at": 7,
        "partner_event_id": "pe1",
        "provenance": "print_shop/1",
    }
    return PartnerReport(**(fields | changes))


def test_a_partners_status_becomes_a_report_on_its_run() -> None:
    defect = Defect(unit=2, code="misregistered", detail="3 mm off")
    report = partner_report(quality=QualityReport(passed=False, defects=(defect,)))
    world = World(partners={"press-east": Told(one=report)})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-east", b"one")
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportPartnerStatus)
    assert (command.line_id, command.run, command.canonical, command.rank) == ("1", 1, "printed", 50)
    assert command.quality is not None
    assert (command.quality.passed_units, command.quality.failed_units) == ((1,), (2,))
    assert command.quality.defects[0].description == "unit 2: 3 mm off"
    assert (envelope.key, envelope.tenant, envelope.actor) == (ORDER_ID, "demo", "partner:press-east")


def test_a_status_word_that_is_not_known_is_passed_on_as_it_came() -> None:
    world = World(partners={"press-east": Told(one=partner_report(raw_status="odd", canonical=None, rank=0))})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-east", b"one")
    command = world.commands.sent[0][0]
    assert isinstance(command, ReportPartnerStatus)
    assert (command.raw, command.canonical) == ("odd", "")


def test_a_webhook_about_stock_has_the_partner_asked_and_is_no_dead_letter_whatever_its_shape() -> None:
    # given
    world = World(partners={"printful": Told()})
    # when: Printful's own shape, in which `data` is a list
    world.deliver("partner", "printful", b'{"type": "catalog_stock_updated", "data": [{"catalog_variant_id": 4011}]}')
    # then
    assert world.asked == ["printful"]
    assert world.commands.sent == []
    assert world.buried_reasons() == []


def test_what_a_partner_does_not_vouch_for_waits_until_it_does() -> None:
    partner = Told(one=partner_report())
    partner.doubt = "it was asked and does not say so"
    world = World(partners={"gelato": partner})
    world.effects.known["k1"] = msgspec.structs.replace(RUN, who="gelato")
    world.deliver("partner", "gelato", b"one")
    assert world.commands.sent == []
    assert len(world.parking.parked) == 1
    partner.doubt = ""
    world.parking.now = 2_000
    asyncio.run(world.processor.retry_parked())
    assert [type(command).__name__ for command, _ in world.commands.sent] == ["ReportPartnerStatus"]
    assert world.parking.parked == {}


def test_what_a_partner_never_vouches_for_is_a_dead_letter_in_the_end() -> None:
    partner = Told(one=partner_report())
    partner.doubt = "it was asked and does not say so"
    world = World(partners={"gelato": partner})
    world.deliver("partner", "gelato", b"one")
    world.parking.now = 4 * 86_400_000
    asyncio.run(world.processor.retry_parked())
    assert world.commands.sent == []
    assert world.buried_reasons() == ["NotVouchedFor"]


def test_a_report_on_another_partners_run_changes_nothing() -> None:
    world = World(partners={"press-west": Told(one=partner_report())})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-west", b"one")
    assert world.commands.sent == []
    assert world.buried_reasons() == ["NotTheirs"]


def test_a_report_that_overtook_its_run_waits_and_is_used_when_the_run_is_known() -> None:
    reports = Told(one=partner_report(), two=partner_report("k9", partner_event_id="pe2"))
    world = World(partners={"press-east": reports})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-east", b"both")
    # The one whose run is known went at once; the record is kept for the other.
    assert len(world.commands.sent) == 1
    assert len(world.parking.parked) == 1
    assert asyncio.run(world.processor.retry_parked()) == 0

    world.parking.now = 1_000
    assert asyncio.run(world.processor.retry_parked()) == 1
    assert len(world.parking.parked) == 1

    world.effects.known["k9"] = msgspec.structs.replace(RUN, effect_key="k9", run=2)
    world.parking.now = 10_000
    asyncio.run(world.processor.retry_parked())
    assert world.parking.parked == {}
    runs = {command.run for command, _ in world.commands.sent if isinstance(command, ReportPartnerStatus)}
    assert runs == {1, 2}
    assert len({envelope.command_id for _, envelope in world.commands.sent}) == 2


def test_a_report_on_something_that_never_comes_ends_as_a_dead_letter() -> None:
    world = World(partners={"press-east": Told(one=partner_report("never"))})
    world.deliver("partner", "press-east", b"one")
    world.parking.now = PARKED_MAX_MS
    asyncio.run(world.processor.retry_parked())
    assert world.parking.parked == {}
    assert world.buried_reasons() == ["SubjectUnknown"]


def test_a_webhook_body_that_the_adapter_cannot_read_is_dead_lettered() -> None:
    world = World(partners={"press-east": Told()}, carriers={"easypost": Told()})
    world.deliver("partner", "press-east", b"nonsense")
    world.deliver("carrier", "easypost", b"nonsense")
    world.deliver("partner", "nobody", b"one")
    world.deliver("carrier", "nobody", b"one")
    world.deliver("pigeon", "nobody", b"one")
    assert world.buried_reasons() == ["WebhookUnreadable"] * 2 + ["SenderUnknown"] * 3


def test_a_carriers_state_finds_its_parcel_by_reference_or_number() -> None:
    report = TrackingReport(
        effect_key=None,
        tracking_number="EZ1",
        carrier_reference="shp_1",
        carrier_code="USPS",
        raw_status="delivered",
        canonical="delivered",
        rank=50,
        carrier_timestamp_at=9,
        tracking_event_id="t1",
        place=TrackingPlace(city="Louisville", country="US"),
        provenance="easypost/2",
    )
    world = World(carriers={"easypost": Told(one=report)})
    world.effects.tracked["shp_1"] = PARCEL
    world.deliver("carrier", "easypost", b"one")
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportTracking)
    assert (command.parcel_id, command.canonical, command.place) == ("p1", "delivered", "Louisville, US")
    assert envelope.actor == "carrier:easypost"

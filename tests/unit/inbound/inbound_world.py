"""An inbound processor with everything around it in memory, and partners whose webhooks say what is prepared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from events.codec import Codec
from events.identity import order_id as order_id_of
from events.order.commands import (
    ObserveStoreOrder,
)
from processors.inbound.assemble import OrderAssembler
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.processor import InboundPorts, InboundProcessor
from processors.inbound.raw import RAW_TOPIC, RawDelivery, pack
from processors.partners.protocol import PartnerReport, Vouched
from processors.ports import ConsumedRecord, StoreConnection
from processors.webhooks import WebhookUnreadable
from projections.rows import Effect
from tests.unit.inbound.doubles import (
    MemoryEffects,
    MemoryLog,
    MemoryParking,
    MemorySkuMap,
    MemoryVault,
    NewestOrders,
    SentCommands,
    Stores,
    connection,
)

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
        self.asked_about: tuple[PartnerReport, ...] = ()

    def parse_webhook(self, raw: bytes) -> tuple[Any, ...]:
        if raw not in (b"one", b"two", b"both"):
            raise WebhookUnreadable("not one of the prepared bodies")
        return tuple(self.told.values()) if raw == b"both" else (self.told[raw.decode()],)

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """Believe what was prepared as `doubt` says: nothing while it is set."""
        self.asked_about = reports
        return Vouched(reports=() if self.doubt else reports, doubt=self.doubt)


class World:
    """An inbound processor with everything around it in memory."""

    def __init__(self, *stores: StoreConnection, **senders: Any) -> None:
        self.vault = MemoryVault()
        self.log = MemoryLog()
        self.commands = SentCommands()
        self.parking = MemoryParking()
        self.effects = MemoryEffects()
        self.store_orders = NewestOrders()
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
                store_orders=self.store_orders,
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

    def retry_parked(self) -> int:
        """Handle the parked records whose time has come, as the inbound process does; returns how many they are."""

        async def retried() -> int:
            due = await self.processor.parked_due()
            for record, parked_at in due:
                await self.processor.handle(record, parked_at=parked_at)
            return len(due)

        return asyncio.run(retried())

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

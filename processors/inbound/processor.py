"""The inbound processor: raw webhooks and stores' own records become commands, once each.

Consumes `pod.inbound.raw.v1` and `stores.<tenant>.orders.v1`. Each record ends in exactly one of: commands
on an intake topic, "nothing to do" in the log, the parking table (a report whose subject is not known yet), or
the dead-letter topic with the reason. Command ids are derived from what was sent, so a record that is
consumed twice changes nothing. What cannot be reached (database, broker) raises, and the record is not
committed: it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from events.codec import Codec, Undecodable
from events.documents import StoreOrderPublished
from events.envelope import CommandEnvelope, traceparent_of
from events.identity import command_id
from events.identity import order_id as order_id_of
from events.order import commands as order_commands
from processors.carriers.protocol import Carrier
from processors.catalogue.news import tells_of_offers
from processors.inbound import published, reports, shopify, shopify_notices
from processors.inbound.assemble import OrderAssembler, store_options
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.raw import RAW_TOPIC, RawDelivery, RawUnreadable, unpack
from processors.inbound.reading import FieldNotUsable, InputNotUsable, NothingToDo, ReadOrder
from processors.inbound.reports import Addressed, SubjectUnknown
from processors.partners.protocol import PrintPartner
from processors.ports import (
    CommandSender,
    ConsumedRecord,
    Effects,
    NamedError,
    ParkedRecords,
    StoreConnection,
    StoreConnections,
    StoreOrders,
    Vault,
    VaultError,
)
from processors.webhooks import WebhookError

Report = TypeVar("Report")

log = structlog.get_logger(__name__)

#: A report whose subject is not known is tried again after a second, then after twice as long each time.
RETRY_FIRST_MS = 1_000
RETRY_WAIT_MAX_MS = 600_000
#: Partners and carriers retry their webhooks for days; so long a report may wait for its subject.
PARKED_MAX_MS = 3 * 86_400_000
PARKED_BATCH = 100


class SenderUnknown(InputNotUsable):
    """The delivery comes from a store, partner or carrier that is not configured here any more."""


class NotVouchedFor(NamedError):
    """The partner does not say the same when it is asked. Its webhook is kept, and the partner is asked again."""


@dataclass(frozen=True)
class Translated:
    """What a record became; `waiting` is set while part of it cannot be used yet."""

    addressed: list[Addressed]
    waiting: SubjectUnknown | NotVouchedFor | None = None


@dataclass(frozen=True, kw_only=True)
class InboundPorts:
    """Everything that the processor works with."""

    vault: Vault
    codec: Codec
    stores: StoreConnections
    assembler: OrderAssembler
    effects: Effects
    store_orders: StoreOrders
    partners: Mapping[str, PrintPartner]
    carriers: Mapping[str, Carrier]
    commands: CommandSender
    parked: ParkedRecords
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    #: Has a partner asked for its offers soon. May block.
    ask_for_offers: Callable[[str], None]


class InboundProcessor:
    """Handles one record at a time; safe to run for several records at once."""

    def __init__(self, ports: InboundPorts) -> None:
        self._ports = ports

    async def parked_due(self) -> Sequence[tuple[ConsumedRecord, int]]:
        """Parked reports whose time has come, with when each was parked (epoch milliseconds)."""
        return await asyncio.to_thread(self._ports.parked.due, self._ports.now_ms(), PARKED_BATCH)

    async def release(self, record: ConsumedRecord) -> None:
        """Park a report no longer."""
        await asyncio.to_thread(self._ports.parked.release, record)

    async def handle(self, record: ConsumedRecord, *, parked_at: int | None = None) -> None:
        """Bring one record to its end; `parked_at` where it was parked. Raises when something outside cannot be
        reached, and what nobody foresaw.
        """
        is_raw = record.topic == RAW_TOPIC
        try:
            # Translating blocks on the database (keys, SKUs, effects), so it has a thread of its own.
            translated = (
                await self._translate_raw(record)
                if is_raw
                else await asyncio.to_thread(self._translate_published, record)
            )
        except NothingToDo as nothing:
            log.info("inbound.nothing_to_do", topic=record.topic, offset=record.offset, why=nothing.why)
        except (InputNotUsable, WebhookError, RawUnreadable, VaultError, Undecodable) as error:
            await self._bury(record, error, sealed_already=is_raw)
        else:
            for one in translated.addressed:
                await self._send(one, record)
            if translated.waiting is not None:
                await self._keep_for_later(record, translated.waiting, parked_at)
                return
        if parked_at is not None:
            await self.release(record)

    async def _keep_for_later(
        self, record: ConsumedRecord, unknown: SubjectUnknown | NotVouchedFor, parked_at: int | None
    ) -> None:
        now = self._ports.now_ms()
        waited_ms = now - parked_at if parked_at is not None else 0
        if waited_ms >= PARKED_MAX_MS:
            await self._bury(record, unknown, sealed_already=True)
            await self.release(record)
            return
        wait_ms = min(max(waited_ms, RETRY_FIRST_MS), RETRY_WAIT_MAX_MS)
        log.info("inbound.parked", topic=record.topic, offset=record.offset, waited_ms=waited_ms)
        await asyncio.to_thread(self._ports.parked.park, record, str(unknown), now + wait_ms)

    async def _bury(self, record: ConsumedRecord, error: Exception, *, sealed_already: bool) -> None:
        log.warning("inbound.dead_letter", topic=record.topic, offset=record.offset, reason=type(error).__name__)
        await self._ports.dead_letters.bury(record, error, sealed_already=sealed_already)

    async def _send(self, one: Addressed, record: ConsumedRecord) -> None:
        envelope = CommandEnvelope(
            command_id=one.command_id,
            key=one.order_id,
            tenant=one.tenant,
            command_type=type(one.command).__name__,
            sent_at=self._ports.now_ms(),
            actor=one.actor,
            causation_id=f"{record.topic}/{record.partition}/{record.offset}",
            correlation_id=one.order_id,
            traceparent=traceparent_of(dict(record.headers).get("traceparent", b"").decode(errors="replace")),
        )
        await self._ports.commands.send(one.command, envelope)

    async def _translate_raw(self, record: ConsumedRecord) -> Translated:
        delivery = await asyncio.to_thread(unpack, self._ports.vault, record)
        if delivery.kind == "partner":
            return await self._translate_partner(delivery)
        return await asyncio.to_thread(self._translate_delivery, delivery)

    async def _translate_partner(self, delivery: RawDelivery) -> Translated:
        """What a partner that signs says is translated; one that does not sign is asked first."""
        partner = self._ports.partners.get(delivery.name)
        if partner is None:
            raise SenderUnknown
        if tells_of_offers(delivery.body):
            await asyncio.to_thread(self._ports.ask_for_offers, delivery.name)
            raise NothingToDo("The partner says that stock or prices changed; it is asked for its offers.")
        vouched = await partner.vouch(reports.without_nul(partner.parse_webhook(delivery.body)))
        translated = await asyncio.to_thread(
            self._translate_reports, reports.partner_status, vouched.reports, delivery.name
        )
        if vouched.doubt and translated.waiting is None:
            return Translated(translated.addressed, NotVouchedFor(vouched.doubt))
        return translated

    def _translate_delivery(self, delivery: RawDelivery) -> Translated:
        if delivery.kind == "shopify":
            return self._translate_shopify(delivery)
        if delivery.kind == "carrier":
            carrier = self._ports.carriers.get(delivery.name)
            if carrier is None:
                raise SenderUnknown
            return self._translate_reports(reports.tracking, carrier.parse_webhook(delivery.body), delivery.name)
        raise SenderUnknown(f"Deliveries of kind {delivery.kind[:32]!r} are not read by this release.")

    def _translate_reports(
        self, translate: Callable[[Report, str, Effects], Addressed], told: Iterable[Report], sender: str
    ) -> Translated:
        """Those whose subject is known go at once; the record is kept while another one waits."""
        addressed: list[Addressed] = []
        waiting: SubjectUnknown | None = None
        for report in told:
            try:
                addressed.append(translate(report, sender, self._ports.effects))
            except SubjectUnknown as unknown:
                waiting = unknown
        return Translated(addressed, waiting)

    def _translate_shopify(self, delivery: RawDelivery) -> Translated:
        connection = self._connection(delivery.name)
        topic = delivery.headers.get("x-shopify-topic", "")
        derived_id = command_id(connection.tenant, connection.store, topic, delivery.event_id)
        if topic == "orders/delete":
            external_id = shopify.deleted_order_id(delivery.body)
            order_id = order_id_of(connection.tenant, connection.store, external_id)
            cancel = order_commands.CancelOrder(reason="The store deleted the order.")
            return Translated([_from_store(cancel, derived_id, order_id, connection)])
        if topic == shopify_notices.REFUND_TOPIC:
            refund = shopify_notices.read_refund(delivery.body)
            order_id = order_id_of(connection.tenant, connection.store, refund.order_external_id)
            # Shopify may tell of one refund in several events.
            derived_id = command_id(connection.tenant, connection.store, topic, refund.refund_id)
            return Translated([_from_store(refund.report(), derived_id, order_id, connection)])
        if topic in shopify_notices.PRIVACY_TOPICS:
            return self._translate_privacy_request(delivery, connection, topic)
        options = store_options(connection).shopify
        order = shopify.read_order(delivery.body, topic, options, received_at=delivery.received_at)
        return self._observe(order, connection, derived_id, hold_test=not options.print_test_orders)

    def _translate_privacy_request(self, delivery: RawDelivery, connection: StoreConnection, topic: str) -> Translated:
        """An exception at each order that is asked about; what is erased already needs nobody any more."""
        tenant, store = connection.tenant, connection.store
        request = shopify_notices.read_privacy_request(delivery.body, topic)
        order_ids = [order_id_of(tenant, store, external_id) for external_id in request.order_external_ids]
        if topic == shopify_notices.SHOP_REDACT:
            newest = self._ports.store_orders.newest_of_store(tenant, store)
            order_ids = [] if newest is None else [newest]
        order_ids = [order_id for order_id in order_ids if not self._ports.vault.is_erased(tenant, order_id)]
        if not order_ids:
            raise NothingToDo("Nothing is kept of the orders that the privacy request is about.")
        shown = request.exception(delivery.received_at)
        return Translated(
            [
                _from_store(shown, command_id(tenant, store, topic, delivery.event_id, order_id), order_id, connection)
                for order_id in order_ids
            ]
        )

    def _translate_published(self, record: ConsumedRecord) -> Translated:
        tenant = published.tenant_of(record.topic)
        if tenant is None:
            raise SenderUnknown(f"{record.topic} is not a store's topic.")
        if record.value is None:
            raise FieldNotUsable("The record has no value. An order is published as a StoreOrderPublished record.")
        order = self._ports.codec.decode(record.value)
        if not isinstance(order, StoreOrderPublished):
            raise FieldNotUsable(f"The record is a {type(order).__name__}, not a StoreOrderPublished.")
        connection = self._ports.stores.find(published.store_of(order))
        # The topic's name is what the broker's access rules guard; the record may claim anything.
        if connection is None or connection.tenant != tenant:
            raise published.ForeignStore
        derived_id = published.published_command_id(tenant, order, record.value)
        return self._observe(published.read_published(order), connection, derived_id, hold_test=False)

    def _observe(
        self, order: ReadOrder, connection: StoreConnection, derived_id: str, *, hold_test: bool
    ) -> Translated:
        order_id, observe = self._ports.assembler.observe(order, connection)
        addressed = [_from_store(observe, derived_id, order_id, connection)]
        if order.test and hold_test and not order.cancelled:
            hold = order_commands.HoldOrder(
                detail="The store marks this order as a test. Release the hold to print it all the same."
            )
            hold_id = command_id("hold test order", order_id)
            addressed.append(_from_store(hold, hold_id, order_id, connection))
        return Translated(addressed)

    def _connection(self, store: str) -> StoreConnection:
        connection = self._ports.stores.find(store)
        if connection is None:
            raise SenderUnknown
        return connection


def _from_store(
    command: order_commands.OrderCommand, derived_id: str, order_id: str, connection: StoreConnection
) -> Addressed:
    return Addressed(
        command=command,
        command_id=derived_id,
        order_id=order_id,
        tenant=connection.tenant,
        actor=f"store:{connection.store}",
    )

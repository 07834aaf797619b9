"""What the system's own processes read, for all tenants: deadlines, effects, held lines, the catalogue."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.catalogue.facts import Outage, PrintAreaSize, ShippingMethod
from events.decoding import convert, json_decoder, msgpack_decoder
from events.order.facts import RoutingRequested
from events.order.values import AreaDesign, Candidate, LineArtwork
from projections.reader import as_of_from
from projections.rows import (
    AsOf,
    DueDeadline,
    Effect,
    Goods,
    HeldLine,
    MappedHeldLine,
    Offer,
    Offers,
    Partner,
    Product,
    PublishedTemplate,
    RoutingDecision,
)
from projections.sql import QUERIES

ROWS_MAX = 1_000
NOTHING_QUEUED: Mapping[str, int] = {}
STREAMED_ROWS = 2_000
TEXTS_KEPT = 4_096
#: The statuses with which an order has come to an end.
ENDED = ("delivered", "returned", "cancelled")

T = TypeVar("T", bound=msgspec.Struct)


class SystemReads:
    """Reads for workers, timers, reactors and inbound, as a role that sees every tenant. Every call may block."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool = pool

    def due_deadlines(
        self, now: int, queued_since: Mapping[str, int] = NOTHING_QUEUED, overdue: int = 0, limit: int = ROWS_MAX
    ) -> tuple[DueDeadline, ...]:
        """What orders have waited for until `now` (epoch milliseconds), longest due first.

        `queued_since` says for kinds of deadlines from when on requests are still in their queue: such are left out,
        unless they were due by the time `overdue`.
        """
        kinds, since = list(queued_since), list(queued_since.values())
        found = self._rows(
            "due_deadlines", now=now, kinds=kinds, since=since, overdue=overdue, limit=min(limit, ROWS_MAX)
        )
        return tuple(_each(DueDeadline, found))

    def runs_at_partners(self, after: str, limit: int = ROWS_MAX) -> tuple[Effect, ...]:
        """Print runs that partners have taken and not printed yet, by effect key, beginning after one."""
        return tuple(_each(Effect, self._rows("runs_at_partners", after=after, limit=min(limit, ROWS_MAX))))

    def next_deadline_at(self) -> int | None:
        """When the next deadline is due, epoch milliseconds; None where nothing is waited for."""
        found = self._rows("next_deadline")[0][0]
        return None if found is None else int(found)

    def by_key(self, effect_key: str) -> Effect | None:
        """What an effect key stands for; None while the read model has not seen it."""
        return next(_each(Effect, self._rows("effect", effect_key=effect_key)), None)

    def by_tracking(self, carrier: str, carrier_reference: str, tracking_number: str) -> Effect | None:
        """The label of the parcel that a carrier knows under its own reference, or else under this tracking number."""
        rows = self._rows(
            "effects_of_parcel",
            carrier=carrier,
            carrier_reference=carrier_reference,
            tracking_number=tracking_number,
        )
        return next(_each(Effect, rows), None)

    def newest_of_store(self, tenant: str, store: str) -> str | None:
        """The id of the order that a store took last; None where the read model has seen none of it."""
        rows = self._rows("newest_order_of_store", tenant=tenant, store=store)
        return str(rows[0][0]) if rows else None

    def held_lines(
        self, tenant: str, store: str, sku: str, reason: str = "sku_unmapped", limit: int = ROWS_MAX
    ) -> tuple[HeldLine, ...]:
        """Lines that a store's SKU holds: what its mapping releases."""
        rows = self._rows("held_lines", tenant=tenant, store=store, sku=sku, reason=reason, limit=min(limit, ROWS_MAX))
        return tuple(_each(HeldLine, rows))

    def held_and_mapped(self, limit: int = ROWS_MAX) -> tuple[MappedHeldLine, ...]:
        """Lines that are held as unmapped although their SKU is mapped: what a race left behind."""
        return tuple(
            MappedHeldLine(
                tenant=tenant,
                order_id=order_id,
                line_id=line_id,
                sku=sku,
                revision=revision,
                artwork=artwork_from(artwork),
            )
            for tenant, order_id, line_id, sku, revision, *artwork in self._rows(
                "held_and_mapped", limit=min(limit, ROWS_MAX)
            )
        )

    def artwork_of(self, tenant: str, store: str, skus: Sequence[str]) -> Mapping[str, LineArtwork]:
        """The mapped ones of these SKUs, in one query; unmapped ones are absent."""
        rows = self._rows("sku_mappings", tenant=tenant, store=store, skus=list(skus))
        return {sku: artwork_from(artwork) for _, _, sku, *artwork in rows}

    def product_of_variant(self, variant_id: str) -> Product | None:
        """The product that a variant belongs to, with its print areas."""
        return next(_each(Product, self._rows("product_of_variant", variant_id=variant_id)), None)

    def template(self, template_id: str, template_version: int) -> PublishedTemplate | None:
        """A published version of a template."""
        rows = self._rows("template", template_id=template_id, template_version=template_version)
        return next(_each(PublishedTemplate, rows), None)

    def newest_version(self, template_id: str) -> int | None:
        """The newest published version of a template, None where there is none."""
        version: int | None = self._rows("newest_template_version", template_id=template_id)[0][0]
        return version

    def newest_template(self, variant_id: str) -> PublishedTemplate | None:
        """The newest template of the variant's product."""
        return next(_each(PublishedTemplate, self._rows("newest_template", variant_id=variant_id)), None)

    def partner(self, partner_id: str) -> Partner | None:
        """A print partner."""
        rows = self._rows("partner", partner_id=partner_id)
        return _partner(rows[0]) if rows else None

    def offers(self, tenant: str, variant_ids: Sequence[str], since_day: int = 0) -> Offers:
        """All partners that this tenant may use and offer these variants, and the catalogue's offset: one snapshot.

        Inspections count from a day on (days since 1970).
        """
        parameters = {"tenant": tenant, "variants": list(variant_ids), "since_day": since_day}
        rows = self._rows("offers", **parameters)
        found: dict[str, list[Offer]] = {}
        for row in rows:
            if (variant_id := row[1]) is not None:
                found.setdefault(variant_id, []).append(_offer(variant_id, row))
        by_variant = {variant_id: tuple(offers) for variant_id, offers in found.items()}
        return Offers(by_variant=by_variant, catalogue_offset=rows[0][0])

    def routing_rules(self, tenant: str) -> str:
        """The rules that a tenant has published, as JSON; empty where it goes by the shipped ones."""
        rows = self._rows("routing_rules", tenant=tenant)
        return str(rows[0][0]) if rows else ""

    def routing_decisions(self, tenant: str, from_ms: int, to_ms: int) -> Iterator[RoutingDecision]:
        """A tenant's routing decisions from one time until before another (epoch milliseconds), order by order.

        Streams: history may be larger than memory.
        """
        parameters = {"tenant": tenant, "from_ms": from_ms, "to_ms": to_ms}
        asked, known = msgpack_decoder(RoutingRequested), msgpack_decoder(tuple[Candidate, ...])
        with (
            self._pool.connection() as connection,
            connection.transaction(),
            connection.cursor("routing_decisions") as cursor,
        ):
            cursor.itersize = STREAMED_ROWS
            cursor.execute(QUERIES["routing_decisions"], parameters)
            for order_id, request, candidates, partner_id, decided_at in cursor:
                yield RoutingDecision(
                    order_id=order_id,
                    request=asked(request),
                    candidates=known(candidates),
                    partner_id=partner_id,
                    decided_at=decided_at,
                )

    def ended_orders(self, tenant: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        """When those of these orders ended that have ended and wait for nobody; epoch milliseconds."""
        rows = self._rows("ended_orders", tenant=tenant, order_ids=list(order_ids), ended=list(ENDED))
        return {order_id: int(ended_at) for order_id, ended_at in rows}

    def designs_in_use(self, tenant: str) -> frozenset[str]:
        """The digests of the shared renders that open orders name."""
        return frozenset(digest for (digest,) in self._rows("designs_in_use", tenant=tenant, ended=list(ENDED)))

    def goods_of_order(self, tenant: str, order_id: str) -> tuple[Goods, ...]:
        """What the lines of an order are; empty while the read model has not seen the order."""
        return tuple(_each(Goods, self._rows("goods_of_order", tenant=tenant, order_id=order_id)))

    def as_of(self, read_model: str) -> AsOf:
        """How far a read model is."""
        return as_of_from(read_model, self._rows("as_of", name=read_model))

    def _rows(self, query: str, **parameters: Any) -> list[TupleRow]:
        with self._pool.connection() as connection:
            return connection.execute(QUERIES[query], parameters).fetchall()


def _each(declared: type[T], rows: list[TupleRow]) -> Iterator[T]:
    """Rows as structs: queries give the columns in the order of the fields."""
    return (convert(dict(zip(declared.__struct_fields__, row, strict=True)), declared) for row in rows)


def _partner(row: Sequence[Any]) -> Partner:
    """A partner from its columns; those that a query leaves out have their default."""
    return convert(dict(zip(Partner.__struct_fields__, row, strict=False)), Partner)


def _offer(variant_id: str, row: TupleRow) -> Offer:
    """An offer from a row of the query `offers`. Decisions read hundreds, so each is built without detours."""
    partner = Partner(
        partner_id=row[9],
        name=row[10],
        adapter=row[11],
        country=row[12],
        latitude=row[13],
        longitude=row[14],
        ships_to=_texts(row[15]),
        daily_capacity=row[16],
        suspended=row[17],
        transit_days=_numbers(row[18]),
        outages=_outages(row[19]),
        inspected_units=row[20],
        defective_units=row[21],
        shipping_methods=_methods(row[22]),
    )
    return Offer(
        partner=partner,
        variant_id=variant_id,
        partner_variant=row[2],
        cost_minor=row[3],
        currency=row[4],
        stock=row[5],
        production_days=row[6],
        load_percent=row[7],
        print_areas=_areas(row[8]),
    )


# Partners say the same of many variants: what was read once is not read again. The answers are never changed.
_texts = lru_cache(TEXTS_KEPT)(json_decoder(tuple[str, ...]))
_numbers = lru_cache(TEXTS_KEPT)(json_decoder(dict[str, int]))
_outages = lru_cache(TEXTS_KEPT)(json_decoder(tuple[Outage, ...]))
_methods = lru_cache(TEXTS_KEPT)(json_decoder(tuple[ShippingMethod, ...]))
_areas = lru_cache(TEXTS_KEPT)(json_decoder(tuple[PrintAreaSize, ...]))


def artwork_from(columns: Sequence[Any]) -> LineArtwork:
    """What an SKU means, from the columns of the queries `sku_mappings` and `held_and_mapped`."""
    variant_id, template_id, template_version, designs, designer = columns
    return LineArtwork(
        variant_id=variant_id,
        template_id=template_id,
        template_version=template_version,
        designs=convert(designs, tuple[AreaDesign, ...]),
        designer=designer,
    )

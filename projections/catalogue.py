"""Read model `catalogue`: products, templates, SKU mapping, partners and offers, with the offset they were read at."""

from collections.abc import Sequence
from typing import Any, assert_never, cast

import msgspec

from events.catalogue.facts import (
    CATALOGUE_FACTS,
    CatalogueEvent,
    PartnerLoadChanged,
    PartnerOfferChanged,
    PartnerRegistered,
    ProductDefined,
    RoutingRulesPublished,
    SkuMapped,
    TemplatePublished,
)
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

_encode = msgspec.json.Encoder().encode

TABLES = (
    Table(
        name="catalogue_products",
        columns=("product_id", "title", "variants", "print_areas", "source_version"),
        key=("product_id",),
    ),
    Table(name="catalogue_variants", columns=("variant_id", "product_id"), key=("variant_id",)),
    Table(
        name="catalogue_templates",
        columns=("template_id", "template_version", "product_id", "body"),
        key=("template_id", "template_version"),
    ),
    Table(
        name="catalogue_sku_map",
        columns=(
            "tenant",
            "store",
            "sku",
            "variant_id",
            "template_id",
            "template_version",
            "designs",
            "designer",
            "attributes",
            "mapped_at",
            "source_version",
        ),
        key=("tenant", "store", "sku"),
    ),
    Table(
        name="catalogue_partners",
        columns=(
            "partner_id",
            "name",
            "adapter",
            "country",
            "latitude",
            "longitude",
            "ships_to",
            "daily_capacity",
            "tenants",
            "suspended",
            "transit_days",
            "outages",
            "shipping_methods",
            "source_version",
        ),
        key=("partner_id",),
    ),
    Table(
        name="catalogue_offers",
        columns=(
            "partner_id",
            "variant_id",
            "partner_variant",
            "cost_minor",
            "currency",
            "stock",
            "production_days",
            "load_percent",
            "print_areas",
            "withdrawn",
            "accepted_cost_minor",
            "accepted_currency",
            "source_version",
        ),
        key=("variant_id", "partner_id"),
    ),
    Table(
        name="catalogue_routing_rules",
        columns=("tenant", "rules_version", "body", "source_version"),
        key=("tenant",),
    ),
    Table(
        name="catalogue_partner_loads",
        columns=("partner_id", "load_percent", "source_version"),
        key=("partner_id",),
    ),
)


class Catalogue:
    """Each fact is a full description, so the newest of a key is its row."""

    name = "catalogue"
    version = 4
    tables = TABLES

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.catalogue_events, types=type_names(CATALOGUE_FACTS)),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The newest description of each key."""
        rows: dict[str, dict[Any, Row]] = {table.name: {} for table in self.tables}
        for record in records:
            fact = cast(CatalogueEvent, record.content)
            table, key, row = _row_of(fact, record)
            rows[table][key] = row
            if isinstance(fact, ProductDefined):
                # A variant that is no longer listed stays known: orders that name it still have to be read.
                for variant in fact.variants:
                    rows["catalogue_variants"][variant.variant_id] = (variant.variant_id, fact.product_id)
        return [Change(table=name, rows=list(found.values())) for name, found in rows.items() if found]

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _row_of(fact: CatalogueEvent, record: Record) -> tuple[str, Any, Row]:
    """Table, key and row of a description."""
    match fact:
        case ProductDefined():
            product = (fact.product_id, fact.title, _json(fact.variants), _json(fact.print_areas), fact.source_version)
            return "catalogue_products", fact.product_id, product
        case TemplatePublished():
            template = (fact.template_id, fact.template_version, fact.product_id, fact.body)
            return "catalogue_templates", template[:2], template
        case SkuMapped():
            mapping = _mapping_row(fact, record.tenant, record.recorded_at)
            return "catalogue_sku_map", mapping[:3], mapping
        case PartnerRegistered():
            return "catalogue_partners", fact.partner_id, _partner_row(fact)
        case PartnerOfferChanged():
            offer = msgspec.structs.asdict(fact) | {"print_areas": _json(fact.print_areas)}
            row = tuple(offer[column] for column in TABLES[5].columns)
            return "catalogue_offers", (fact.variant_id, fact.partner_id), row
        case RoutingRulesPublished():
            rules = (record.tenant, fact.rules_version, fact.body, fact.source_version)
            return "catalogue_routing_rules", record.tenant, rules
        case PartnerLoadChanged():
            load = (fact.partner_id, fact.load_percent, fact.source_version)
            return "catalogue_partner_loads", fact.partner_id, load
        case _:
            assert_never(fact)


def _mapping_row(fact: SkuMapped, tenant: str, mapped_at: int) -> Row:
    artwork = fact.artwork
    return (
        tenant,
        fact.store,
        fact.sku,
        artwork.variant_id,
        artwork.template_id,
        artwork.template_version,
        _json(artwork.designs),
        artwork.designer,
        _json(fact.attributes),
        mapped_at,
        fact.source_version,
    )


def _partner_row(fact: PartnerRegistered) -> Row:
    return (
        fact.partner_id,
        fact.name,
        fact.adapter,
        fact.country,
        fact.latitude,
        fact.longitude,
        _json(fact.ships_to),
        fact.daily_capacity,
        _json(fact.tenants),
        fact.suspended,
        _json(fact.transit_days),
        _json(fact.outages),
        _json(fact.shipping_methods),
        fact.source_version,
    )


def _json(value: Any) -> str:
    return _encode(value).decode()

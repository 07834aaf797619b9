"""What a description may say: every number, code and name of the catalogue has bounds, each told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from events.catalogue.commands import (
    CatalogueCommandUnion,
    DefineProduct,
    MapSku,
    PublishTemplate,
    RegisterPartner,
    ReportPartnerOffer,
)
from events.catalogue.facts import PrintAreaSize
from processors.artwork.template import TemplateInvalid, template_from_json
from processors.catalogue.columns import values_of

INTEGER_MAX: Final = 2**31 - 1
MINOR_MAX: Final = 10**12
EPOCH_MS_MAX: Final = 253_402_300_799_999
ENTRIES_MAX: Final = 2_000
TEXT_CHARACTERS_MAX: Final = 2_000
ID_CHARACTERS_MAX: Final = 255

NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "template_version": (1, INTEGER_MAX),
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "daily_capacity": (0, INTEGER_MAX),
    "cost_minor": (0, MINOR_MAX),
    "accepted_cost_minor": (0, MINOR_MAX),
    "stock": (0, INTEGER_MAX),
    "production_days": (0, 365),
    "load_percent": (0, 100_000),
}
"""Smallest and largest value by column."""

IDS: Final = frozenset(
    {"product_id", "template_id", "partner_id", "variant_id", "partner_variant", "store", "sku", "adapter"}
)
TEMPLATE_COLUMNS: Final = frozenset({"template_id", "template_version"})
"""Empty in the row of a SKU whose product is ready-made."""

_COUNTRY: Final = re.compile(r"[A-Z]{2}|\*")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COUNTRY_WORDS: Final = "give ISO 3166-1 alpha-2 codes such as US, or *"
_CURRENCY_WORDS: Final = "give an ISO 4217 code such as EUR"


def faults_of(command: CatalogueCommandUnion) -> Iterator[tuple[str, str]]:
    """Column and words of everything that a description must not say."""
    is_ready_made = isinstance(command, MapSku) and command.artwork.is_ready_made
    for name, value in values_of(command).items():
        if is_ready_made and name in TEMPLATE_COLUMNS and not value:
            continue
        yield from ((name, words) for words in _general(name, value))
    match command:
        case DefineProduct():
            yield from (("print_areas", words) for words in _areas(command.print_areas))
            if any(not 0 <= variant.weight_grams <= 1_000_000 for variant in command.variants):
                yield "variants", "a weight is 0 to 1000000 grams"
            if len({variant.variant_id for variant in command.variants}) != len(command.variants):
                yield "variants", "a variant is there twice: keep one"
        case PublishTemplate():
            yield from (("body", words) for words in _template(command))
        case RegisterPartner():
            yield from _partner(command)
        case ReportPartnerOffer():
            yield from (("print_areas", words) for words in _areas(command.print_areas))
            if not _CURRENCY.fullmatch(command.currency):
                yield "currency", _CURRENCY_WORDS
            if command.accepted_currency and not _CURRENCY.fullmatch(command.accepted_currency):
                yield "accepted_currency", f"{_CURRENCY_WORDS}, or nothing"
            if command.withdrawn and command.stock:
                yield "stock", "a withdrawn offer has no stock: give 0"
        case _:
            pass


def _general(name: str, value: Any) -> Iterator[str]:
    if _has_nul(value):
        yield "holds the character NUL (U+0000), which PostgreSQL keeps in no text: take it out"
    elif name in NUMBERS:
        low, high = NUMBERS[name]
        if not low <= value <= high:
            yield f"{value} is out of bounds: give {low} to {high}"
    elif name in IDS:
        if not value or len(value) > ID_CHARACTERS_MAX or not value.isprintable():
            yield f"give 1 to {ID_CHARACTERS_MAX} printable characters"
        elif name not in ("sku", "store", "partner_variant") and ":" in value:
            yield "an id has no colon: give another one"
    elif isinstance(value, str) and name != "body" and len(value) > TEXT_CHARACTERS_MAX:
        yield f"has more than {TEXT_CHARACTERS_MAX} characters: shorten it"
    elif isinstance(value, tuple | dict) and len(value) > ENTRIES_MAX:
        yield f"has more than {ENTRIES_MAX} entries: give fewer"


def _has_nul(value: Any) -> bool:
    """Whether any text of a value, at any depth, has NUL."""
    match value:
        case str():
            return "\x00" in value
        case tuple() | list():
            return any(map(_has_nul, value))
        case dict():
            return any(map(_has_nul, (*value, *value.values())))
        case msgspec.Struct():
            return any(_has_nul(getattr(value, name)) for name in value.__struct_fields__)
        case _:
            return False


def _areas(areas: tuple[PrintAreaSize, ...]) -> Iterator[str]:
    if len({area.name for area in areas}) != len(areas):
        yield "a print area is there twice: keep one"
    for area in areas:
        if not (0 < area.width_um <= INTEGER_MAX and 0 < area.height_um <= INTEGER_MAX and 0 < area.dpi <= 10_000):
            yield f"the area {area.name[:40]!r} needs a width and a height in micrometres and 1 to 10000 dpi"


def _partner(partner: RegisterPartner) -> Iterator[tuple[str, str]]:
    if not _COUNTRY.fullmatch(partner.country) or partner.country == "*":
        yield "country", "give an ISO 3166-1 alpha-2 code such as US"
    if not all(_COUNTRY.fullmatch(code) for code in partner.ships_to):
        yield "ships_to", _COUNTRY_WORDS
    if not all(_COUNTRY.fullmatch(code) and 0 <= days <= 365 for code, days in partner.transit_days.items()):
        yield "transit_days", f"{_COUNTRY_WORDS}, each with 0 to 365 days"
    if not all(0 <= outage.begins_at < outage.ends_at <= EPOCH_MS_MAX for outage in partner.outages):
        yield "outages", "an outage begins before it ends; both are epoch milliseconds"
    for way in partner.shipping_methods:
        if not all(_COUNTRY.fullmatch(code) for code in way.countries):
            yield "shipping_methods", _COUNTRY_WORDS
        if not 0 <= way.days_min <= way.days_max <= 365 or not 0 <= way.cost_minor <= MINOR_MAX:
            yield "shipping_methods", "days_min is at most days_max, cost_minor is not negative"
        if way.cost_minor and not _CURRENCY.fullmatch(way.currency):
            yield "shipping_methods", _CURRENCY_WORDS


def _template(command: PublishTemplate) -> Iterator[str]:
    try:
        template = template_from_json(command.body.encode())
    except TemplateInvalid as error:
        yield f"is no template: {error}"
        return
    if (template.template_id, template.version) != (command.template_id, command.template_version):
        yield "is another template or version than its row says: make them agree"

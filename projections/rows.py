"""What read models answer with: frozen rows for the API, the workers and the command line."""

from typing import Any

import msgspec

from events.catalogue.facts import Outage, PrintAreaSize, ShippingMethod
from events.order.facts import RoutingRequested
from events.order.values import Candidate, Finding, LineArtwork


class PartitionProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a read model has folded one partition. Times are epoch milliseconds."""

    topic: str
    partition: int
    next_offset: int
    position: int
    recorded_at: int
    caught_up_at: int


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """The moment that a read model speaks of.

    `recorded_at` is when the newest folded fact was recorded. `complete_until` is a time up to which nothing is
    missing: each partition was seen read to its end at that time or later. 0 where it never was.
    """

    read_model: str
    version: int
    recorded_at: int
    complete_until: int
    partitions: tuple[PartitionProgress, ...]


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A print run of a line."""

    run: int
    units: tuple[int, ...]
    reason: str
    stage: str
    partner_id: str
    condition: str


class AreaView(msgspec.Struct, frozen=True, kw_only=True):
    """Object keys of the newest files of a line's print area; empty where there is none."""

    area: str
    print_key: str
    proof_key: str
    mockup_key: str = ""


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order. `version` and `areas` are of its newest files, `findings` of its newest check."""

    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price_minor: int
    status: str
    variant_id: str = ""
    cancelled_units: tuple[int, ...] = ()
    version: int = 0
    findings: tuple[Finding, ...] = ()
    areas: tuple[AreaView, ...] = ()
    runs: tuple[RunView, ...] = ()


class ParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of an order; `contents` has the unit numbers of each line by line id."""

    parcel_id: str
    status: str
    partner_id: str
    carrier: str
    tracking_number: str
    tracking_url: str
    contents: dict[str, tuple[int, ...]]


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for which an order is held; `line_id` is empty where it is the whole order."""

    reason: str
    line_id: str


class ExceptionView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs a person."""

    exception_id: str
    kind: str
    subject: str
    blocking: bool


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the read model `orders` shows it. Times are epoch milliseconds; `seq` is its last folded fact."""

    tenant: str
    order_id: str
    store: str
    external_id: str
    order_number: str
    status: str
    currency: str
    total_minor: int
    lines: tuple[LineView, ...]
    parcels: tuple[ParcelView, ...]
    holds: tuple[HoldView, ...]
    exceptions: tuple[ExceptionView, ...]
    placed_at: int
    updated_at: int
    seq: int


class OrderPage(msgspec.Struct, frozen=True, kw_only=True):
    """Orders, newest first; `next_cursor` is None on the last page."""

    orders: tuple[OrderView, ...]
    next_cursor: str | None
    as_of: AsOf


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A file that belongs to an entry of the timeline."""

    label: str
    key: str
    version_id: str
    media_type: str


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an order."""

    seq: int
    recorded_at: int
    actor: str
    fact_type: str
    title: str
    detail: str
    links: tuple[LinkView, ...]
    causation_id: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of an order's timeline in their order; `next_seq` is None where these are the last."""

    entries: tuple[TimelineEntry, ...]
    next_seq: int | None
    as_of: AsOf


class CommandOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command. `outcome` is accepted, refused or ignored; `key` an order id or a catalogue key."""

    tenant: str
    command_id: str
    stream: str
    key: str
    outcome: str
    command: str
    reason: str
    detail: str
    first_seq: int | None
    last_seq: int | None
    decided_at: int


class MappedSku(msgspec.Struct, frozen=True, kw_only=True):
    """A store's SKU."""

    store: str
    sku: str


class CatalogueException(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with what can be made. Times are epoch milliseconds; `resolved_at` is 0 while it stands.

    `kind` is variant_vanished, out_of_stock or price_changed, about one partner's offer; or no_partner, about a variant
    that nobody can make. `skus` are those of the tenant that mean the variant.
    """

    kind: str
    partner_id: str
    variant_id: str
    detail: str
    raised_at: int
    resolved_at: int
    skus: tuple[MappedSku, ...]


class CatalogueExceptionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, SKUs that nobody can make first; `more` where it is not all."""

    exceptions: tuple[CatalogueException, ...]
    more: bool
    as_of: AsOf


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """A missed target. Times are epoch milliseconds; `cleared_at` is 0 while it stands.

    `unit` of value and target is ppm (parts per million) or ms. `window_days` is 0 for what was so at the moment.
    """

    measure: str
    party_kind: str
    party_id: str
    number: int
    raised_at: int
    cleared_at: int
    unit: str
    value: int
    target: int
    at_least: bool
    sample: int
    window_days: int


class SilentParcel(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled parcel on its way, and when its carrier was last heard of it; epoch milliseconds, 0 for never."""

    tenant: str
    order_id: str
    parcel_id: str
    effect_key: str
    carrier: str
    carrier_reference: str
    labelled_at: int
    dispatched_at: int
    heard_at: int


class DueDeadline(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an order has waited for until now."""

    tenant: str
    order_id: str
    deadline_key: str
    due_at: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What an effect key stands for. `kind` is artwork, render, route, submit, cancel, inspect, label or notify.

    `line_id`, `run` and `units` are of a print run, `parcel_id` of a parcel; `who` is the partner that prints, or from
    which the parcel starts. `attempt` is the newest that was asked for.
    """

    tenant: str
    effect_key: str
    order_id: str
    kind: str
    line_id: str
    run: int
    parcel_id: str
    who: str
    units: tuple[int, ...]
    attempt: int


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that holds its order."""

    tenant: str
    order_id: str
    line_id: str
    reason: str
    store: str
    sku: str
    revision: int


class MappedHeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is held as unmapped although its SKU is mapped: what the periodic sweep releases."""

    tenant: str
    order_id: str
    line_id: str
    sku: str
    revision: int
    artwork: LineArtwork


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product with its variants and print areas, as the catalogue's facts describe them (JSON objects)."""

    product_id: str
    title: str
    variants: tuple[dict[str, Any], ...]
    print_areas: tuple[dict[str, Any], ...]


class PublishedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a print template; `body` is its JSON text."""

    template_id: str
    template_version: int
    product_id: str
    body: str


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """What one line of an order is, as customs and scales ask; `weight_grams` of one unit is 0 where nobody said."""

    line_id: str
    title: str
    unit_price_minor: int
    currency: str
    weight_grams: int


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """A print partner.

    `inspected_units` of its making were looked at lately, and `defective_units` of these were not good. `unreachable`:
    calls to it have failed so often that it is not asked for a while.
    """

    partner_id: str
    name: str
    adapter: str
    country: str
    latitude: float
    longitude: float
    ships_to: tuple[str, ...]
    daily_capacity: int
    suspended: bool
    transit_days: dict[str, int] = {}
    outages: tuple[Outage, ...] = ()
    inspected_units: int = 0
    defective_units: int = 0
    unreachable: bool = False
    shipping_methods: tuple[ShippingMethod, ...] = ()


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner asks for a variant, with its stock and load, and where it prints (empty where it never said)."""

    partner: Partner
    variant_id: str
    partner_variant: str
    cost_minor: int
    currency: str
    stock: int
    production_days: int
    load_percent: int
    print_areas: tuple[PrintAreaSize, ...] = ()


class RoutingDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A routing decision of the past; `partner_id` is empty where nobody could make the line. Times in epoch ms."""

    order_id: str
    request: RoutingRequested
    candidates: tuple[Candidate, ...]
    partner_id: str
    decided_at: int


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """All partners that offer each of some variants, and the catalogue's last folded offset (-1 where there is none).

    A variant that nobody offers is absent.
    """

    by_variant: dict[str, tuple[Offer, ...]]
    catalogue_offset: int

"""The facts of the catalogue stream. Each is a full description; the newest of a key replaces the one before."""

from typing import Annotated, ClassVar, TypeAlias, get_args

from events.declare import Fact, Value
from events.order.values import LineArtwork
from events.types import Currency, Millis, Minor, PartnerId, VariantId, described


class PrintAreaSize(Value, frozen=True, kw_only=True):
    """Where a variant can be printed and how large."""

    name: str
    width_um: Annotated[int, described("Width in micrometres.")]
    height_um: Annotated[int, described("Height in micrometres.")]
    dpi: int


class Outage(Value, frozen=True, kw_only=True):
    """A time in which a partner makes nothing: holidays, a move, a broken press."""

    begins_at: Millis
    ends_at: Annotated[Millis, described("The first moment at which it works again.")]
    reason: str = ""


class ShippingMethod(Value, frozen=True, kw_only=True):
    """A way in which a partner sends goods, and what it asks for it."""

    method: str
    carrier: str = ""
    countries: Annotated[tuple[str, ...], described("ISO 3166-1 alpha-2 codes; '*' is everywhere.")] = ("*",)
    days_min: int = 0
    days_max: int = 0
    cost_minor: Minor = 0
    currency: Currency = ""


class Variant(Value, frozen=True, kw_only=True):
    """One product in one size and colour."""

    variant_id: VariantId
    attributes: dict[str, str] = {}
    weight_grams: int = 0


class CatalogueFact(Fact, frozen=True, kw_only=True, tag=True, tag_field="fact"):
    """Base of all facts of the catalogue stream.

    `source_version` orders what one source says of one key: catalogue keys live for years, so they deduplicate by it
    instead of remembering every command. The tag tells facts apart in the ledger's snapshots; it is not on the wire.
    """

    avro_namespace: ClassVar[str] = "pod.catalogue"

    source_version: int


class ProductDefined(CatalogueFact, frozen=True, kw_only=True):
    """A product can be sold in these variants and printed in these areas."""

    product_id: str
    title: str
    variants: tuple[Variant, ...]
    print_areas: tuple[PrintAreaSize, ...]


class TemplatePublished(CatalogueFact, frozen=True, kw_only=True):
    """A version of a print template exists; orders that name an older version keep it."""

    template_id: str
    template_version: int
    product_id: str
    body: Annotated[str, described("The template as JSON, as the artwork pipeline reads it.")]


class SkuMapped(CatalogueFact, frozen=True, kw_only=True):
    """A store's SKU means this variant, printed by this template version."""

    store: str
    sku: str
    artwork: LineArtwork
    attributes: Annotated[
        dict[str, str], described("What the SKU says beyond its variant, such as how it is personalised.")
    ] = {}


class PartnerRegistered(CatalogueFact, frozen=True, kw_only=True):
    """A print partner can be asked."""

    partner_id: PartnerId
    name: str
    adapter: Annotated[str, described("Which adapter speaks to it.")]
    country: str
    latitude: float
    longitude: float
    ships_to: Annotated[tuple[str, ...], described("ISO 3166-1 alpha-2 codes; '*' is everywhere.")]
    daily_capacity: int
    tenants: Annotated[tuple[str, ...], described("Tenants that may use it; '*' is all.")] = ("*",)
    suspended: bool = False
    transit_days: Annotated[
        dict[str, int], described("Days on the road by country of the destination; '*' is any other one.")
    ] = {}
    outages: tuple[Outage, ...] = ()
    shipping_methods: tuple[ShippingMethod, ...] = ()


class PartnerOfferChanged(CatalogueFact, frozen=True, kw_only=True):
    """A partner offers a variant at this cost, with this stock."""

    partner_id: PartnerId
    variant_id: VariantId
    partner_variant: str
    cost_minor: Minor
    currency: Currency
    stock: Annotated[int, described("Units on hand.")]
    production_days: int
    load_percent: Annotated[int, described("How full the partner is.")] = 0
    print_areas: Annotated[
        tuple[PrintAreaSize, ...], described("Where and how large it prints this variant; empty where it never said.")
    ] = ()
    withdrawn: Annotated[bool, described("The partner no longer offers it.")] = False
    accepted_cost_minor: Annotated[
        int, described("The cost that a person last agreed to, in minor units of accepted_currency.")
    ] = 0
    accepted_currency: Annotated[str, described("Its currency; empty: the cost of this offer is agreed to.")] = ""


class PartnerLoadChanged(CatalogueFact, frozen=True, kw_only=True):
    """A partner is fuller or emptier than it was."""

    partner_id: PartnerId
    load_percent: Annotated[int, described("Units accepted and not printed yet, of what it makes in a day.")]


class RoutingRulesPublished(CatalogueFact, frozen=True, kw_only=True):
    """A tenant's lines are routed by these rules from now on."""

    rules_version: Annotated[str, described("The version that the rules give themselves.")]
    body: Annotated[str, described("The rules as JSON, as routing reads them.")]


CatalogueEvent: TypeAlias = (
    ProductDefined
    | TemplatePublished
    | SkuMapped
    | PartnerRegistered
    | PartnerOfferChanged
    | RoutingRulesPublished
    | PartnerLoadChanged
)
"""Everything that can become true of the catalogue: the union is the registry."""

CATALOGUE_FACTS: tuple[type[CatalogueFact], ...] = get_args(CatalogueEvent)

"""The commands of the catalogue stream: each names its source's version, so that old news changes nothing."""

from typing import ClassVar, TypeAlias, get_args

from events.catalogue.facts import Outage, PrintAreaSize, ShippingMethod, Variant
from events.declare import Command
from events.order.values import LineArtwork
from events.types import Currency, Minor, PartnerId, VariantId


class CatalogueCommand(Command, frozen=True, kw_only=True):
    """Base of all commands of the catalogue stream."""

    avro_namespace: ClassVar[str] = "pod.catalogue"

    source_version: int


class DefineProduct(CatalogueCommand, frozen=True, kw_only=True):
    """Offer a product in these variants and print areas."""

    product_id: str
    title: str
    variants: tuple[Variant, ...]
    print_areas: tuple[PrintAreaSize, ...]


class PublishTemplate(CatalogueCommand, frozen=True, kw_only=True):
    """Publish a version of a print template."""

    template_id: str
    template_version: int
    product_id: str
    body: str


class MapSku(CatalogueCommand, frozen=True, kw_only=True):
    """Say what a store's SKU means."""

    store: str
    sku: str
    artwork: LineArtwork
    attributes: dict[str, str] = {}


class RegisterPartner(CatalogueCommand, frozen=True, kw_only=True):
    """Make a print partner known, or change what is known of it."""

    partner_id: PartnerId
    name: str
    adapter: str
    country: str
    latitude: float
    longitude: float
    ships_to: tuple[str, ...]
    daily_capacity: int
    tenants: tuple[str, ...] = ("*",)
    suspended: bool = False
    transit_days: dict[str, int] = {}
    outages: tuple[Outage, ...] = ()
    shipping_methods: tuple[ShippingMethod, ...] = ()


class ReportPartnerOffer(CatalogueCommand, frozen=True, kw_only=True):
    """A partner told its cost, stock and load for a variant."""

    partner_id: PartnerId
    variant_id: VariantId
    partner_variant: str
    cost_minor: Minor
    currency: Currency
    stock: int
    production_days: int
    load_percent: int = 0
    print_areas: tuple[PrintAreaSize, ...] = ()
    withdrawn: bool = False
    accepted_cost_minor: int = 0
    accepted_currency: str = ""


class ReportPartnerLoad(CatalogueCommand, frozen=True, kw_only=True):
    """A partner told how full it is, whatever it prints."""

    partner_id: PartnerId
    load_percent: int


class PublishRoutingRules(CatalogueCommand, frozen=True, kw_only=True):
    """Route a tenant's lines by these rules from now on."""

    rules_version: str
    body: str


CatalogueCommandUnion: TypeAlias = (
    DefineProduct
    | PublishTemplate
    | MapSku
    | RegisterPartner
    | ReportPartnerOffer
    | PublishRoutingRules
    | ReportPartnerLoad
)
"""Everything that can be asked of the catalogue."""

CATALOGUE_COMMANDS: tuple[type[CatalogueCommand], ...] = get_args(CatalogueCommandUnion)

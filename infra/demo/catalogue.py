"""The demo catalogue: products, their templates, the simulated print shops and what they offer.

All of it is made up for the demonstration; prices are round numbers, sizes are those of ordinary blanks.
"""

from importlib.resources import files
from typing import Final

from events.catalogue.commands import (
    CatalogueCommandUnion,
    DefineProduct,
    PublishTemplate,
    RegisterPartner,
    ReportPartnerOffer,
)
from events.catalogue.facts import PrintAreaSize, ShippingMethod, Variant
from infra.demo.house import HOUSE
from infra.demo.supplier import COASTERS, COASTERS_COST_MINOR, COASTERS_SKU, SUPPLIER
from processors.artwork.template import Template, template_from_json, template_to_json

EAST, WEST = "press-east", "press-west"

_PRODUCTS: Final[dict[str, tuple[str, dict[str, dict[str, str]], int]]] = {
    "mug-11oz-white": (
        "Mug 11 oz, white (demo)",
        {"mug-11oz-white": {"colour": "white"}, "mug-11oz-matt": {"colour": "white", "finish": "matt"}},
        340,
    ),
    "mug-11oz-black": ("Mug 11 oz, black (demo)", {"mug-11oz-black": {"colour": "black"}}, 340),
    "tee-black": ("T-shirt, black (demo)", {"tee-black-m": {"colour": "black", "size": "M"}}, 180),
    "tee-white": ("T-shirt, white (demo)", {"tee-white-l": {"colour": "white", "size": "L"}}, 180),
    "poster-30x40": ("Poster 30 × 40 cm (demo)", {"poster-30x40": {"size": "30x40"}}, 120),
}
"""Product id, which is also its template's → title, variants with their attributes, weight in grams.

A colour is a product of its own here, because the ink on a black blank is not the ink on a white one.
"""

_READY_MADE: Final[dict[str, tuple[str, dict[str, dict[str, str]], int]]] = {
    COASTERS: ("Four cork coasters (demo)", {COASTERS: {"material": "cork"}}, 90)
}
"""The same for what a supplier sells as it is: nothing is printed on it, so it has no print area and no template."""

_OFFERS: Final[dict[str, tuple[str, int, int]]] = {
    "mug-11oz-white": ("MUG-11-WHT", 420, 436),
    "mug-11oz-black": ("MUG-11-BLK", 460, 478),
    "tee-black-m": ("TEE-BLK-M", 890, 925),
    "tee-white-l": ("TEE-WHT-L", 850, 884),
    "poster-30x40": ("POSTER-3040", 610, 634),
}
"""Variant → the shops' own name for it, cost in the east and in the west (US cents)."""

#: What the house press makes, and nobody else: its name for it, and the cost.
_HOUSE_OFFERS: Final[dict[str, tuple[str, int]]] = {"mug-11oz-matt": ("MUG-11-MATT", 395)}

#: What the supplier sells, and nobody else.
_SUPPLIER_OFFERS: Final[dict[str, tuple[str, int]]] = {COASTERS: (COASTERS_SKU, COASTERS_COST_MINOR)}

#: The same at each press, so that in the demo prices and distance decide.
_GROUND: Final = ShippingMethod(
    method="ground", carrier="demo", countries=("*",), days_min=2, days_max=5, cost_minor=475, currency="USD"
)

TEMPLATE_OF_VARIANT: Final[dict[str, str]] = {
    variant_id: product_id for product_id, (_, variants, _) in _PRODUCTS.items() for variant_id in variants
}


def demo_catalogue(version: int) -> tuple[CatalogueCommandUnion, ...]:
    """The commands that make the demo catalogue known; `version` orders them against earlier ones."""
    return (*_products(version), *_templates(version), *_partners(version), *_offers(version))


def _products(version: int) -> tuple[CatalogueCommandUnion, ...]:
    return tuple(
        DefineProduct(
            source_version=version,
            product_id=product_id,
            title=title,
            variants=tuple(
                Variant(variant_id=variant_id, attributes=attributes, weight_grams=weight_grams)
                for variant_id, attributes in variants.items()
            ),
            print_areas=_print_areas(product_id) if product_id in _PRODUCTS else (),
        )
        for product_id, (title, variants, weight_grams) in (_PRODUCTS | _READY_MADE).items()
    )


def _print_areas(template_id: str) -> tuple[PrintAreaSize, ...]:
    return tuple(
        PrintAreaSize(name=area.name, width_um=area.width_um, height_um=area.height_um, dpi=area.dpi)
        for area in demo_template(template_id).areas
    )


def demo_template(template_id: str) -> Template:
    """A template of the demo catalogue, as it ships with the artwork pipeline."""
    source = files("processors.artwork").joinpath("templates", f"{template_id}.json")
    return template_from_json(source.read_bytes())


def _templates(version: int) -> tuple[CatalogueCommandUnion, ...]:
    templates = ((product_id, demo_template(product_id)) for product_id in _PRODUCTS)
    return tuple(
        PublishTemplate(
            source_version=version,
            template_id=template.template_id,
            template_version=template.version,
            product_id=product_id,
            body=template_to_json(template).decode(),
        )
        for product_id, template in templates
    )


def _partners(version: int) -> tuple[CatalogueCommandUnion, ...]:
    """A shop on each coast of the United States, a house press and a supplier between them; all ship everywhere."""
    places = {
        EAST: ("Demo press, east", "print_shop", 20_000, 40.7, -74.0),
        WEST: ("Demo press, west", "print_shop", 20_000, 37.8, -122.4),
        HOUSE: ("Demo press, house", "house", 2_000, 41.9, -87.6),
        SUPPLIER: ("Demo supplier, north", "supplier", 5_000, 45.0, -93.3),
    }
    return tuple(
        RegisterPartner(
            source_version=version,
            partner_id=partner_id,
            name=name,
            adapter=adapter,
            country="US",
            latitude=latitude,
            longitude=longitude,
            ships_to=("*",),
            daily_capacity=daily_capacity,
            shipping_methods=(_GROUND,),
        )
        for partner_id, (name, adapter, daily_capacity, latitude, longitude) in places.items()
    )


def _offers(version: int) -> tuple[CatalogueCommandUnion, ...]:
    costs = [
        (partner_id, variant_id, partner_variant, cost_minor)
        for variant_id, (partner_variant, cost_east_minor, cost_west_minor) in _OFFERS.items()
        for partner_id, cost_minor in ((EAST, cost_east_minor), (WEST, cost_west_minor))
    ]
    costs += [(HOUSE, variant_id, *said) for variant_id, said in _HOUSE_OFFERS.items()]
    costs += [(SUPPLIER, variant_id, *said) for variant_id, said in _SUPPLIER_OFFERS.items()]
    return tuple(
        ReportPartnerOffer(
            source_version=version,
            partner_id=partner_id,
            variant_id=variant_id,
            partner_variant=partner_variant,
            cost_minor=cost_minor,
            currency="USD",
            stock=100_000,
            production_days=2,
        )
        for partner_id, variant_id, partner_variant, cost_minor in costs
    )

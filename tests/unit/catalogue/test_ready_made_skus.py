"""A SKU of a ready-made product has no template; one of a printed product without it is refused, or blanks are sent."""

import msgspec

from events.catalogue.commands import DefineProduct, MapSku
from events.catalogue.facts import Variant
from events.order.values import LineArtwork
from processors.catalogue.plan import Known, plan
from processors.catalogue.table import read_table, write_table
from tests.unit.catalogue.test_catalogue import PRODUCT

COASTER = DefineProduct(
    source_version=1,
    product_id="coaster",
    title="Coaster",
    variants=(Variant(variant_id="coaster-cork-set", weight_grams=90),),
    print_areas=(),
)
READY_MADE = LineArtwork(variant_id="coaster-cork-set", template_id="", template_version=0)
SKU = MapSku(source_version=1, store="demo-rest", sku="COASTER", artwork=READY_MADE)


def test_it_survives_the_table_with_empty_template_cells() -> None:
    # when
    table = read_table(write_table([COASTER, SKU]), "demo")
    # then
    assert not table.faults
    assert table.rows[1].command == msgspec.structs.replace(SKU, source_version=0)


def test_it_is_taken_without_a_template() -> None:
    _, step = plan(read_table(write_table([COASTER, SKU]), "demo").rows, Known("demo", []), now_ms=5)
    assert step.word == "added"


def test_a_printed_product_without_a_template_is_refused() -> None:
    # given
    forgotten = msgspec.structs.replace(SKU, artwork=msgspec.structs.replace(READY_MADE, variant_id="mug-11oz-white"))
    # when
    (step,) = plan(read_table(write_table([forgotten]), "demo").rows, Known("demo", [PRODUCT]), now_ms=5)
    # then
    assert step.word == "refused"
    assert step.why == "mug-11oz-white is printed, and would be sent blank: name the template of its product"


def test_an_unknown_variant_is_named_before_anything_else() -> None:
    (step,) = plan(read_table(write_table([SKU]), "demo").rows, Known("demo", [PRODUCT]), now_ms=5)
    assert step.why.startswith("nobody knows the variant coaster-cork-set")

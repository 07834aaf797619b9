"""The catalogue: full descriptions, of which the newest of a key wins."""

import msgspec
import pytest

from events.catalogue.commands import (
    CATALOGUE_COMMANDS,
    CatalogueCommandUnion,
    DefineProduct,
    MapSku,
    PublishRoutingRules,
    PublishTemplate,
    RegisterPartner,
    ReportPartnerLoad,
    ReportPartnerOffer,
)
from events.catalogue.decide import CatalogueDecider, Entry, NotThisKey, TemplateVersionTaken, catalogue_key
from events.catalogue.facts import (
    CATALOGUE_FACTS,
    CatalogueEvent,
    PartnerLoadChanged,
    PartnerOfferChanged,
    PartnerRegistered,
    PrintAreaSize,
    ProductDefined,
    RoutingRulesPublished,
    SkuMapped,
    TemplatePublished,
    Variant,
)
from events.catalogue.stream import CATALOGUE_STREAM
from events.decider import Context, Ignored
from tests.order_life import MUG

DECIDER = CatalogueDecider()
PRODUCT = DefineProduct(
    source_version=1,
    product_id="mug",
    title="Mug",
    variants=(Variant(variant_id="mug-11oz-white", attributes={"colour": "white"}, weight_grams=350),),
    print_areas=(PrintAreaSize(name="wrap", width_um=200_000, height_um=90_000, dpi=300),),
)
TEMPLATE = PublishTemplate(source_version=1, template_id="mug-11oz", template_version=1, product_id="mug", body="{}")
SKU = MapSku(source_version=1, store="demo-rest", sku="MUG-1", artwork=MUG)
PARTNER = RegisterPartner(
    source_version=1,
    partner_id="press-east",
    name="Press East",
    adapter="print_shop",
    country="DE",
    latitude=52.5,
    longitude=13.4,
    ships_to=("*",),
    daily_capacity=500,
)
OFFER = ReportPartnerOffer(
    source_version=1,
    partner_id="press-east",
    variant_id="mug-11oz-white",
    partner_variant="MUG11W",
    cost_minor=450,
    currency="EUR",
    stock=100,
    production_days=2,
)
RULES = PublishRoutingRules(source_version=1, rules_version="cheap-1", body="{}")
LOAD = ReportPartnerLoad(source_version=1, partner_id="press-east", load_percent=40)
CASES: list[tuple[CatalogueCommandUnion, type[CatalogueEvent], str]] = [
    (PRODUCT, ProductDefined, "product:mug"),
    (TEMPLATE, TemplatePublished, "template:mug-11oz:1"),
    (SKU, SkuMapped, "sku:demo:demo-rest:MUG-1"),
    (PARTNER, PartnerRegistered, "partner:press-east"),
    (OFFER, PartnerOfferChanged, "offer:press-east:mug-11oz-white"),
    (RULES, RoutingRulesPublished, "routing-rules:demo"),
    (LOAD, PartnerLoadChanged, "load:press-east"),
]


def decided(state: Entry, command: CatalogueCommandUnion, key: str | None = None) -> tuple[CatalogueEvent, ...]:
    key = catalogue_key("demo", command) if key is None else key
    context = Context(key=key, tenant="demo", command_id="c", now=1, actor="operator:1")
    facts, after = DECIDER.decide_and_evolve(state, command, context)
    assert after == DECIDER.evolve(state, facts[-1])
    return facts


@pytest.mark.parametrize(("command", "fact", "key"), CASES)
def test_a_description_becomes_a_fact_with_all_of_its_content(
    command: CatalogueCommandUnion, fact: type[CatalogueEvent], key: str
) -> None:
    (found,) = decided(Entry(), command, key)
    assert type(found) is fact
    assert msgspec.structs.asdict(found) == msgspec.structs.asdict(command)


@pytest.mark.parametrize(("command", "fact", "key"), CASES)
def test_the_same_description_told_twice_is_ignored(
    command: CatalogueCommandUnion, fact: type[CatalogueEvent], key: str
) -> None:
    state = DECIDER.evolve(Entry(), decided(Entry(), command)[0])
    with pytest.raises(Ignored):
        decided(state, command)


@pytest.mark.parametrize(("command", "fact", "key"), CASES)
def test_a_command_under_another_key_is_refused(
    command: CatalogueCommandUnion, fact: type[CatalogueEvent], key: str
) -> None:
    with pytest.raises(NotThisKey, match="catalogue_key"):
        decided(Entry(), command, "other")


def test_a_newer_offer_replaces_the_one_before() -> None:
    state = DECIDER.evolve(Entry(), decided(Entry(), OFFER)[0])
    newer = msgspec.structs.replace(OFFER, source_version=2, stock=0)
    state = DECIDER.evolve(state, decided(state, newer)[0])
    assert state.latest == decided(Entry(), newer)[0]


def test_an_older_offer_changes_nothing() -> None:
    state = DECIDER.evolve(Entry(), decided(Entry(), msgspec.structs.replace(OFFER, source_version=5))[0])
    with pytest.raises(Ignored, match="newer or equal"):
        decided(state, msgspec.structs.replace(OFFER, source_version=4, stock=7))


def test_an_offer_that_comes_after_a_newer_one_changes_nothing_though_that_one_said_what_was_known() -> None:
    state = DECIDER.evolve(Entry(), decided(Entry(), OFFER)[0])
    confirmed = DECIDER.evolve(state, decided(state, msgspec.structs.replace(OFFER, source_version=5))[0])
    with pytest.raises(Ignored, match="newer or equal"):
        decided(confirmed, msgspec.structs.replace(OFFER, source_version=3, stock=0))


def test_a_published_template_never_changes_because_orders_keep_it() -> None:
    state = DECIDER.evolve(Entry(), decided(Entry(), TEMPLATE)[0])
    with pytest.raises(TemplateVersionTaken, match="next version"):
        decided(state, msgspec.structs.replace(TEMPLATE, source_version=2, body='{"other": true}'))


def test_the_same_sku_of_two_stores_or_tenants_is_two_entries() -> None:
    other_store = msgspec.structs.replace(SKU, store="demo-woo")
    keys = {catalogue_key("demo", SKU), catalogue_key("demo", other_store), catalogue_key("other", SKU)}
    assert len(keys) == 3


def test_an_entry_exists_once_something_is_known() -> None:
    assert not DECIDER.exists(DECIDER.initial_state())
    assert DECIDER.exists(DECIDER.evolve(Entry(), decided(Entry(), SKU)[0]))


def test_a_snapshot_of_an_entry_reads_back_the_same() -> None:
    for command, _, _ in CASES:
        state = DECIDER.evolve(Entry(), decided(Entry(), command)[0])
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Entry) == state


def test_the_stream_names_all_facts_and_commands() -> None:
    assert CATALOGUE_STREAM.facts == CATALOGUE_FACTS
    assert CATALOGUE_STREAM.commands == CATALOGUE_COMMANDS
    assert {type(command) for command, _, _ in CASES} == set(CATALOGUE_COMMANDS)

"""The catalogue's table reads back what was written, whatever the descriptions, and names what is wrong in any text."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalogue.commands import CatalogueCommandUnion, MapSku, RegisterPartner, ReportPartnerOffer
from events.catalogue.decide import catalogue_key
from events.catalogue.facts import Outage, PrintAreaSize, ShippingMethod
from events.order.values import AreaDesign, LineArtwork
from processors.catalogue.plan import Known, plan
from processors.catalogue.table import TableNotUsable, read_table, write_table

TENANT = "demo"
#: NUL is refused with its cell named, because no read model could hold it.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
IDS = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-=+@'"), min_size=1, max_size=8)
COUNTRIES = st.sampled_from(["US", "DE", "JP", "*"])
COUNTS = st.integers(0, 2**31 - 1)
AREAS = st.lists(
    st.builds(
        PrintAreaSize,
        name=WORDS,
        width_um=st.integers(1, 10**6),
        height_um=st.integers(1, 10**6),
        dpi=st.integers(1, 600),
    ),
    max_size=3,
    unique_by=lambda area: area.name,
).map(tuple)
PARTNERS = st.builds(
    RegisterPartner,
    source_version=st.just(0),
    partner_id=IDS,
    name=WORDS.filter(bool),
    adapter=IDS,
    country=st.sampled_from(["US", "DE"]),
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    ships_to=st.lists(COUNTRIES, max_size=3).map(tuple),
    daily_capacity=COUNTS,
    tenants=st.lists(WORDS, max_size=2).map(tuple),
    suspended=st.booleans(),
    transit_days=st.dictionaries(COUNTRIES, st.integers(0, 365), max_size=3),
    outages=st.lists(
        st.builds(Outage, begins_at=st.integers(0, 9), ends_at=st.integers(10, 99), reason=WORDS), max_size=2
    ).map(tuple),
    shipping_methods=st.lists(
        st.builds(ShippingMethod, method=WORDS, carrier=WORDS, currency=st.just("EUR"), cost_minor=COUNTS), max_size=2
    ).map(tuple),
)
OFFERS = st.builds(
    ReportPartnerOffer,
    source_version=st.just(0),
    partner_id=IDS,
    variant_id=IDS,
    partner_variant=IDS,
    cost_minor=COUNTS,
    currency=st.sampled_from(["EUR", "USD"]),
    stock=COUNTS,
    production_days=st.integers(0, 365),
    load_percent=st.integers(0, 200),
    print_areas=AREAS,
    accepted_cost_minor=COUNTS,
    accepted_currency=st.sampled_from(["", "EUR"]),
)
SKUS = st.builds(
    MapSku,
    source_version=st.just(0),
    store=IDS,
    sku=IDS,
    artwork=st.builds(
        LineArtwork,
        variant_id=IDS,
        template_id=IDS,
        template_version=st.integers(1, 9),
        designs=st.lists(st.builds(AreaDesign, area=WORDS, design_key=WORDS), max_size=2).map(tuple),
        designer=WORDS,
    ),
    attributes=st.dictionaries(WORDS, WORDS, max_size=3),
)
CATALOGUES = st.lists(
    st.one_of(PARTNERS, OFFERS, SKUS), max_size=6, unique_by=lambda command: catalogue_key(TENANT, command)
)


@settings(max_examples=200, deadline=None)
@given(CATALOGUES)
def test_an_export_reads_back_as_what_was_exported_and_writes_the_same_bytes(
    catalogue: list[CatalogueCommandUnion],
) -> None:
    exported = write_table(catalogue)
    table = read_table(exported, TENANT)
    assert table.faults == ()
    assert [row.command for row in table.rows] == catalogue
    assert write_table(row.command for row in table.rows) == exported


@settings(max_examples=100, deadline=None)
@given(CATALOGUES)
def test_an_import_of_what_is_known_changes_nothing(catalogue: list[CatalogueCommandUnion]) -> None:
    known = Known(TENANT, [msgspec.structs.replace(command, source_version=7) for command in catalogue])
    steps = plan(read_table(write_table(catalogue), TENANT).rows, known, now_ms=1)
    assert {step.word for step in steps} <= {"unchanged", "refused"}
    assert all(step.command is None for step in steps)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=300).map(lambda text: f"kind,sku\n{text}".encode("utf-8", "replace"))
    )
)
def test_any_bytes_at_all_are_a_table_with_its_faults_or_are_named_as_none(content: bytes) -> None:
    try:
        table = read_table(content, TENANT)
    except TableNotUsable:
        return
    assert all(fault.line > 1 and fault.message for fault in table.faults)

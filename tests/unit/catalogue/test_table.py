"""A table that a person edited: what is wrong is named by line and column, with what to do."""

import csv
import io
from typing import Any

import msgspec
import pytest

from events.catalogue.commands import CatalogueCommandUnion
from events.catalogue.facts import Variant
from processors.catalogue.plan import Known, counted, plan
from processors.catalogue.table import ERRORS_TOLD, Table, TableNotUsable, read_table, write_table
from tests.unit.catalogue.test_catalogue import OFFER, PARTNER, PRODUCT, RULES, SKU, TEMPLATE

KNOWN = (PRODUCT, PARTNER, OFFER)
HEADER = b"kind,partner_id,load_percent\r\n"


def table(*commands: CatalogueCommandUnion) -> Table:
    return read_table(write_table(commands), "demo")


def faults(content: bytes) -> list[str]:
    return [str(fault) for fault in read_table(content, "demo").faults]


def test_a_catalogue_survives_a_spreadsheets_byte_order_mark_and_capitals() -> None:
    # given
    exported = write_table([msgspec.structs.replace(PARTNER, suspended=True)])
    edited = b"\xef\xbb\xbf" + exported.replace(b"true", b"TRUE")
    # when
    (row,) = read_table(edited, "demo").rows
    # then
    assert row.command == msgspec.structs.replace(PARTNER, suspended=True, source_version=0)


def test_a_text_that_a_spreadsheet_would_run_is_written_as_text() -> None:
    product = msgspec.structs.replace(PRODUCT, title="=HYPERLINK(1)", source_version=0)
    exported = write_table([product])
    assert b",'=HYPERLINK(1)," in exported
    assert read_table(exported, "demo").rows[0].command == product


def test_rules_have_a_file_of_their_own_and_no_row() -> None:
    assert write_table([RULES]) == write_table([])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"press,p,1", "line 2, column kind: 'press' is no kind of row: give one of product"),
        (b"load,,1", "line 2, column partner_id: is empty: give a value"),
        (b"load,p,many", "line 2, column load_percent: is not usable"),
        (b"load,p,-1", "line 2, column load_percent: -1 is out of bounds: give 0 to"),
        (b"load,a:b,1", "line 2, column partner_id: an id has no colon"),
        (b"load,p,1,7", "line 2: has 4 cells, the header 3"),
        (b"load,p,1\r\nload,p,2", "line 3: describes the same as line 2: keep one"),
        (b"product,p,", "line 2, column partner_id: a row of kind product has none: leave it empty"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column_with_what_to_do(line: bytes, told: str) -> None:
    assert any(fault.startswith(told) for fault in faults(HEADER + line))


@pytest.mark.parametrize(
    ("changed", "column"), [({"title": "Mug\x00"}, "title"), ({"variants": (Variant(variant_id="m\x00"),)}, "variants")]
)
def test_nul_is_refused_in_texts_and_within_json(changed: dict[str, Any], column: str) -> None:
    (fault,) = faults(write_table([msgspec.structs.replace(PRODUCT, **changed)]))
    assert fault.startswith(f"line 2, column {column}: holds the character NUL (U+0000)")


def test_a_line_is_counted_where_its_row_begins_even_after_a_cell_of_several_lines() -> None:
    content = b'kind,product_id,title,variants,print_areas\r\nproduct,a,"two\nlines",[],[]\r\nnothing,b,,,\r\n'
    assert faults(content) == [faults(content)[0]]
    assert faults(content)[0].startswith("line 4, column kind")


def test_a_file_with_endless_faults_is_told_a_hundred() -> None:
    assert len(faults(HEADER + b"nothing,p,1\r\n" * 5_000)) == ERRORS_TOLD + 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no column kind"),
        (b"sku,store\n", "no column kind"),
        (b"kind,colour\n", "unknown columns: colour"),
        (b"kind,sku,sku\n", "twice"),
        (b"\xff\xfe", "not UTF-8"),
        (b'kind,sku\nsku,"open', "no CSV from line 2"),
    ],
)
def test_a_file_that_is_no_table_is_named_as_such(content: bytes, told: str) -> None:
    with pytest.raises(TableNotUsable, match=told):
        read_table(content, "demo")


def test_an_import_adds_changes_and_leaves_and_says_only_what_differs() -> None:
    # given
    known = Known("demo", [PRODUCT, PARTNER, OFFER])
    dearer = msgspec.structs.replace(OFFER, cost_minor=460)
    new = msgspec.structs.replace(PARTNER, partner_id="press-west")
    # when
    steps = plan(table(PRODUCT, dearer, new).rows, known, now_ms=100)
    # then
    assert [(step.word, step.fields) for step in steps] == [
        ("unchanged", ()),
        ("changed", ("cost_minor",)),
        ("added", ()),
    ]
    assert [step.command and step.command.source_version for step in steps] == [None, 100, 100]
    assert counted(steps) == {"added": 1, "changed": 1, "unchanged": 1, "refused": 0}


def without(content: bytes, *columns: str) -> bytes:
    """The table as a spreadsheet saves it after somebody took these columns out."""
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    kept = [number for number, name in enumerate(header) if name not in columns]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([row[number] for number in kept] for row in (header, *rows))
    return out.getvalue().encode()


def test_a_column_that_the_table_leaves_out_keeps_what_is_known() -> None:
    # given
    private = msgspec.structs.replace(PARTNER, tenants=("acme",), suspended=True)
    known, edited = Known("demo", [private]), msgspec.structs.replace(private, daily_capacity=7)
    # when
    exported, changed = (without(write_table([one]), "suspended", "tenants") for one in (private, edited))
    (same,) = plan(read_table(exported, "demo").rows, known, now_ms=5)
    (step,) = plan(read_table(changed, "demo").rows, known, now_ms=5)
    # then
    assert same.word == "unchanged"
    assert (step.word, step.fields) == ("changed", ("daily_capacity",))
    assert step.command == msgspec.structs.replace(edited, source_version=5)


def test_a_sku_keeps_the_template_whose_columns_the_table_leaves_out() -> None:
    known = Known("demo", [*KNOWN, TEMPLATE, SKU])
    (step,) = plan(read_table(without(write_table([SKU]), "template_id", "template_version"), "demo").rows, known, 5)
    assert step.word == "unchanged"


def test_what_is_new_has_the_defaults_of_columns_that_the_table_leaves_out() -> None:
    (step,) = plan(read_table(without(write_table([PARTNER]), "tenants"), "demo").rows, Known("demo", []), now_ms=5)
    assert step.command == msgspec.structs.replace(PARTNER, source_version=5)


def test_a_column_that_every_row_needs_is_named_where_the_table_leaves_it_out() -> None:
    assert faults(without(write_table([PARTNER]), "name")) == ["line 2, column name: is empty: give a value"]


def test_an_empty_cell_is_the_default() -> None:
    known = Known("demo", [msgspec.structs.replace(PARTNER, suspended=True)])
    (step,) = plan(table(PARTNER).rows, known, now_ms=5)
    assert (step.word, step.fields) == ("changed", ("suspended",))


def test_a_row_that_a_spreadsheet_ended_before_its_empty_cells_is_whole() -> None:
    content = write_table([PARTNER])
    (row,) = read_table(content.rstrip(b",\r\n") + b"\r\n", "demo").rows
    assert row.command == msgspec.structs.replace(PARTNER, source_version=0)


def test_a_file_that_was_cut_off_in_its_last_row_is_named() -> None:
    # given
    content = write_table([PRODUCT, msgspec.structs.replace(PARTNER, suspended=True)])
    cut_off = content[: content.rindex(b"true")]
    # then
    (fault,) = faults(cut_off)
    assert fault.startswith("line 3: has ")
    assert "may be cut off" in fault


def test_a_row_that_names_what_nobody_described_is_refused_and_says_what_is_missing() -> None:
    (offer,) = plan(table(OFFER).rows, Known("demo", []), now_ms=1)
    (sku,) = plan(table(SKU).rows, Known("demo", KNOWN), now_ms=1)
    assert offer.word == sku.word == "refused"
    assert offer.why.startswith("nobody knows the partner press-east and the variant mug-11oz-white")
    assert "template ('mug-11oz', 1)" in sku.why


def test_a_description_from_a_fast_clock_is_still_replaced() -> None:
    known = Known("demo", [PRODUCT, PARTNER, msgspec.structs.replace(OFFER, source_version=10**15)])
    (step,) = plan(table(msgspec.structs.replace(OFFER, stock=1)).rows, known, now_ms=5)
    assert step.command is not None
    assert step.command.source_version == 10**15 + 1

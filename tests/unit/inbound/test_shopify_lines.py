"""Reading the lines of Shopify's orders: which are made, by what name, and what is printed on them."""

from __future__ import annotations

from typing import Any

import pytest

from processors.inbound.reading import (
    FieldNotUsable,
    NothingToDo,
    ReadArea,
)
from tests.unit.inbound.shopify_orders import body, line, read


@pytest.mark.parametrize(
    ("changes", "sku"),
    [
        ({"sku": None}, "variant:77"),
        ({"sku": ""}, "variant:77"),
        ({"sku": "  ", "variant_id": None, "product_id": 5}, "product:5"),
        ({"sku": None, "variant_id": None, "title": "Custom mug"}, "title:Custom mug"),
        ({"sku": 12345}, "12345"),
    ],
)
def test_a_line_without_a_sku_is_named_by_what_it_has(changes: dict[str, Any], sku: str) -> None:
    assert read(body(line_items=[line(**changes)])).lines[0].sku == sku


def test_nul_which_nothing_can_keep_or_print_is_left_out_of_instructions_too() -> None:
    order = read(body(line_items=[line(properties=[{"name": "Col\0our", "value": "gr\0een"}])]))
    assert order.lines[0].instructions == "Colour: green"


def test_properties_become_text_picture_and_instructions() -> None:
    order = read(
        body(
            note="Please wrap it",
            note_attributes=[{"name": "gift", "value": "yes"}, {"name": "_internal", "value": "x"}],
            line_items=[
                line(
                    properties=[
                        {"name": "Text", "value": "Happy\nBirthday"},
                        {"name": "Custom-Engraving", "value": "Ann"},
                        {"name": "_artwork_url", "value": "https://cdn.example/a.png"},
                        {"name": "Colour", "value": "green"},
                        {"name": "_hidden", "value": "secret"},
                        {"name": "Empty", "value": ""},
                        {"name": "Nothing", "value": None},
                    ]
                )
            ],
        )
    )
    (only,) = order.lines
    assert only.areas == (ReadArea(text="Happy\nBirthday\nAnn", artwork_url="https://cdn.example/a.png"),)
    assert only.instructions == "Colour: green\nPlease wrap it\ngift: yes"


def test_a_link_to_a_picture_under_a_name_of_the_upload_app_is_the_picture() -> None:
    properties = [{"name": "_uploadkit_1", "value": "https://cdn.example/u/1.JPG?v=2"}]
    assert read(body(line_items=[line(properties=properties)])).lines[0].areas[0].artwork_url == properties[0]["value"]


def test_the_documented_picture_property_wins_over_a_link_elsewhere() -> None:
    properties = [
        {"name": "Preview", "value": "https://cdn.example/preview.png"},
        {"name": "image", "value": "https://cdn.example/image.png"},
        {"name": "artwork", "value": "https://cdn.example/art.png"},
    ]
    assert (
        read(body(line_items=[line(properties=properties)])).lines[0].areas[0].artwork_url
        == "https://cdn.example/art.png"
    )


def test_a_picture_property_that_is_no_address_is_kept_so_that_it_is_seen() -> None:
    properties = [{"name": "artwork", "value": "see mail"}]
    assert read(body(line_items=[line(properties=properties)])).lines[0].areas[0].artwork_url == "see mail"


def test_a_print_area_in_brackets_says_where_text_and_picture_are_printed() -> None:
    properties = [
        {"name": "Text", "value": "Ann"},
        {"name": "Text (back)", "value": "Team"},
        {"name": "Picture (Left Sleeve)", "value": "https://x.example/1"},
        {"name": "Gift (large)", "value": "yes"},
    ]
    only = read(body(line_items=[line(properties=properties)])).lines[0]
    assert only.areas == (
        ReadArea(text="Ann"),
        ReadArea(area="back", text="Team"),
        ReadArea(area="left_sleeve", artwork_url="https://x.example/1"),
    )
    assert only.instructions == "Gift (large): yes"


def test_a_line_with_more_print_areas_than_can_be_made_is_refused_by_name() -> None:
    properties = [{"name": f"Text (area {number})", "value": "x"} for number in range(9)]
    with pytest.raises(FieldNotUsable, match="9 print areas"):
        read(body(line_items=[line(properties=properties)]))


@pytest.mark.parametrize(("written", "quantity"), [("3", 3), (" 3 ", 3), (3.0, 3)])
def test_a_quantity_may_be_written_as_a_text(written: Any, quantity: int) -> None:
    assert read(body(line_items=[line(quantity=written)])).lines[0].quantity == quantity


@pytest.mark.parametrize("quantity", ["--5", "5-", "-", "", "\u0663", "1" * 19, "1e3"])
def test_a_quantity_that_is_no_whole_number_is_named(quantity: str) -> None:
    with pytest.raises(FieldNotUsable, match=r"^line_items\[0\].quantity should be a whole number"):
        read(body(line_items=[line(quantity=quantity)]))


@pytest.mark.parametrize("price", ["1e999999999", "-1e999999999", "1e13"])
def test_a_price_beyond_all_money_is_named(price: str) -> None:
    with pytest.raises(FieldNotUsable, match=r"^line_items\[0\].price should be an amount of money"):
        read(body(line_items=[line(price=price)]))


def test_lines_that_cost_more_together_than_a_fact_can_hold_are_refused_with_what_to_do() -> None:
    lines = [line(id=number, quantity=10_000, price="9999999999999.00") for number in range(100)]
    with pytest.raises(FieldNotUsable, match="give a total"):
        read(body(current_total_price=None, total_price=None, line_items=lines))


def test_a_store_names_its_own_properties() -> None:
    properties = [{"name": "Gravur", "value": "Anna"}, {"name": "Bild", "value": "https://x.example/1"}]
    only = read(
        body(line_items=[line(properties=properties)]),
        text_properties=("gravur",),
        artwork_properties=("bild",),
    ).lines[0]
    assert only.areas == (ReadArea(text="Anna", artwork_url="https://x.example/1"),)


def test_properties_as_an_object_are_read_too() -> None:
    assert read(body(line_items=[line(properties={"Text": "Ann"})])).lines[0].areas[0].text == "Ann"


def test_lines_that_are_not_made_here_are_left_out() -> None:
    order = read(
        body(
            line_items=[
                line(id=1),
                line(id=2, gift_card=True),
                line(id=3, requires_shipping=False),
                line(id=4, current_quantity=0),
                line(id=5, quantity=3, current_quantity=1),
            ]
        )
    )
    assert [(one.line_id, one.quantity) for one in order.lines] == [("1", 2), ("5", 1)]


def test_an_order_with_nothing_to_print_says_so() -> None:
    with pytest.raises(NothingToDo, match="nothing to print"):
        read(body(line_items=[line(gift_card=True)]))

"""A simulated shop tells of a blank that ran out or is back, and of nothing in between."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from processors.catalogue.news import tells_of_offers
from processors.partners.print_shop_setup import Offer
from processors.partners.print_shop_shelf import SCHEMA, Shelf
from processors.simulation import Store

SHOP, BLANK = "press-east", "MUG-11-WHT"


class Told(list[tuple[str, str, bytes]]):
    def hear(self, shop: str, event_id: str, body: bytes) -> None:
        self.append((shop, event_id, body))

    @property
    def stock(self) -> list[int]:
        return [msgspec.json.decode(body)["data"]["stock"] for _, _, body in self]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def shelf(tmp_path: Path, told: Told) -> Iterator[Shelf]:
    store = Store(tmp_path / "shop.sqlite", SCHEMA)
    made = Shelf(store, told.hear)
    made.fill(SHOP, [Offer(variant=BLANK, customer_variant="mug-11oz-white", unit_cost_minor=420, stock=3)])
    yield made
    store.close()


def test_a_job_that_takes_some_blanks_is_no_news(shelf: Shelf, told: Told) -> None:
    shelf.take(SHOP, BLANK, 2)
    assert shelf.units(SHOP, BLANK) == 1
    assert told == []


def test_the_last_blank_and_the_first_new_one_are_news(shelf: Shelf, told: Told) -> None:
    shelf.take(SHOP, BLANK, 3)
    shelf.count(SHOP, BLANK, 0)
    shelf.count(SHOP, BLANK, 7)
    shelf.count(SHOP, BLANK, 8)
    assert told.stock == [0, 7]
    assert {shop for shop, _, _ in told} == {SHOP}
    assert len({event_id for _, event_id, _ in told}) == 2
    assert all(tells_of_offers(body) for _, _, body in told)


def test_a_shelf_that_was_counted_before_is_not_filled_again(shelf: Shelf) -> None:
    shelf.count(SHOP, BLANK, 1)
    shelf.fill(SHOP, [Offer(variant=BLANK, customer_variant="mug-11oz-white", unit_cost_minor=420)])
    assert shelf.units(SHOP, BLANK) == 1

"""A simulated vendor's catalogue: changed while it runs, kept over a restart, told of once a change."""

from pathlib import Path

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from processors.partners.catalogue_shelf import SCHEMA, CatalogueShelf, attach
from processors.partners.gelato_works import Product
from processors.simulation import Store

MUG = Product(product_uid="mug", price=6.5)
Told = list[tuple[Product, Product | None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_shelf(folder: Path, told: Told) -> tuple[CatalogueShelf[Product], Store]:
    store = Store(folder / "vendor.sqlite", SCHEMA)
    return CatalogueShelf(store, {"mug": MUG}, lambda before, after: told.append((before, after))), store


def test_what_was_changed_is_told_once_and_kept_over_a_restart(tmp_path: Path) -> None:
    told: Told = []
    shelf, store = a_shelf(tmp_path, told)
    dearer = shelf.change("mug", {"price": 7.0})
    store.close()
    again, store = a_shelf(tmp_path, told)
    assert again.find("mug") == dearer == msgspec.structs.replace(MUG, price=7.0)
    assert told == [(MUG, dearer)]
    store.close()


def test_what_vanished_cannot_be_ordered_keeps_its_price_and_comes_back(tmp_path: Path) -> None:
    told: Told = []
    shelf, store = a_shelf(tmp_path, told)
    assert shelf.change("mug", None) is None
    assert (shelf.find("mug"), shelf.known("mug")) == (None, MUG)
    assert shelf.change("mug", {}) == shelf.find("mug") == MUG
    assert told == [(MUG, None), (MUG, MUG)]
    store.close()


@pytest.mark.anyio
async def test_the_control_desk_says_what_it_does_not_know(tmp_path: Path) -> None:
    shelf, store = a_shelf(tmp_path, [])
    app = FastAPI()
    attach(app, shelf)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vendor") as desk:
        answers = [
            await desk.patch("/control/catalogue/mug", json={"stock": "out-of-stock"}),
            await desk.patch("/control/catalogue/mug", json={"colour": "red"}),
            await desk.patch("/control/catalogue/mug", json={"price": "much"}),
            await desk.delete("/control/catalogue/never-was"),
        ]
    assert [answer.status_code for answer in answers] == [200, 422, 422, 404]
    assert answers[0].json()["stock"] == "out-of-stock"
    store.close()

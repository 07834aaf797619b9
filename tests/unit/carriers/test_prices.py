"""What a label costs, however the carrier writes it: a paid label never hangs on its price."""

from collections.abc import Mapping

import msgspec
import pytest

from processors.carriers import easypost_shapes as shapes
from processors.carriers.common import price_in_minor_units
from processors.carriers.easypost import EasyPost
from processors.carriers.easypost_requests import shipment_request
from processors.carriers.protocol import LabelBought
from processors.fetch import Fetched
from processors.outbound import Answer, OutboundClient, OutboundPolicy
from tests.contract.claims import Claims
from tests.unit.carriers.doubles import SHIPMENT

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"


class Office(OutboundClient):
    """EasyPost with one shipment of an earlier try, which costs so much."""

    def __init__(self, price: str) -> None:
        super().__init__("easypost", "http://127.0.0.1:9", OutboundPolicy())
        self._held = shapes.shipment(shipment_request(SHIPMENT)["shipment"], "shp_1", 0)
        (self._rate, *_) = self._held["rates"]
        self._held["rates"] = [self._rate]
        self._rate["rate"] = price
        self.sold = 0

    async def call(
        self, method: str, path: str, *, json: object = None, idempotent: bool,
        headers: Mapping[str, str] | None = None, about: str = "",
    ) -> Answer:  # fmt: skip
        if path.endswith("/buy"):
            self.sold += 1
            self._held = shapes.bought(self._held, self._rate, "https://labels.example/1.png", 0)
        return Answer(status=200, headers={}, body=msgspec.json.encode(self._held))


class Labels:
    async def fetch(self, url: str) -> Fetched:
        return Fetched(content=b"label", media_type="image/png", url=url)


async def test_a_label_that_was_bought_at_a_part_of_a_cent_is_read_at_once_and_again() -> None:
    # given
    office, claims = Office("4.275"), Claims()
    await claims.claim(SHIPMENT.effect_key, "shp_1")
    carrier = EasyPost("easypost", office, Labels(), claims, ("secret",))
    # when
    bought, again = await carrier.buy_label(SHIPMENT), await carrier.read_back(SHIPMENT.effect_key)
    # then
    assert isinstance(bought, LabelBought)
    assert isinstance(again, LabelBought)
    assert (bought.cost_minor, again.cost_minor, bought.currency, office.sold) == (428, 428, "USD", 1)


async def test_what_is_no_price_is_not_bought() -> None:
    office, claims = Office("free"), Claims()
    await claims.claim(SHIPMENT.effect_key, "shp_1")
    carrier = EasyPost("easypost", office, Labels(), claims, ("secret",))
    assert not isinstance(await carrier.buy_label(SHIPMENT), LabelBought)
    assert office.sold == 0


@pytest.mark.parametrize(
    ("amount", "currency", "cost_minor"),
    [
        ("4.27", "USD", 427), ("4.27000", "USD", 427), ("4.275", "USD", 428), ("0", "USD", 0), ("0.0001", "USD", 1),
        ("607.2", "JPY", 608), ("1.2345", "KWD", 1_235), ("999999999.99", "USD", 99_999_999_999),
        ("-1", "USD", None), ("1e9", "USD", None), ("1e999999", "USD", None), ("NaN", "USD", None),
        ("Infinity", "USD", None), ("free", "USD", None), ("", "USD", None),
    ],
)  # fmt: skip
async def test_a_part_of_a_minor_unit_counts_as_a_whole_one(amount: str, currency: str, cost_minor: int | None) -> None:
    assert price_in_minor_units(amount, currency) == cost_minor

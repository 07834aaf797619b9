"""The desk chooses among carriers and never lets two of them sell the same label."""

from collections.abc import Mapping

import msgspec
import pytest

from processors.carriers.desk import STALE_AFTER_MS, CarrierDesk
from processors.carriers.protocol import LabelBought, LabelRefused
from processors.outbound import Deferred
from tests.contract.claims import Claims
from tests.unit.carriers.doubles import LOST, NOT_REACHED, SHIPMENT, CarrierDouble, refusal

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"


class Desk:
    """Two carriers, Shippo the cheaper one, over one claim store that outlives the desk."""

    def __init__(self, success: Mapping[str, float] | None = None) -> None:
        self.easypost, self.shippo = CarrierDouble("easypost", 700), CarrierDouble("shippo", 600)
        self.claims = Claims()
        self._success = success or {}
        self.now = 0

    def label_success(self) -> Mapping[str, float]:
        return self._success

    def open(self) -> CarrierDesk:
        carriers = {"easypost": self.easypost, "shippo": self.shippo}
        return CarrierDesk(carriers, self.claims, lambda: self.now, self)

    @property
    def paid(self) -> list[str]:
        return [one.name for one in (self.easypost, self.shippo) if one.paid]


async def test_the_cheaper_carrier_sells_the_service_that_was_rated() -> None:
    desk = Desk()
    name, label = await desk.open().buy_label(SHIPMENT)
    assert name == "shippo"
    assert isinstance(label, LabelBought)
    assert desk.shippo.asked_for == [("Ground",)]
    assert desk.paid == ["shippo"]


async def test_a_carrier_whose_labels_fail_loses_its_advantage() -> None:
    name, _ = await Desk({"shippo": 0.5}).open().buy_label(SHIPMENT)
    assert name == "easypost"


async def test_a_refusal_lets_the_next_best_carrier_sell() -> None:
    desk = Desk()
    desk.shippo.answers = [refusal("carrier_error")]
    name, label = await desk.open().buy_label(SHIPMENT)
    assert (name, isinstance(label, LabelBought)) == ("easypost", True)
    assert desk.paid == ["easypost"]


async def test_a_lost_answer_keeps_the_label_at_its_carrier_whatever_the_others_cost_then() -> None:
    desk = Desk()
    desk.shippo.answers = [LOST]
    name, lost = await desk.open().buy_label(SHIPMENT)
    assert (name, lost) == ("shippo", LOST)
    desk.easypost = CarrierDouble("easypost", 1)
    name, label = await desk.open().buy_label(SHIPMENT)
    assert name == "shippo"
    assert isinstance(label, LabelBought)
    assert label.already_known
    assert desk.paid == ["shippo"]


async def test_a_carrier_that_does_not_answer_is_not_chosen() -> None:
    desk = Desk()
    desk.shippo.rates_answer = NOT_REACHED
    name, _ = await desk.open().buy_label(SHIPMENT)
    assert name == "easypost"


async def test_an_address_that_is_refused_is_not_shown_to_the_next_carrier() -> None:
    desk = Desk()
    desk.shippo.answers = [refusal("address_not_found")]
    name, refused = await desk.open().buy_label(SHIPMENT)
    assert (name, refused) == ("shippo", refusal("address_not_found"))
    assert desk.easypost.asked_for == []


async def test_when_all_refuse_the_last_refusal_is_told_and_a_later_try_begins_anew() -> None:
    desk = Desk()
    desk.shippo.answers, desk.easypost.answers = [refusal("funds")], [refusal("carrier_error")]
    name, refused = await desk.open().buy_label(SHIPMENT)
    assert (name, refused) == ("easypost", refusal("carrier_error"))
    name, label = await desk.open().buy_label(SHIPMENT)
    assert (name, isinstance(label, LabelBought)) == ("shippo", True)
    assert desk.paid == ["shippo"]


async def test_when_nobody_answers_the_label_waits_and_nothing_is_in_doubt() -> None:
    desk = Desk()
    desk.shippo.rates_answer, desk.easypost.rates_answer = LOST, refusal("credentials")
    _, outcome = await desk.open().buy_label(SHIPMENT)
    assert isinstance(outcome, Deferred)
    assert not outcome.outcome_unknown


async def test_a_label_at_a_carrier_that_is_not_set_up_any_more_needs_a_person() -> None:
    desk = Desk()
    desk.shippo.answers = [LOST]
    await desk.open().buy_label(SHIPMENT)
    others = {"easypost": desk.easypost, "shipstation": CarrierDouble("shipstation", 1)}
    alone = CarrierDesk(others, desk.claims, lambda: 0)
    name, refused = await alone.buy_label(SHIPMENT)
    assert name == "shippo"
    assert isinstance(refused, LabelRefused)
    assert (refused.reason, refused.needs_person) == ("conflict", True)
    assert not desk.easypost.paid


async def test_two_workers_at_the_same_label_agree_on_one_carrier() -> None:
    desk = Desk()
    await desk.open().buy_label(SHIPMENT)
    desk.easypost = CarrierDouble("easypost", 1)
    name, _ = await desk.open().buy_label(SHIPMENT)
    assert name == "shippo"
    assert desk.paid == ["shippo"]


class DyingClaims(Claims):
    """Loses the mark that a purchase was left, as a killed process does."""

    async def claim(self, effect_key: str, candidate: str) -> str:
        return candidate if effect_key.endswith("/left") else await super().claim(effect_key, candidate)


async def test_nobody_interferes_with_a_purchase_until_whoever_is_at_it_must_be_dead() -> None:
    desk = Desk()
    desk.claims = DyingClaims()
    desk.shippo.answers = [LOST]
    await desk.open().buy_label(SHIPMENT)
    name, waiting = await desk.open().buy_label(SHIPMENT)
    assert name == "shippo"
    assert isinstance(waiting, Deferred)
    assert (waiting.outcome_unknown, waiting.retry_after_ms) == (True, STALE_AFTER_MS)
    desk.now = STALE_AFTER_MS
    name, label = await desk.open().buy_label(SHIPMENT)
    assert (name, isinstance(label, LabelBought)) == ("shippo", True)
    assert desk.paid == ["shippo"]


async def test_another_parcel_is_another_choice() -> None:
    desk = Desk()
    await desk.open().buy_label(SHIPMENT)
    desk.shippo.rates_answer = refusal("no_service")
    name, _ = await desk.open().buy_label(msgspec.structs.replace(SHIPMENT, effect_key="f" * 32))
    assert name == "easypost"


async def test_a_single_carrier_is_asked_without_rating_first() -> None:
    only = CarrierDouble("easypost", 700)
    only.rates_answer = refusal("no_service")
    name, label = await CarrierDesk({"easypost": only}, Claims(), lambda: 0).buy_label(SHIPMENT)
    assert (name, isinstance(label, LabelBought)) == ("easypost", True)

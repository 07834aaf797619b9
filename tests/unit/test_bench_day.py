"""What the benchmark of a day makes of the waits that it read, and what its account of labels catches."""

from typing import Any

import pytest

from infra.benchmarks.day import CARRIER_FAILURES, CARRIERS, FAILURE_EVERY, FAILURES, Timings, quantiles
from infra.benchmarks.desks import labels_wrong
from infra.commands.bench import LONG
from infra.demo.catalogue import WEST
from infra.processes import EASYPOST
from processors.carriers.easypost_office import OfficeBehaviour
from processors.carriers.parcel_office import OfficeFaults
from processors.partners.print_shop_setup import Behaviour


def label(parcel: str, purchases: int = 1, carrier: str = EASYPOST) -> dict[str, Any]:
    """A row of a carrier's book."""
    return {"reference": parcel, "purchases": purchases, "carrier": carrier}


def test_quantiles_are_of_the_waits_themselves() -> None:
    assert quantiles([]) == {}
    assert quantiles([2.0]) == {"p50": 2.0, "p99": 2.0, "max": 2.0}
    assert quantiles([float(wait) for wait in range(101)]) == {"p50": 50.0, "p99": 99.0, "max": 100.0}


def test_a_start_is_on_time_within_an_hour_of_compressed_time() -> None:
    timings = Timings(started=[1.0, 179.0, 180.0, 181.0])
    assert timings.figures(compression=20)["started_on_time_share"] == 0.75
    assert Timings().figures(compression=20)["started_on_time_share"] == 0.0


def test_one_order_in_twenty_meets_a_failure_that_the_simulated_shops_know() -> None:
    assert FAILURE_EVERY == 20
    assert all(getattr(Behaviour(), failure) == 0 for _, failure in FAILURES)


def test_one_shop_never_fails_for_good_so_that_every_line_can_be_made() -> None:
    assert {failure for shop, failure in FAILURES if shop == WEST} == {"refuse_retryable_next", "server_error_next"}


def test_every_failure_of_a_carrier_is_one_that_its_simulator_knows() -> None:
    behaviours = {EASYPOST: OfficeBehaviour(), "shippo": OfficeFaults()}
    assert {carrier for carrier, _ in CARRIER_FAILURES} == set(CARRIERS) == set(behaviours)
    assert all(getattr(behaviours[carrier], failure) == 0 for carrier, failure in CARRIER_FAILURES)


def test_one_carrier_never_refuses_a_label_so_that_every_parcel_can_be_sent() -> None:
    refusals = {"purchase_failure_next", "rate_gone_next", "no_funds_next", "no_rates_next"}
    assert refusals & {failure for carrier, failure in CARRIER_FAILURES if carrier != EASYPOST} == set()


def test_one_paid_label_a_parcel_is_as_it_should_be_however_many_shipments_were_drafted() -> None:
    drafts = [label("a", 0), label("b", 0, "shippo"), label("", 0, "shippo")]
    assert labels_wrong([*drafts, label("a"), label("b", carrier="shippo")], orders=2) == []


@pytest.mark.parametrize(
    "planted",
    [
        [label("a"), label("b", purchases=2)],
        [label("a"), label("b"), label("b")],
        [label("a"), label("b"), label("b", carrier="shippo")],
    ],
    ids=["one shipment paid twice", "two shipments of a carrier", "one at each of two carriers"],
)
def test_a_second_label_for_a_parcel_is_caught_by_the_account(planted: list[dict[str, Any]]) -> None:
    (wrong,) = labels_wrong(planted, orders=2)
    assert wrong.startswith("b: ")


def test_a_parcel_without_a_label_and_one_of_no_order_are_caught_by_the_account() -> None:
    assert labels_wrong([label("a")], orders=2) == ["1 labels for 2 orders"]
    assert labels_wrong([label("a"), label("b"), label("c")], orders=2) == ["3 labels for 2 orders"]


def test_a_day_is_run_only_by_name() -> None:
    assert "day" in LONG

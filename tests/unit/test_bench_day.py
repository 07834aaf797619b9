"""What the benchmark of a day makes of the waits that it read."""

from events.order.facts import ArtworkCheckRequested, OrderEvent
from infra.benchmarks.day import CARRIER_FAILURES, CARRIERS, FAILURE_EVERY, FAILURES, Timings, quantiles, timings_of
from infra.commands.bench import LONG
from infra.demo.catalogue import WEST
from infra.processes import EASYPOST
from processors.carriers.easypost_office import OfficeBehaviour
from processors.carriers.parcel_office import OfficeFaults
from processors.partners.print_shop_setup import Behaviour
from tests.order_life import placed
from tests.unit.order.spec import Given, History, answer_to, deadline


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


def history(*moments: tuple[int, Given]) -> list[tuple[str, OrderEvent, int]]:
    """The facts of one order, each with the order's id and when it was written (milliseconds)."""
    told = History()
    return [("order-a", fact, at) for at, step in moments for fact in told.take(step)]


def test_work_that_is_asked_for_again_has_waited_since_it_was_asked_for_first() -> None:
    timings = timings_of(
        history((1_000, placed()), (31_000, deadline("check:1")), (45_000, answer_to(ArtworkCheckRequested))),
        {"order-a": 500},
    )
    assert timings.placed == [0.5]
    assert timings.work["check"] == [44.0]
    assert timings.figures(compression=1)["work_asked_again"] == {"check": 1}


def test_orders_that_nobody_sent_are_not_measured() -> None:
    assert timings_of(history((1_000, placed())), {"order-b": 0}) == Timings()


def test_a_day_is_run_only_by_name() -> None:
    assert "day" in LONG

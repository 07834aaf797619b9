"""What the benchmark of a day makes of the waits that it read."""

from infra.benchmarks.day import FAILURE_EVERY, FAILURES, Timings, quantiles
from infra.commands.bench import LONG
from infra.demo.catalogue import WEST
from processors.partners.print_shop_setup import Behaviour


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


def test_a_day_is_run_only_by_name() -> None:
    assert "day" in LONG

"""Properties of the choice among rates: whatever carriers offer, the choice is fitting, best, and explains itself."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.carriers.choice import ChoiceRules, choose_rate
from processors.carriers.protocol import Rate

CARRIERS = ("easypost", "shippo", "shipstation")

rates = st.builds(
    Rate,
    carrier=st.sampled_from(CARRIERS),
    carrier_code=st.sampled_from(("USPS", "UPS")),
    service=st.sampled_from(("GroundAdvantage", "Priority", "Express")),
    cost_minor=st.integers(0, 10_000),
    currency=st.sampled_from(("USD", "EUR")),
    delivery_days=st.none() | st.integers(0, 20),
)
promises = st.none() | st.integers(0, 10)
records = st.dictionaries(st.sampled_from(CARRIERS), st.floats(0, 1))


@given(st.lists(rates, max_size=8), promises, records)
def test_the_choice_is_one_of_the_offered_rates_in_one_currency(
    offered: list[Rate], promised: int | None, success: dict[str, float]
) -> None:
    choice = choose_rate(offered, promised_days=promised, success=success)
    if not offered:
        assert choice is None
        return
    assert choice is not None
    assert choice.rate in offered
    assert choice.rate.currency == ("USD" if any(rate.currency == "USD" for rate in offered) else "EUR")


@given(st.lists(rates, min_size=1, max_size=8), st.randoms(use_true_random=False), promises, records)
def test_the_order_in_which_rates_arrive_changes_nothing(
    offered: list[Rate], random: Random, promised: int | None, success: dict[str, float]
) -> None:
    shuffled = list(offered)
    random.shuffle(shuffled)
    assert choose_rate(offered, promised_days=promised, success=success) == choose_rate(
        [*shuffled, *shuffled], promised_days=promised, success=success
    )


@given(st.lists(rates, min_size=1, max_size=8), promises, records, st.integers(1, 5_000), st.integers(0, 9))
def test_a_rate_that_is_worse_in_everything_never_changes_the_choice(
    offered: list[Rate], promised: int | None, success: dict[str, float], dearer: int, slower: int
) -> None:
    choice = choose_rate(offered, promised_days=promised, success=success)
    assert choice is not None
    days = choice.rate.delivery_days
    worse = replace(
        choice.rate,
        cost_minor=choice.rate.cost_minor + dearer,
        delivery_days=None if days is None else days + slower,
    )
    assert choose_rate([*offered, worse], promised_days=promised, success=success) == choice


@given(st.lists(rates, min_size=1, max_size=8), promises, records)
def test_no_other_rate_of_the_currency_scores_better(
    offered: list[Rate], promised: int | None, success: dict[str, float]
) -> None:
    choice = choose_rate(offered, promised_days=promised, success=success)
    assert choice is not None
    for rate in offered:
        alone = choose_rate([rate], promised_days=promised, success=success)
        assert alone is not None
        assert rate.currency != choice.rate.currency or alone.score_minor >= choice.score_minor


@given(st.lists(rates, max_size=8), st.sampled_from(("GroundAdvantage", "Express")))
def test_only_the_named_services_are_chosen(offered: list[Rate], service: str) -> None:
    choice = choose_rate(offered, services=(service,))
    assert (choice is not None) == any(rate.service == service for rate in offered)
    assert choice is None or choice.rate.service == service


def rate(carrier: str, cost_minor: int, days: int | None = 3) -> Rate:
    return Rate(
        carrier=carrier, carrier_code="USPS", service="S", cost_minor=cost_minor, currency="USD", delivery_days=days
    )


def test_without_promise_and_history_the_cheapest_is_chosen() -> None:
    choice = choose_rate([rate("easypost", 700), rate("shippo", 600), rate("shipstation", 800)])
    assert choice is not None
    assert (choice.rate.carrier, choice.score_minor) == ("shippo", 600)


def test_days_beyond_the_promise_are_paid_for_and_days_within_it_are_not() -> None:
    slow, quick = rate("shippo", 600, days=5), rate("easypost", 900, days=2)
    promised = choose_rate([slow, quick], promised_days=2, rules=ChoiceRules(late_day_minor=300))
    unhurried = choose_rate([slow, quick], promised_days=5, rules=ChoiceRules(late_day_minor=300))
    assert promised is not None
    assert promised.rate == quick
    assert unhurried is not None
    assert unhurried.rate == slow


def test_a_carrier_whose_labels_fail_is_worth_less_and_one_without_history_is_trusted() -> None:
    choice = choose_rate([rate("shippo", 600), rate("easypost", 650)], success={"shippo": 0.9})
    assert choice is not None
    assert (choice.rate.carrier, choice.success) == ("easypost", 1.0)


def test_a_rate_without_an_estimate_counts_as_slow_and_stays_possible() -> None:
    unknown, known = rate("shippo", 600, days=None), rate("easypost", 700, days=3)
    promised = choose_rate([unknown, known], promised_days=3)
    assert promised is not None
    assert promised.rate == known
    alone = choose_rate([unknown], promised_days=3)
    assert alone is not None
    assert alone.late_days == 7

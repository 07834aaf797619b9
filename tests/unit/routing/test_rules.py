"""Rules files: what they may say, how a mistake is told, and what an order is promised by them."""

from __future__ import annotations

import msgspec
import pytest

from processors.routing.judge import Judge
from processors.routing.rulebook import Rulebook
from processors.routing.rules import (
    DAY_MS,
    RULES_BYTES_MAX,
    Holiday,
    Rules,
    RulesNotUsable,
    Weights,
    canonical,
    holiday_deadline,
    read_rules,
    shipped_rules,
    shipped_text,
)
from tests.unit.routing.test_propose import JUNE, asked

SMALL = "version: small-1\ncurrency: EUR\nstandard: {promise_days: 5, per_day: 10}\n"


def test_the_shipped_rules_are_usable_and_have_weights_of_their_own_for_every_priority() -> None:
    rules = shipped_rules()

    assert read_rules(shipped_text()) == rules
    assert None not in (rules.express, rules.high_value, rules.dated)
    assert len(rules.regions["EU"]) == 27


def test_json_is_read_as_well_as_yaml_and_what_is_published_reads_back_the_same() -> None:
    assert read_rules('{"version": "small-1", "currency": "EUR", "standard": {"promise_days": 5, "per_day": 10}}') == (
        read_rules(SMALL)
    )
    assert read_rules(canonical(shipped_rules())) == shipped_rules()


def test_a_priority_without_weights_of_its_own_goes_by_the_standard_ones() -> None:
    rules = read_rules(SMALL)

    assert rules.weights("express") == rules.weights("dated") == rules.standard


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("version: [", "neither YAML nor JSON"),
        ("", "Expected `object`"),
        ("[1, 2]", "Expected `object`"),
        (SMALL.replace("currency: EUR", "currency: euro"), r"\$\.currency"),
        (SMALL.replace("promise_days: 5, ", ""), "missing required field `promise_days`"),
        (SMALL.replace("per_day: 10", "per_day: -1"), r">= 0.*\$\.standard\.per_day"),
        (SMALL.replace("per_day: 10", "per_day: .nan"), r"\$\.standard\.per_day"),
        (SMALL.replace("per_day", "perday"), "unknown field `perday`"),
        (SMALL + "rates: {USD: 0}\n", r"> 0.*\$\.rates"),
        (SMALL + "regions: {nordic: [SE, NO]}\n", 'bare NO as false: write "NO"'),
        (SMALL + 'holidays: [{name: x, order_from: "02-30", arrive_by: "03-01"}]\n', "02-30 is no day of the year"),
        ("version: &v small-1\ncurrency: *v\n", "refers to no other place"),
        ("[" * 50, "nested more than 12 levels deep"),
        (SMALL + "#" * RULES_BYTES_MAX, "larger than 64 KiB"),
        ("version: \x00", "neither YAML nor JSON"),
    ],
)
def test_a_file_that_is_no_rules_is_refused_with_the_place_and_the_reason(content: str, told: str) -> None:
    with pytest.raises(RulesNotUsable, match=f"(?s)my.yaml.*{told}.*Mend the place"):
        read_rules(content, "my.yaml")


def test_bytes_that_are_no_text_are_refused_as_such() -> None:
    with pytest.raises(RulesNotUsable, match="neither YAML nor JSON"):
        read_rules(b"\xff\xfe\xfa")


def test_any_change_of_a_number_is_another_version_even_under_the_same_name() -> None:
    rules = shipped_rules()
    changed = msgspec.structs.replace(rules, unpriced=rules.unpriced + 1)

    assert Judge(rules).version == Judge(read_rules(canonical(rules))).version
    assert Judge(rules).version != Judge(changed).version
    assert Judge(changed).version.startswith("shipped-2@")


CHRISTMAS = Holiday(name="christmas", order_from="11-20", arrive_by="12-24")
#: 20 and 25 December 2026, and 3 January 2027, at midnight UTC.
DECEMBER_20, DECEMBER_25, JANUARY_3 = 1_797_724_800_000, 1_798_156_800_000, 1_798_934_400_000


def dated(*holidays: Holiday) -> Rules:
    return Rules(version="t", currency="USD", standard=Weights(promise_days=10), holidays=holidays)


def test_a_present_ordered_in_time_is_promised_for_the_end_of_the_day() -> None:
    assert holiday_deadline(dated(CHRISTMAS), DECEMBER_20, "US") == DECEMBER_25
    assert holiday_deadline(dated(CHRISTMAS), DECEMBER_25 - 1, "US") == DECEMBER_25


def test_an_order_outside_of_the_time_or_of_its_countries_is_not_dated() -> None:
    assert holiday_deadline(dated(CHRISTMAS), JUNE, "US") is None
    assert holiday_deadline(dated(CHRISTMAS), DECEMBER_25, "US") is None
    assert holiday_deadline(dated(msgspec.structs.replace(CHRISTMAS, countries=("DE",))), DECEMBER_20, "US") is None
    assert holiday_deadline(dated(), DECEMBER_20, "US") is None


def test_a_holiday_just_after_new_year_is_ordered_for_in_the_year_before() -> None:
    epiphany = Holiday(name="epiphany", order_from="12-15", arrive_by="01-05")

    for placed_at in (DECEMBER_20, JANUARY_3):
        assert holiday_deadline(dated(epiphany), placed_at, "ES") == JANUARY_3 + 3 * DAY_MS


def test_the_nearest_of_two_holidays_counts() -> None:
    epiphany = Holiday(name="epiphany", order_from="12-15", arrive_by="01-05")

    assert holiday_deadline(dated(epiphany, CHRISTMAS), DECEMBER_20, "ES") == DECEMBER_25


def test_who_paid_for_haste_keeps_it_before_a_holiday_and_is_promised_the_earlier_of_both() -> None:
    judge = Judge(shipped_rules())
    terms = judge.terms(asked(priority="express", placed_at=DECEMBER_20, asked_at=DECEMBER_20))

    assert terms.priority == "express"
    assert terms.promised_by == DECEMBER_20 + 4 * DAY_MS


class Published:
    """What a tenant has published; a test changes it."""

    body = ""

    def routing_rules(self, tenant: str) -> str:
        """The same for every tenant."""
        return self.body


def test_a_tenant_goes_by_its_own_rules_from_the_moment_at_which_they_are_published() -> None:
    published = Published()
    book = Rulebook(published)
    assert book.judge_for("demo").rules == shipped_rules()

    published.body = canonical(read_rules(SMALL)).decode()

    assert book.judge_for("demo").rules == read_rules(SMALL)
    assert book.judge_for("demo") is book.judge_for("demo")


def test_published_rules_that_this_release_cannot_read_do_not_stop_orders() -> None:
    published = Published()
    published.body = '{"version": "from-the-future", "magic": true}'

    assert Rulebook(published).judge_for("demo").rules == shipped_rules()

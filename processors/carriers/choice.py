"""Which rate is bought, of all that the carriers offer for a parcel: by price, promise and success.

As in routing, a point is a minor unit of money, so that the sum can be read aloud and a rate that is worse in
everything never changes the choice. A rate costs its price, plus `late_day_minor` for each day beyond what was
promised, plus what labels that fail cost at that carrier: `failure_minor` times the share of its labels that failed.
The cheapest wins; of equals the quicker one, then names decide, so that the order in which rates arrive does not.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from processors.carriers.protocol import Rate

#: Days that are assumed of a rate without an estimate: it is taken to be slow, never impossible.
UNKNOWN_DAYS: Final = 10
#: Days from hand-over to door that an order's priority promises, our own figure; the others promise none.
PROMISED_DAYS: Final[Mapping[str, int]] = {"express": 2}


class ChoiceRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a late day and a failed label are worth, in minor units of `currency` (ISO 4217)."""

    late_day_minor: int = 300
    failure_minor: int = 1_000
    #: Rates in other currencies are looked at only where none is in this one.
    currency: str = "USD"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen rate with what its score consists of, all in minor units."""

    rate: Rate
    score_minor: float
    late_days: int
    success: float


def choose_rate(
    rates: Iterable[Rate],
    *,
    promised_days: int | None = None,
    success: Mapping[str, float] | None = None,
    services: tuple[str, ...] = (),
    rules: ChoiceRules | None = None,
) -> Choice | None:
    """The best rate; None where none fits.

    `promised_days` counts from hand-over to door, None for no promise. `success` has the share of labels that did not
    fail by carrier, 0 to 1; a carrier without history counts as 1. `services` names the only ones that may be bought.
    """
    by = rules or ChoiceRules()
    fitting = [rate for rate in rates if rate.cost_minor >= 0 and (not services or rate.service in services)]
    currencies = {rate.currency for rate in fitting}
    if not currencies:
        return None
    currency = by.currency if by.currency in currencies else min(currencies)
    judged = (_judged(rate, promised_days, success or {}, by) for rate in fitting if rate.currency == currency)
    return min(judged, key=_order)


def _judged(rate: Rate, promised_days: int | None, success: Mapping[str, float], rules: ChoiceRules) -> Choice:
    days = UNKNOWN_DAYS if rate.delivery_days is None else max(rate.delivery_days, 0)
    late_days = 0 if promised_days is None else max(days - promised_days, 0)
    share = min(max(success.get(rate.carrier, 1.0), 0.0), 1.0)
    score = rate.cost_minor + late_days * rules.late_day_minor + (1.0 - share) * rules.failure_minor
    return Choice(rate=rate, score_minor=score, late_days=late_days, success=share)


def _order(choice: Choice) -> tuple[float, int, int, str, str, str]:
    rate = choice.rate
    days = UNKNOWN_DAYS if rate.delivery_days is None else rate.delivery_days
    return choice.score_minor, days, rate.cost_minor, rate.carrier, rate.service, rate.carrier_code

"""Which facts open and close a webhook gap: pure, from what was observed and what was asked.

A gap is about what a partner or carrier says of one print run or parcel. It opens when a question was answered with
more than any webhook had said, and closes with the webhook that comes after all, or when the run or parcel goes past
it.
"""

from collections.abc import Sequence

import msgspec

from events.decider import Context
from events.order.facts import OrderEvent, PartnerStatusObserved, TrackingObserved, WebhookGapClosed, WebhookGapFound
from events.order.state import RUN_ENDED, Order, WebhookGap

RACE_MS = 60_000
"""What became so this shortly before the question is no gap: its webhook may be on the way."""

CAME, PASSED = "webhook", "passed"


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner or carrier said, by whichever way."""

    subject: str
    who: str
    canonical: str
    raw: str
    rank: int
    at: int
    polled: bool
    applied: bool


def webhook_gaps(order: Order, facts: Sequence[OrderEvent], context: Context) -> tuple[OrderEvent, ...]:
    """The gaps that these new facts open and close. `order` is the order after them."""
    found: list[OrderEvent] = []
    gaps = dict(order.webhook_gaps)
    for fact in facts:
        if not isinstance(fact, PartnerStatusObserved | TrackingObserved):
            continue
        told = _told(order, fact)
        gap = gaps.get(told.subject)
        if gap is not None and (how := _closing(gap, told)):
            found.append(_closed(gap, told.subject, how, context))
            del gaps[told.subject]
        if told.polled and told.applied and told.canonical and (not told.at or context.now - told.at >= RACE_MS):
            found.append(_found(told, context))
    found.extend(_closed(gap, subject, PASSED, context) for subject, gap in gaps.items() if _is_over(order, subject))
    return tuple(found)


def run_subject(line_id: str, run: int) -> str:
    """What a gap about a print run is about."""
    return f"run:{line_id}:{run}"


def parcel_subject(parcel_id: str) -> str:
    """What a gap about a parcel is about."""
    return f"parcel:{parcel_id}"


def _told(order: Order, fact: PartnerStatusObserved | TrackingObserved) -> _Told:
    if isinstance(fact, PartnerStatusObserved):
        subject, who, at = run_subject(fact.line_id, fact.run), fact.partner_id, fact.partner_at
    else:
        parcel = order.parcels.get(fact.parcel_id)
        subject, who, at = parcel_subject(fact.parcel_id), parcel.carrier if parcel else "", fact.carrier_at
    return _Told(
        subject=subject,
        who=who,
        canonical=fact.canonical,
        raw=fact.raw,
        rank=fact.rank,
        at=at,
        polled=fact.polled,
        applied=fact.applied,
    )


def _closing(gap: WebhookGap, told: _Told) -> str:
    """How this word closes the gap; empty where it does not."""
    if not told.polled and told.canonical == gap.expected:
        return CAME
    went_on = told.rank > gap.rank if told.rank else told.applied
    return PASSED if went_on and (told.applied or not told.polled) else ""


def _is_over(order: Order, subject: str) -> bool:
    """Whether nothing that its partner could still say of a print run moves it. A carrier may speak until the end."""
    kind, _, about = subject.partition(":")
    if kind != "run":
        return order.cancelled
    line_id, _, number = about.rpartition(":")
    line = order.lines.get(line_id)
    run = line.run_of(int(number)) if line else None
    return run is None or run.stage in RUN_ENDED


def _found(told: _Told, context: Context) -> WebhookGapFound:
    return WebhookGapFound(
        subject=told.subject,
        who=told.who,
        expected=told.canonical,
        polled=told.raw,
        rank=told.rank,
        said_at=told.at,
        asked_at=context.now,
        silent_seconds=(context.now - told.at) // 1_000 if told.at else 0,
    )


def _closed(gap: WebhookGap, subject: str, how: str, context: Context) -> WebhookGapClosed:
    open_seconds = max(0, context.now - gap.found_at) // 1_000
    return WebhookGapClosed(subject=subject, who=gap.who, expected=gap.expected, how=how, open_seconds=open_seconds)


def gaps_after(gaps: dict[str, WebhookGap], fact: WebhookGapFound | WebhookGapClosed) -> dict[str, WebhookGap]:
    """The open gaps by subject, after one more fact."""
    others = {subject: gap for subject, gap in gaps.items() if subject != fact.subject}
    if isinstance(fact, WebhookGapClosed):
        return others
    gap = WebhookGap(who=fact.who, expected=fact.expected, rank=fact.rank, found_at=fact.asked_at)
    return {**others, fact.subject: gap}

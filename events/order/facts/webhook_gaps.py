"""Webhooks that did not come: what a partner or carrier should have told and only said when it was asked."""

from typing import Annotated

from events.order.facts.base import OrderFact
from events.types import Millis, described


class WebhookGapFound(OrderFact, frozen=True, kw_only=True):
    """A question found what a webhook should have said before."""

    subject: Annotated[
        str, described("'run:' with line and run, or 'parcel:' with the parcel; one gap each at a time.")
    ]
    who: Annotated[str, described("The print partner or the carrier.")]
    expected: Annotated[str, described("What its webhook should have said, in our word.")]
    polled: Annotated[str, described("What it answered when it was asked, in its own word.")]
    rank: int
    said_at: Annotated[Millis, described("Since when it is so, by its own timestamp; 0 where it gave none.")]
    asked_at: Annotated[Millis, described("When it was asked.")]
    silent_seconds: Annotated[int, described("From its own timestamp until the question: so late the webhook is.")]


class WebhookGapClosed(OrderFact, frozen=True, kw_only=True):
    """The missing webhook came after all, or what it would have said is of no use any more."""

    subject: str
    who: str
    expected: str
    how: Annotated[str, described("'webhook': it came late; 'passed': the run or parcel went past what it would say.")]
    open_seconds: Annotated[int, described("From the question that found the gap until now.")]

"""Sentences for what is around the circle: money, refusals, exceptions, notifications, deadlines, erasure."""

from typing import TypeAlias, assert_never

from events.order.facts import (
    CommandIgnored,
    CommandRefused,
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
    PersonalDataErased,
    WebhookGapClosed,
    WebhookGapFound,
)
from projections.sentences.wording import Entry, again, moment

PaymentFact: TypeAlias = PaymentAuthorised | PaymentCaptured | PaymentVoided | PaymentRefunded
AroundFact: TypeAlias = (
    PaymentFact
    | CommandRefused
    | CommandIgnored
    | ExceptionRaised
    | ExceptionResolved
    | NotificationRequested
    | NotificationSent
    | NotificationFailed
    | DeadlineSet
    | DeadlinePassed
    | PersonalDataErased
    | WebhookGapFound
    | WebhookGapClosed
)

_PAYMENTS: dict[type[PaymentFact], str] = {
    PaymentAuthorised: "Payment authorised",
    PaymentCaptured: "Payment captured",
    PaymentVoided: "Payment voided",
    PaymentRefunded: "Money given back",
}


def describe_around(fact: AroundFact) -> Entry:
    """Title and detail of such a fact."""
    match fact:
        case PaymentAuthorised() | PaymentCaptured() | PaymentVoided() | PaymentRefunded():
            return Entry(
                _PAYMENTS[type(fact)], f"{fact.amount_minor} {fact.currency} in minor units, {fact.reference}."
            )
        case CommandRefused():
            return Entry(f"{fact.command} refused: {fact.reason}", fact.detail)
        case CommandIgnored():
            return Entry(f"{fact.command} changed nothing", fact.why)
        case ExceptionRaised():
            about = f", {fact.subject}" if fact.subject else ""
            return Entry(f"Needs a person: {fact.kind}{about}", f"{fact.detail} {fact.what_to_do}".strip())
        case ExceptionResolved():
            return Entry(f"Settled: {fact.exception_id}", f"{fact.how} By {fact.by}.".strip())
        case NotificationRequested():
            return Entry(f"The {fact.audience} is to be told: {fact.template}{again(fact.attempt)}", fact.subject)
        case NotificationSent():
            return Entry(f"Told: {fact.notification_id}")
        case NotificationFailed():
            return Entry(f"Could not be told: {fact.notification_id}", fact.reason)
        case DeadlineSet():
            return Entry(f"Waits for {fact.deadline_key}", f"Until {moment(fact.due_at)}.")
        case DeadlinePassed():
            return Entry(f"Waited in vain for {fact.deadline_key}", f"It was due at {moment(fact.due_at)}.")
        case PersonalDataErased():
            return Entry("Personal data erased", f"By {fact.by}.")
        case WebhookGapFound():
            detail = f"It says {fact.polled} for {fact.subject}, since {fact.silent_seconds} seconds."
            return Entry(f"{fact.who} was asked: no webhook had said {fact.expected}", detail)
        case WebhookGapClosed():
            came = "came late" if fact.how == "webhook" else "is of no use any more"
            return Entry(f"{fact.who}: the missing webhook {came}", f"{fact.expected} for {fact.subject}.")
        case _:
            assert_never(fact)

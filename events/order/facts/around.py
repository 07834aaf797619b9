"""Around the circle: exceptions, notifications, deadlines, erasure."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.types import Actor, DeadlineKey, Millis, Sealed, described


class ExceptionRaised(OrderFact, frozen=True, kw_only=True):
    """Something needs a person."""

    exception_id: Annotated[str, described("Kind, a colon, and what it is about; open at most once at a time.")]
    kind: str
    subject: Annotated[str, described("The line and run, or the parcel; empty where it is the whole order.")] = ""
    detail: str = ""
    what_to_do: str = ""
    blocking: Annotated[bool, described("Whether the order's status shows it until it is resolved.")] = True


class ExceptionResolved(OrderFact, frozen=True, kw_only=True):
    """A person, or the next report, settled it."""

    exception_id: str
    how: str
    by: Actor


class NotificationRequested(WorkRequested, frozen=True, kw_only=True):
    """Somebody is to be told."""

    notification_id: str
    template: Annotated[str, described("What they are told, such as 'shipped'.")]
    audience: Annotated[str, described("'buyer', 'store' or 'support'.")]
    recipient: Sealed
    subject: Annotated[str, described("The line or parcel it is about; empty where it is the whole order.")] = ""
    order_number: str = ""
    store: str = ""
    facts: Annotated[
        dict[str, str],
        described("Values for the text that hold no personal data, such as a tracking number."),
    ] = {}


class NotificationSent(OrderFact, frozen=True, kw_only=True):
    """They were told."""

    notification_id: str


class NotificationFailed(OrderFact, frozen=True, kw_only=True):
    """They could not be told, or it is not known whether they were."""

    notification_id: str
    reason: str
    retryable: Annotated[bool, described("Whether it is tried again after a wait.")] = False


class DeadlineSet(OrderFact, frozen=True, kw_only=True):
    """The order waits until this time for something."""

    deadline_key: DeadlineKey
    due_at: Millis
    reason: Annotated[str, described("Why it waits, where no other fact says so.")] = ""


class DeadlinePassed(OrderFact, frozen=True, kw_only=True):
    """The time came and what was waited for had not; the facts beside it say what follows."""

    deadline_key: DeadlineKey
    due_at: Millis


class PersonalDataErased(OrderFact, frozen=True, kw_only=True):
    """The order's key is destroyed: nobody can read who ordered or what was printed any more."""

    by: Actor

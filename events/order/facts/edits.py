"""Changes that come while a partner has the line: asked for, refused, withdrawn."""

from typing import Annotated

from events.order.facts.base import OrderFact
from events.order.values import OrderedLine
from events.types import Actor, Digest, LineId, Millis, Minor, SealedOrNone, described


class EditRequested(OrderFact, frozen=True, kw_only=True):
    """A line is to be changed that a partner has already: the change waits until the partner has stopped."""

    line_id: LineId
    changed: Annotated[
        OrderedLine | None, described("The line as it should become; null where it should not be made at all.")
    ] = None
    from_store: Annotated[
        bool, described("Whether the store's picture of the order changed; else only what is printed is replaced.")
    ] = True
    store_updated_at: Millis
    total_minor: Minor = 0
    by: Actor = ""


class LineAmended(OrderFact, frozen=True, kw_only=True):
    """The store says something else of a line that comes out the same: a note, or more units. What is made goes on."""

    line_id: LineId
    quantity: Annotated[int, described("Units of the line now: never fewer than before.")]
    instructions: SealedOrNone = None
    content_digest: Annotated[Digest, described("Of the line as the store says it now.")]
    store_updated_at: Millis
    total_minor: Minor = 0
    by: Actor = ""


class EditRefused(OrderFact, frozen=True, kw_only=True):
    """A change came too late: it is made and sent as it was."""

    line_id: Annotated[str, described("The line; empty where the address should have changed.")]
    reason: Annotated[str, described("'made_already', 'partner_refused' or 'packed_already'.")]
    detail: str = ""
    by: Annotated[Actor, described("Who asked for the change.")] = ""


class EditWithdrawn(OrderFact, frozen=True, kw_only=True):
    """The store wants the line again as it is being made: there is nothing to change any more."""

    line_id: LineId
    store_updated_at: Millis
    by: Actor = ""


class OrderSeenAgain(OrderFact, frozen=True, kw_only=True):
    """The store showed a newer picture of the order that edits nothing. Older ones count no more from here on."""

    store_updated_at: Millis

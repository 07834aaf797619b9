"""Sentences for shipping: labelled, dispatched, tracked, at the door."""

from typing import TypeAlias, assert_never

from events.order.facts import (
    LabelFailed,
    LabelPurchased,
    LabelRefundAnswered,
    LabelRefundRequested,
    LabelRequested,
    ParcelWithdrawn,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    TrackingObserved,
)
from projections.sentences.wording import Entry, again, contents_of, link

ShippingFact: TypeAlias = (
    LabelRequested
    | LabelPurchased
    | LabelFailed
    | ShipmentDispatched
    | TrackingObserved
    | ShipmentDelivered
    | ShipmentReturned
    | ParcelWithdrawn
    | LabelRefundRequested
    | LabelRefundAnswered
)

REFUND_SAID = {
    "refunded": "the carrier takes the label back",
    "pending": "the carrier looks at the label that it is to take back",
    "refused": "the carrier does not take the label back",
    "unanswered": "the carrier does not say whether it takes the label back",
}
"""What a carrier said of a label that is to be given back, by the fact's state."""


def describe_shipping(fact: ShippingFact) -> Entry:
    """Title, detail and links of a fact about a parcel."""
    parcel = f"Parcel {fact.parcel_id}"
    match fact:
        case LabelRequested():
            title = f"{parcel}: label asked for{again(fact.attempt)}"
            return Entry(title, f"{contents_of(fact.contents)}, from {fact.partner_id} to {fact.country}.")
        case LabelPurchased():
            title = f"{parcel}: {fact.carrier} {fact.service}, {fact.tracking_number}"
            return Entry(title, fact.tracking_url, link("label", fact.label))
        case LabelFailed():
            after = "It is tried again." if fact.retryable else "It is not tried again."
            better = "" if fact.suggested is None else " The carrier suggests an address."
            return Entry(f"{parcel}: no label: {fact.reason}", f"{fact.detail} {after}{better}".strip())
        case ShipmentDispatched():
            return Entry(f"{parcel}: handed to the carrier", contents_of(fact.contents))
        case TrackingObserved():
            word = fact.canonical or "a word that is not known here"
            place = f" At {fact.place}." if fact.place else ""
            applied = "" if fact.applied else " It says less than is known already."
            return Entry(f"{parcel}: the carrier reports {fact.raw}", f"This means {word}.{place}{applied}")
        case ShipmentDelivered():
            return Entry(f"{parcel}: delivered", contents_of(fact.contents))
        case ShipmentReturned():
            return Entry(f"{parcel}: came back", contents_of(fact.contents))
        case ParcelWithdrawn():
            then = "Its goods are packed anew." if fact.send_again else "Its goods are not sent."
            mended = " To a mended address." if fact.recipient is not None else ""
            return Entry(f"{parcel}: taken back: {fact.reason}", f"{contents_of(fact.contents)}. {then}{mended}")
        case LabelRefundRequested():
            title = f"{parcel}: {fact.carrier} is asked to take the label back{again(fact.attempt)}"
            return Entry(title, f"Label {fact.tracking_number}.")
        case LabelRefundAnswered():
            why = f": {fact.reason}" if fact.reason else ""
            said = REFUND_SAID.get(fact.state, fact.state)
            return Entry(f"{parcel}: {said}{why}", fact.detail)
        case _:
            assert_never(fact)

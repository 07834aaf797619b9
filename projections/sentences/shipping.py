"""Sentences for shipping: labelled, dispatched, tracked, at the door."""

from typing import TypeAlias, assert_never

from events.order.facts import (
    LabelFailed,
    LabelPurchased,
    LabelRequested,
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
)


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
            return Entry(f"{parcel}: no label: {fact.reason}", f"{fact.detail} {after}".strip())
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
        case _:
            assert_never(fact)

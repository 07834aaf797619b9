"""Addresses as carriers write them, as long as they can be accepted."""

from events.order.parcels import Suggestion, digest_of
from events.order.state import Order


def open_suggestions(order: Order) -> dict[str, Suggestion]:
    """What can be accepted now, by parcel: its carrier refused the address that the order still has."""
    return {
        parcel.parcel_id: parcel.suggestion
        for parcel in order.parcels.values()
        if parcel.suggestion is not None
        and parcel.stage == "label_failed"
        and parcel.suggestion.instead_of == digest_of(order.recipient)
    }

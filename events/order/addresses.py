"""An order's address as facts bring it: sealed, with as much beside it as routing may read."""

from typing import Protocol

from msgspec.structs import replace

from events.order.state import Order


class Addressed(Protocol):
    """A fact or command that may bring a mended address; `recipient` is sealed, and None where it brings none."""

    @property
    def recipient(self) -> bytes | None:
        """Who gets the parcel and where, sealed."""

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""

    @property
    def region(self) -> str:
        """The region's code, or empty."""

    @property
    def postal_prefix(self) -> str:
        """The beginning of the postal code."""


def readdressed(order: Order, mended: Addressed) -> Order:
    """The order with the address that was mended here, where one was.

    What the store said of the address stays what its next picture is compared with: that is no edit back to the old.
    """
    if mended.recipient is None:
        return order
    return replace(
        order,
        recipient=mended.recipient,
        country=mended.country,
        region=mended.region,
        postal_prefix=mended.postal_prefix,
    )

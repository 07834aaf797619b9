"""Commands about parcels that are taken back, their labels, and addresses as carriers write them."""

from typing import Annotated, TypeAlias

from events.order.command_base import OrderCommand
from events.types import CountryCode, RequestId, SealedOrNone, described


class WithdrawParcel(OrderCommand, frozen=True, kw_only=True):
    """Take a parcel back that the carrier does not have yet: pack its goods anew, or cancel them.

    Its label is given back to the carrier. A new address counts where the goods are sent again.
    """

    parcel_id: str
    send_again: bool
    reason: Annotated[str, described("Why, in a few words that name no person.")]
    recipient: SealedOrNone = None
    country: CountryCode = ""
    region: str = ""
    postal_prefix: str = ""


class AcceptSuggestedAddress(OrderCommand, frozen=True, kw_only=True):
    """Send a parcel to the address as the carrier writes it; the order has that address from then on."""

    parcel_id: str


class ReportLabelRefundAnswered(OrderCommand, frozen=True, kw_only=True):
    """A carrier was asked to take a label back."""

    request_id: RequestId
    parcel_id: str
    state: Annotated[str, described("'refunded', 'pending', 'refused' or 'unanswered'.")]
    reason: str = ""
    detail: str = ""


ParcelCommand: TypeAlias = WithdrawParcel | AcceptSuggestedAddress | ReportLabelRefundAnswered

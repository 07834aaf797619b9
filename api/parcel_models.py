"""Bodies of requests and answers about parcels that are taken back, and addresses as carriers write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.models import AnswerModel, RecipientIn, RequestModel

ParcelId = Annotated[str, Field(pattern=r"^P[0-9]{1,4}$")]


class WithdrawParcelIn(RequestModel):
    """Why a parcel is taken back, and whether its goods are packed anew: to a mended address where one is given."""

    reason: Annotated[str, Field(min_length=1, max_length=200, description="Kept for ever: name no person.")]
    send_again: bool = False
    recipient: RecipientIn | None = None


class AcceptSuggestionIn(RequestModel):
    """Which parcel's suggestion is accepted; the order's only one where none is named."""

    parcel_id: ParcelId | None = None


class AddressOut(AnswerModel):
    """An address as a carrier writes it."""

    name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


class SuggestionOut(AnswerModel):
    """What a carrier would write otherwise; `address` is for keys with the scope `orders:personal`, until erasure."""

    parcel_id: str
    parts: tuple[str, ...]
    address: AddressOut | None = None


class SuggestionsOut(AnswerModel):
    """Suggestions that can be accepted now."""

    suggestions: tuple[SuggestionOut, ...]

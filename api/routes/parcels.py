"""Parcels: taken back before hand-over, and sent to the address as their carrier writes it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.answers import ORDER_PROBLEMS, SUBMISSION, OrderId, order_state
from api.dependencies import ApiDependencies, Canceller, Dependencies, Reader, Writer
from api.parcel_models import AcceptSuggestionIn, AddressOut, SuggestionOut, SuggestionsOut, WithdrawParcelIn
from api.problems import Problem
from api.submission import submit
from events.order import commands
from events.order.parcel_commands import AcceptSuggestedAddress, WithdrawParcel
from events.order.parcels import Suggestion
from events.order.suggestions import open_suggestions
from processors import personal
from processors.personal import Recipient
from processors.ports import ApiKey, VaultError

router = APIRouter(prefix="/v1/orders/{order_id}", tags=["parcels"])


ParcelIdPath = Annotated[str, Path(pattern=r"^P[0-9]{1,4}$")]


@router.get("/address/suggestion", response_model=SuggestionsOut, responses=ORDER_PROBLEMS)
async def show_suggestions(order_id: OrderId, deps: Dependencies, key: Reader) -> SuggestionsOut:
    """How carriers would write the order's address, where one has refused it and has a better idea."""
    found = open_suggestions(await order_state(deps, key, order_id))
    shown = await run_in_threadpool(
        lambda: tuple(_shown(deps, key, order_id, parcel_id, one) for parcel_id, one in found.items())
    )
    return SuggestionsOut(suggestions=shown)


@router.post("/address/accept-suggestion", **SUBMISSION)
async def accept_suggestion(
    request: Request, order_id: OrderId, accepted: AcceptSuggestionIn, deps: Dependencies, key: Writer
) -> JSONResponse:
    """Take the address as the carrier writes it: the order has it from then on, and the label is bought with it."""
    found = open_suggestions(await order_state(deps, key, order_id))
    wanted = accepted.parcel_id or next(iter(found), None)
    if wanted is None or (accepted.parcel_id is None and len(found) > 1):
        detail = "Name the parcel whose suggestion you mean; `GET …/address/suggestion` lists what can be accepted."
        raise Problem(409, "no_single_suggestion", detail)
    command = AcceptSuggestedAddress(parcel_id=wanted)
    return await submit(request, deps, key, lambda: (order_id, command))


@router.post("/parcels/{parcel_id}/withdraw", **SUBMISSION)
async def withdraw_parcel(
    request: Request,
    order_id: OrderId,
    parcel_id: ParcelIdPath,
    withdrawn: WithdrawParcelIn,
    deps: Dependencies,
    key: Canceller,
) -> JSONResponse:
    """Take a parcel back that the carrier does not have yet; its label is given back to the carrier.

    Its goods are packed anew with `send_again`, and cancelled without.
    """
    if parcel_id not in (await order_state(deps, key, order_id)).parcels:
        raise Problem(404, "parcel_not_known", "The order has no such parcel. Its parcels are in the order itself.")
    recipient = Recipient(**withdrawn.recipient.model_dump()) if withdrawn.recipient else None
    if recipient is not None and not (withdrawn.send_again and recipient.is_deliverable()):
        detail = "A mended address is for `send_again`, and needs a name, a street, a city and a country."
        raise Problem(422, "address_not_usable", detail)

    def prepare() -> tuple[str, commands.OrderCommand]:
        command = WithdrawParcel(parcel_id=parcel_id, send_again=withdrawn.send_again, reason=withdrawn.reason)
        if recipient is None:
            return order_id, command
        mended = personal.mended_address(deps.vault, key.tenant, order_id, recipient)
        return order_id, msgspec.structs.replace(command, **mended)

    return await submit(request, deps, key, prepare)


def _shown(deps: ApiDependencies, key: ApiKey, order_id: str, parcel_id: str, one: Suggestion) -> SuggestionOut:
    """A suggestion; what it says only to whoever may read what buyers gave. Blocks."""
    address = None
    if "orders:personal" in key.scopes:
        try:
            opened = personal.open_recipient(deps.vault, key.tenant, order_id, one.address.recipient)
        except VaultError:
            opened = Recipient()
        address = AddressOut(**{name: getattr(opened, name) for name in AddressOut.model_fields})
    return SuggestionOut(parcel_id=parcel_id, parts=one.address.parts, address=address)

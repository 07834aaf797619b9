"""Decisions about parcels that are taken back, labels that are given back, and addresses as carriers write them."""

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from events.decider import Context, Ignored
from events.identity import effect_key, request_id
from events.order.decide_common import only_answer_to, parcel_of, raised, wait_and_retry
from events.order.facts import (
    DeadlineSet,
    LabelRefundAnswered,
    LabelRefundRequested,
    LineCancelled,
    OrderEdited,
    OrderEvent,
    ParcelWithdrawn,
)
from events.order.parcel_commands import (
    AcceptSuggestedAddress,
    ParcelCommand,
    ReportLabelRefundAnswered,
    WithdrawParcel,
)
from events.order.parcels import (
    DAY_MS,
    PENDING_ASKS_MAX,
    REFUND_STATES,
    REFUNDED,
    REFUSED,
    WITHDRAWN,
    LabelRefund,
)
from events.order.refusals import AlreadyErased, NoAddressSuggested, ParcelNotHere, TooManyParcels, UnitsBeingMade
from events.order.state import RUN_ENDED, Order, Parcel
from events.order.suggestions import open_suggestions
from events.order.values import LineUnits
from events.order.work import answer_due_at, label_requested_again

PARCELS_MAX = 200
"""Parcels of one order: as many as it may have lines, few enough to keep its state small."""

RANK_IN_TRANSIT = 20
IN_TRANSIT, UNCONFIRMED = "in_transit", "unconfirmed"
WITHDRAWABLE = frozenset({"labelled", "label_failed"})
"""Stages of a parcel that is still here, and of whose label it is known whether it was bought."""


def decide(order: Order, command: ParcelCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about a parcel's goods, address or label."""
    parcel = parcel_of(order, command.parcel_id)
    match command:
        case WithdrawParcel():
            return _withdrawn(order, parcel, command, context)
        case AcceptSuggestedAddress():
            return _address_accepted(order, parcel, context)
        case ReportLabelRefundAnswered():
            return _refund_answered(order, parcel, command, context)
        case _:
            assert_never(command)


def _withdrawn(order: Order, parcel: Parcel, command: WithdrawParcel, context: Context) -> tuple[OrderEvent, ...]:
    if parcel.stage == WITHDRAWN:
        raise Ignored("this parcel was taken back already")
    if parcel.stage not in WITHDRAWABLE or parcel.rank >= RANK_IN_TRANSIT:
        raise ParcelNotHere
    if order.erased:
        raise AlreadyErased
    if command.send_again and len(order.parcels) >= PARCELS_MAX:
        raise TooManyParcels
    owed = tuple(_only_here(order, parcel))
    for part in owed:
        newest = order.lines[part.line_id].newest_run_of
        if any(newest[unit].stage not in RUN_ENDED for unit in part.units):
            raise UnitsBeingMade
    moved = command.recipient is not None and command.send_again
    withdrawn = ParcelWithdrawn(
        parcel_id=parcel.parcel_id,
        contents=tuple(LineUnits(line_id=line_id, units=units) for line_id, units in parcel.contents.items()),
        send_again=command.send_again,
        reason=command.reason,
        recipient=command.recipient if moved else None,
        country=command.country if moved else "",
        region=command.region if moved else "",
        postal_prefix=command.postal_prefix if moved else "",
        by=context.actor,
    )
    if command.send_again:
        return (withdrawn,)
    cancelled = (LineCancelled(line_id=part.line_id, units=part.units, reason=command.reason) for part in owed)
    return (withdrawn, *cancelled)


def _only_here(order: Order, parcel: Parcel) -> Iterator[LineUnits]:
    """Live units that no other parcel carries: a unit that was printed again may have left in one of its own."""
    others = {
        (line_id, unit)
        for other in order.parcels.values()
        if other.parcel_id != parcel.parcel_id and other.stage != WITHDRAWN
        for line_id, units in other.contents.items()
        for unit in units
    }
    for line_id, units in parcel.contents.items():
        live = order.lines[line_id].live_units
        mine = tuple(unit for unit in units if unit in live and (line_id, unit) not in others)
        if mine:
            yield LineUnits(line_id=line_id, units=mine)


def _address_accepted(order: Order, parcel: Parcel, context: Context) -> tuple[OrderEvent, ...]:
    if order.erased:
        raise AlreadyErased
    suggestion = open_suggestions(order).get(parcel.parcel_id)
    if suggestion is None:
        raise NoAddressSuggested
    better = suggestion.address
    edited = OrderEdited(
        store_updated_at=order.store_updated_at,
        recipient=better.recipient,
        # What the store said stays what its next picture is compared with: its old spelling is no edit back to it.
        recipient_digest=order.recipient_digest,
        country=better.country,
        region=better.region,
        postal_prefix=better.postal_prefix,
        by=context.actor,
    )
    addressed = replace(order, recipient=better.recipient, country=better.country, region=better.region)
    return (edited, label_requested_again(addressed, parcel, context))


def labels_to_give_back(order: Order, context: Context) -> Iterator[LabelRefundRequested]:
    """A request for each label that nobody needs: of a parcel that was taken back and that no carrier has seen."""
    for parcel in order.parcels.values():
        is_unused = parcel.stage == WITHDRAWN and parcel.labelled and parcel.rank < RANK_IN_TRANSIT
        if is_unused and parcel.refund is None:
            key = effect_key(context.key, "label_refund", parcel.parcel_id, parcel.carrier, 1)
            yield _refund_requested(order, parcel, LabelRefund(effect_key=key, attempt=0), context)


def _refund_requested(order: Order, parcel: Parcel, refund: LabelRefund, context: Context) -> LabelRefundRequested:
    attempt = refund.attempt + 1
    return LabelRefundRequested(
        effect_key=refund.effect_key,
        request_id=request_id(refund.effect_key, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        parcel_id=parcel.parcel_id,
        carrier=parcel.carrier,
        carrier_reference=parcel.carrier_reference,
        tracking_number=parcel.tracking_number,
        label_effect_key=parcel.effect_key,
    )


def _refund_answered(
    order: Order, parcel: Parcel, command: ReportLabelRefundAnswered, context: Context
) -> tuple[OrderEvent, ...]:
    refund = parcel.refund
    if refund is None or refund.state in {REFUNDED, REFUSED}:
        raise Ignored("this label's refund is not waited for")
    only_answer_to(refund.effect_key, refund.attempt, command.request_id)
    if command.request_id != request_id(refund.effect_key, refund.attempt) and command.state != REFUNDED:
        raise Ignored("a newer attempt was asked for since, and its answer counts")
    if command.state not in REFUND_STATES:
        raise Ignored("what became of the label is not told in a word that is known here")
    if refund.heard == refund.attempt and command.state != REFUNDED:
        raise Ignored("this attempt was answered already")
    answered = _answer(parcel, command.state, command.reason, command.detail)
    key = deadline_of(parcel)
    match command.state:
        case "refunded":
            return (answered,)
        case "refused":
            return (answered, *_shown(order, parcel, command.reason, command.detail))
        case "pending" if refund.pending + 1 < PENDING_ASKS_MAX:
            return (answered, DeadlineSet(deadline_key=key, due_at=context.now + (DAY_MS << refund.pending)))
        case "pending":
            detail = "The carrier has looked at it for a month and has not said that it pays."
            return (_answer(parcel, REFUSED, UNCONFIRMED, detail), *_shown(order, parcel, UNCONFIRMED, detail))
        case _:
            failures = refund.unanswered + 1
            late = raised(order, "work_overdue", key, NOT_ANSWERED, ASK_THEM, blocking=False)
            told = late if failures >= order.policy.attempts_max else ()
            return (answered, wait_and_retry(order, key, failures, context), *told)


NOT_ANSWERED = "The carrier has given no usable answer about a label that is to be given back."
ASK_THEM = "Look at the carrier's status and the worker's log; the carrier is asked again until it answers."


def refund_overdue(order: Order, parcel: Parcel, context: Context) -> tuple[OrderEvent, ...]:
    """Ask once more, unless the parcel was seen on its way meanwhile: such a label is used."""
    refund = parcel.refund
    if refund is None:
        return ()
    if parcel.rank >= RANK_IN_TRANSIT:
        detail = "The carrier scanned the parcel, so its label is used."
        return (_answer(parcel, REFUSED, IN_TRANSIT, detail), *_shown(order, parcel, IN_TRANSIT, detail))
    return (_refund_requested(order, parcel, refund, context),)


def deadline_of(parcel: Parcel) -> str:
    """The key of what a label's refund waits for."""
    return f"label_refund:{parcel.parcel_id}"


def _answer(parcel: Parcel, state: str, reason: str, detail: str) -> LabelRefundAnswered:
    return LabelRefundAnswered(
        parcel_id=parcel.parcel_id, carrier=parcel.carrier, state=state, reason=reason, detail=detail
    )


def _shown(order: Order, parcel: Parcel, reason: str, detail: str) -> tuple[OrderEvent, ...]:
    said = f"{parcel.carrier} does not take label {parcel.tracking_number} back: {detail or reason}"
    advice = "Look at the label in the carrier's account: claim its price there, or find the parcel if it left."
    return raised(order, "label_refund_refused", parcel.parcel_id, said, advice, blocking=False)

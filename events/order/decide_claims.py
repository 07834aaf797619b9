"""Decisions about returns and claims: opened for units that were sent, reviewed by rules, decided once, paid once."""

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from events.decider import Context, Ignored, Refusal
from events.order import claims
from events.order.claim_commands import (
    ClaimCommand,
    DecideClaim,
    OpenClaim,
    ReportClaimReviewed,
    ReportRefunded,
    ReportRefundFailed,
)
from events.order.claim_outcomes import made_again, paid_units, replaced
from events.order.claim_work import claim_review_requested, refund_requested_first
from events.order.claims import Claim, ClaimedUnits, PartnerFault
from events.order.decide_common import RUNS_MAX, line_of, only_answer_to, raised, wait_and_retry
from events.order.facts import OrderEvent
from events.order.facts.claims import (
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    PartnerClaimNoted,
    RefundFailed,
    RefundMade,
    ReturnOpened,
)
from events.order.facts.production import ReprintRequested
from events.order.refusals import (
    AlreadyErased,
    ClaimDecidedAlready,
    ClaimOutcomeUnfit,
    ClaimReasonUnknown,
    ClaimUnknown,
    PrintedTooOften,
    RefundOutOfRange,
    TooManyClaims,
    UnitsBeingMade,
    UnitsClaimedAlready,
    UnitsMadeAgain,
    UnitsNotSent,
    UnitsReplaced,
)
from events.order.state import RUN_ENDED, Line, Order, Parcel, Run
from events.order.values import LineUnits
from events.order.work import label_requested, reprint_requested

RUN_MADE_NOTHING = frozenset({"cancelled", "given_up"})
"""Stages of a run that ended without goods: what is claimed was made by an earlier one."""

SENT = frozenset({"dispatched", "delivered", "returned"})
"""Stages of a parcel that left."""


def decide(order: Order, command: ClaimCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about a return or a complaint."""
    match command:
        case OpenClaim():
            return _opened(order, command, context)
        case DecideClaim():
            return _decided(order, command, context)
        case ReportClaimReviewed():
            return _reviewed(order, command, context)
        case ReportRefunded():
            return _refunded(order, command, context)
        case ReportRefundFailed():
            return _not_refunded(order, command, context)
        case _:
            assert_never(command)


def return_opened(order: Order, parcel: Parcel, context: Context) -> tuple[OrderEvent, ...]:
    """The return of a parcel that came back, and its review; nothing where nobody may claim any of its units."""
    paid = paid_units(order)
    items = []
    for line_id, units in parcel.contents.items():
        line = order.lines[line_id]
        owed = {unit for unit in units if unit in line.live_units and (line_id, unit) not in paid}
        items += [_item(order, line, run, parcel, owed) for run in line.runs if run.parcel_id == parcel.parcel_id]
    items = [item for item in items if item.units]
    if not items or len(order.claims) >= claims.CLAIMS_MAX:
        return ()
    opened = ReturnOpened(
        claim_id=_next_id(order), parcel_id=parcel.parcel_id, items=tuple(items), opened_at=context.now
    )
    claim = Claim(
        claim_id=opened.claim_id,
        kind=claims.RETURN,
        reason=claims.RETURNED_TO_SENDER,
        wish="",
        items=opened.items,
        pictures=0,
        opened_at=context.now,
    )
    return (opened, claim_review_requested(order, claim, context))


def _next_id(order: Order) -> str:
    return f"C{len(order.claims) + 1}"


def _opened(order: Order, command: OpenClaim, context: Context) -> tuple[OrderEvent, ...]:
    if order.erased:
        raise AlreadyErased
    if command.reason not in claims.COMPLAINT_REASONS or command.wish not in {"", claims.REFUND, claims.REPRINT}:
        raise ClaimReasonUnknown
    if len(order.claims) >= claims.CLAIMS_MAX or len(command.pictures) > claims.PICTURES_MAX:
        raise TooManyClaims
    items = tuple(_claimed(order, command.lines))
    units = {(item.line_id, unit) for item in items for unit in item.units}
    under_way = {unit for claim in order.claims.values() if claim.is_open for unit in claim.units}
    if not units.isdisjoint(under_way | paid_units(order)):
        raise UnitsClaimedAlready
    opened = ClaimOpened(
        claim_id=_next_id(order),
        reason=command.reason,
        wish=command.wish,
        items=items,
        note=command.note,
        pictures=command.pictures,
        opened_at=context.now,
        by=context.actor,
    )
    claim = Claim(
        claim_id=opened.claim_id,
        kind=claims.COMPLAINT,
        reason=command.reason,
        wish=command.wish,
        items=items,
        pictures=len(command.pictures),
        opened_at=context.now,
    )
    return (opened, claim_review_requested(order, claim, context))


def _claimed(order: Order, asked: tuple[LineUnits, ...]) -> Iterator[ClaimedUnits]:
    """What is claimed, by the run that made it last. Raises a refusal for units that nobody has sent."""
    wanted: dict[str, set[int]] = {}
    for part in asked:
        wanted.setdefault(part.line_id, set()).update(part.units)
    if not wanted or not all(wanted.values()):
        raise UnitsNotSent
    for line_id, units in wanted.items():
        line = line_of(order, line_id)
        maker = {unit: run for run in line.runs if run.stage not in RUN_MADE_NOTHING for unit in run.units}
        if not units <= set(line.live_units) or not units <= maker.keys():
            raise UnitsNotSent
        for run in {maker[unit].run: maker[unit] for unit in sorted(units)}.values():
            parcel = order.parcels.get(run.parcel_id)
            mine = {unit for unit in units if maker[unit].run == run.run}
            if parcel is None or parcel.stage not in SENT or not mine <= set(run.passed_units):
                raise UnitsNotSent
            yield _item(order, line, run, parcel, mine)


def _item(order: Order, line: Line, run: Run, parcel: Parcel, units: set[int]) -> ClaimedUnits:
    mine = tuple(sorted(units & set(run.passed_units)))
    return ClaimedUnits(
        line_id=line.line_id,
        run=run.run,
        units=mine,
        partner_id=run.partner_id,
        parcel_id=parcel.parcel_id,
        delivered_at=parcel.stage_at if parcel.stage == "delivered" else 0,
        price_minor=line.unit_price_minor * len(mine),
        reprints=line.reprints,
    )


def _reviewed(order: Order, command: ReportClaimReviewed, context: Context) -> tuple[OrderEvent, ...]:
    claim = _claim(order, command.claim_id)
    if claim.stage != "reviewing":
        raise Ignored("this claim is not waiting for its review any more")
    only_answer_to(claim.effect_key, claim.attempt, command.request_id)
    verdict, reason = command.verdict, command.reason
    if verdict == claims.PERSON or verdict not in claims.OUTCOMES[claim.kind] or verdict == claims.RESHIP:
        return _referred(order, claim, reason, command)
    if verdict == claims.REFUSE:
        return (_refused(claim, reason, context, command.rules_version),)
    why_not = _obstacle(order, claim, verdict, context)
    if why_not:
        return _referred(order, claim, why_not, command)
    claim = replace(claim, faults=_faults_of(claim, command.faults))
    return _granted(order, claim, verdict, reason, 0, context, command.rules_version)


def _faults_of(claim: Claim, reported: tuple[PartnerFault, ...]) -> tuple[PartnerFault, ...]:
    """At most one fault an item: what rules may say of the claim is bounded by what was claimed."""
    return reported[: len(claim.items)]


def _referred(order: Order, claim: Claim, reason: str, command: ReportClaimReviewed) -> tuple[OrderEvent, ...]:
    referred = ClaimReferred(
        claim_id=claim.claim_id,
        reason=reason,
        rules_version=command.rules_version,
        faults=_faults_of(claim, command.faults),
    )
    choices = ", ".join(sorted(claims.OUTCOMES[claim.kind]))
    detail = f"A {claim.kind} ({claim.reason}) is left to a person: {reason}."
    advice = f"Look at the claim and decide it: {choices}."
    return (referred, *raised(order, "claim_open", claim.claim_id, detail, advice, blocking=False))


def _decided(order: Order, command: DecideClaim, context: Context) -> tuple[OrderEvent, ...]:
    claim = _claim(order, command.claim_id)
    if not claim.is_open:
        raise ClaimDecidedAlready
    if command.outcome not in claims.OUTCOMES[claim.kind]:
        raise ClaimOutcomeUnfit
    if command.outcome == claims.REFUSE:
        return (_refused(claim, command.reason, context),)
    if command.outcome == claims.RESHIP:
        return _sent_again(order, claim, command, context)
    _checked(order, claim, command.outcome, command.amount_minor)
    return _granted(order, claim, command.outcome, command.reason, command.amount_minor, context)


def _checked(order: Order, claim: Claim, outcome: str, amount_minor: int) -> None:
    """Raise the refusal for which this outcome cannot be carried out now.

    Two claims can be open on the same units, a complaint and a return. A unit is answered once, by money or by goods.
    """
    if outcome in {claims.REFUND, claims.REPRINT} and not claim.units.isdisjoint(paid_units(order)):
        raise UnitsClaimedAlready
    if outcome == claims.REFUND:
        if any(replaced(order, item) for item in claim.items):
            raise UnitsReplaced
        if not 0 <= amount_minor <= _refundable(order, claim) or _refundable(order, claim) <= 0:
            raise RefundOutOfRange
    if outcome != claims.REPRINT:
        return
    if order.erased:
        raise AlreadyErased
    for item in claim.items:
        line = line_of(order, item.line_id)
        newest = line.newest_run_of
        if not set(item.units) <= set(line.live_units):
            raise UnitsNotSent
        if any(newest[unit].stage not in RUN_ENDED for unit in item.units):
            raise UnitsBeingMade
        if replaced(order, item):
            raise UnitsReplaced
        if len(line.runs) + len(claim.items) > RUNS_MAX:
            raise PrintedTooOften


def _obstacle(order: Order, claim: Claim, verdict: str, context: Context) -> str:
    """Why the rules' proposal cannot be followed without a person; empty where it can."""
    if any(made_again(order, item) for item in claim.items):
        return "made_again"
    try:
        _checked(order, claim, verdict, 0)
    except Refusal as no:
        return no.reason
    return ""


def _refundable(order: Order, claim: Claim) -> int:
    """What can be given back for a claim: what its units cost, within what the order cost and was not given back."""
    price = sum(item.price_minor for item in claim.items)
    paid = sum(one.amount_minor for one in order.claims.values() if one.stage in claims.PAID)
    return min(price, order.total_minor - paid)


def _granted(
    order: Order,
    claim: Claim,
    outcome: str,
    reason: str,
    amount_minor: int,
    context: Context,
    rules_version: str = "",
) -> tuple[OrderEvent, ...]:
    amount = (amount_minor or _refundable(order, claim)) if outcome == claims.REFUND else 0
    granted = ClaimGranted(
        claim_id=claim.claim_id,
        outcome=outcome,
        reason=reason,
        items=claim.items,
        amount_minor=amount,
        currency=order.currency if amount else "",
        rules_version=rules_version,
        by=context.actor,
    )
    facts: list[OrderEvent] = [granted, *_noted(claim)]
    if outcome == claims.REFUND:
        facts.append(refund_requested_first(order, claim, amount, context))
    if outcome == claims.REPRINT:
        facts.extend(_reprints(order, claim, context))
    return tuple(facts)


def _noted(claim: Claim) -> Iterator[PartnerClaimNoted]:
    for fault in claim.faults:
        yield PartnerClaimNoted(claim_id=claim.claim_id, fault=fault)


def _reprints(order: Order, claim: Claim, context: Context) -> Iterator[ReprintRequested]:
    """One re-print for each run that is claimed, of the line's own files."""
    begun: dict[str, int] = {}
    for item in claim.items:
        line = order.lines[item.line_id]
        asked = reprint_requested(line, line.runs[item.run - 1], item.units, claim.reason, context)
        number = asked.run + begun.get(item.line_id, 0)
        begun[item.line_id] = begun.get(item.line_id, 0) + 1
        yield replace(asked, run=number, claim_id=claim.claim_id)


def _sent_again(order: Order, claim: Claim, command: DecideClaim, context: Context) -> tuple[OrderEvent, ...]:
    """The goods go out once more, in a parcel of their own, to the address as it is or as it was mended."""
    if order.erased:
        raise AlreadyErased
    if any(made_again(order, item) for item in claim.items) or not claim.units.isdisjoint(paid_units(order)):
        raise UnitsMadeAgain
    mended = command.recipient is not None
    granted = ClaimGranted(
        claim_id=claim.claim_id,
        outcome=claims.RESHIP,
        reason=command.reason,
        items=claim.items,
        parcel_id=f"P{len(order.parcels) + 1}",
        recipient=command.recipient,
        country=command.country if mended else "",
        region=command.region if mended else "",
        postal_prefix=command.postal_prefix if mended else "",
        by=context.actor,
    )
    contents: dict[str, tuple[int, ...]] = {}
    for item in claim.items:
        contents[item.line_id] = tuple(sorted({*contents.get(item.line_id, ()), *item.units}))
    addressed = order
    if command.recipient is not None:
        addressed = replace(order, recipient=command.recipient, country=command.country, region=command.region)
    label = label_requested(addressed, granted.parcel_id, claim.items[0].partner_id, contents, context)
    return (granted, *_noted(claim), label)


def _refused(claim: Claim, reason: str, context: Context, rules_version: str = "") -> ClaimRefused:
    code = reason if reason in claims.REFUSAL_TEXTS else "as_ordered"
    return ClaimRefused(
        claim_id=claim.claim_id,
        reason=code,
        detail=claims.REFUSAL_TEXTS[code],
        rules_version=rules_version,
        by=context.actor,
    )


def _refunded(order: Order, command: ReportRefunded, context: Context) -> tuple[OrderEvent, ...]:
    claim = _refunding(order, command.claim_id, command.request_id)
    return (
        RefundMade(
            claim_id=claim.claim_id,
            amount_minor=claim.amount_minor,
            currency=order.currency,
            reference=command.reference,
        ),
    )


def _not_refunded(order: Order, command: ReportRefundFailed, context: Context) -> tuple[OrderEvent, ...]:
    claim = _refunding(order, command.claim_id, command.request_id)
    if claim.waiting or claim.failed:
        raise Ignored("this failure is known already")
    retryable = command.retryable and claim.attempt < order.policy.attempts_max
    failed = RefundFailed(claim_id=claim.claim_id, reason=command.reason, detail=command.detail, retryable=retryable)
    if retryable:
        return (failed, wait_and_retry(order, f"refund:{claim.claim_id}", claim.attempt, context))
    advice = (
        "Look whether the payment system made it. Mend it and resolve this to try once more, or give the money back by "
        "hand and report that on the claim."
    )
    detail = f"{claim.amount_minor} {order.currency} in minor units were promised and not given back: {command.reason}."
    return (failed, *raised(order, "refund_failed", claim.claim_id, detail, advice, blocking=False))


def _refunding(order: Order, claim_id: str, answered: str) -> Claim:
    claim = _claim(order, claim_id)
    if claim.stage != "refunding":
        raise Ignored("this claim's money is not waited for")
    only_answer_to(claim.effect_key, claim.attempt, answered)
    return claim


def _claim(order: Order, claim_id: str) -> Claim:
    claim = order.claims.get(claim_id)
    if claim is None:
        raise ClaimUnknown
    return claim

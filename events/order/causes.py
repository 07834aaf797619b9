"""Exceptions that the order raises itself, and when each is over: one whose cause is gone settles itself."""

from collections.abc import Callable, Iterator

from events.order.claims import RETURN
from events.order.facts import ExceptionResolved
from events.order.state import PARCEL_HERE, RUN_MADE, RUN_STOPPABLE, Line, Order, Run

RUN_TAKEN = frozenset({"accepted", "printed", "inspecting", "passed"})
"""Stages of a run that its partner makes or has made."""


def settled_exceptions(order: Order) -> Iterator[ExceptionResolved]:
    """A resolution for every open exception whose cause is gone."""
    for opened in order.exceptions.values():
        holds_on = CAUSES.get(opened.kind)
        if holds_on is not None and not holds_on(order, opened.subject):
            how = "What it was about is over."
            yield ExceptionResolved(exception_id=opened.exception_id, how=how, by="policy:cause_gone")


def line_and_run(order: Order, subject: str) -> tuple[Line, Run] | None:
    """The line and print run that an exception is about, written 'LINE:RUN'; None where there is none."""
    line_id, _, number = subject.rpartition(":")
    line = order.line(line_id)
    run = line.run_of(int(number)) if line is not None and number.isdecimal() else None
    return None if line is None or run is None else (line, run)


def misprinted_units(line: Line, run: Run) -> tuple[int, ...]:
    """Units that this run was to make, that are not good, and that nobody prints again."""
    newest, passed = line.newest_run_of, line.passed_units
    return tuple(
        unit for unit in line.live_units if unit not in passed and unit in newest and newest[unit].run == run.run
    )


def goods_awaited(order: Order, line: Line, run: Run) -> bool:
    """Whether goods that a run's partner has made, as it said, are still to be handed over and made by nobody since."""
    if run.stage not in RUN_MADE:
        return False
    parcel, newest = order.parcels.get(run.parcel_id), line.newest_run_of
    is_here = parcel is None or parcel.stage in PARCEL_HERE
    return is_here and any(unit in newest and newest[unit].run == run.run for unit in line.live_units)


def _while_run(holds_on: Callable[[Line, Run], bool]) -> Callable[[Order, str], bool]:
    def check(order: Order, subject: str) -> bool:
        found = line_and_run(order, subject)
        return found is not None and holds_on(*found)

    return check


def _no_partner_yet(line: Line, run: Run) -> bool:
    """A failed partner is news until another one has taken its units."""
    return line.stage != "cancelled" and not any(
        later.stage in RUN_TAKEN and set(later.units) & set(run.units) for later in line.runs[run.run :]
    )


def _goods_in_doubt(order: Order, subject: str) -> bool:
    found = line_and_run(order, subject)
    return found is not None and bool(found[1].current_condition) and goods_awaited(order, *found)


def _rendering(order: Order, line_id: str) -> bool:
    line = order.line(line_id)
    return line is not None and line.stage == "rendering"


def _awaiting_approval(order: Order, line_id: str) -> bool:
    line = order.line(line_id)
    return line is not None and line.stage == "awaiting_approval"


def _label_missing(order: Order, parcel_id: str) -> bool:
    parcel = order.parcels.get(parcel_id)
    return parcel is not None and parcel.stage == "label_failed"


def _parcel_in_trouble(order: Order, parcel_id: str) -> bool:
    parcel = order.parcels.get(parcel_id)
    return parcel is not None and bool(parcel.current_condition)


def _return_undecided(order: Order, parcel_id: str) -> bool:
    """A parcel that came back is news until its return is decided; one without a return, until a person settles it."""
    returns = [
        claim
        for claim in order.claims.values()
        if claim.kind == RETURN and any(item.parcel_id == parcel_id for item in claim.items)
    ]
    return not returns or any(claim.is_open for claim in returns)


def _claim_referred(order: Order, claim_id: str) -> bool:
    claim = order.claims.get(claim_id)
    return claim is not None and claim.stage == "referred"


def _refund_failed(order: Order, claim_id: str) -> bool:
    claim = order.claims.get(claim_id)
    return claim is not None and claim.failed


def _stays(order: Order, subject: str) -> bool:
    """Only a person can settle it."""
    return True


CAUSES: dict[str, Callable[[Order, str], bool]] = {
    "claim_open": _claim_referred,
    "edit_refused": _stays,
    "goods_in_doubt": _goods_in_doubt,
    "label_failed": _label_missing,
    "label_refund_refused": _stays,
    "no_partner": _while_run(lambda line, run: run.stage == "unroutable"),
    "notification_failed": _stays,
    "parcel_in_trouble": _parcel_in_trouble,
    "parcel_returned": _return_undecided,
    "partner_failed": _while_run(_no_partner_yet),
    "partner_on_hold": _while_run(lambda line, run: run.stage in RUN_STOPPABLE and bool(run.current_condition)),
    "partner_refuses": _stays,
    "production_late": _while_run(lambda line, run: run.stage == "accepted"),
    "proof_unanswered": _awaiting_approval,
    "refund_failed": _refund_failed,
    "render_failed": _rendering,
    "reprint_limit": _while_run(lambda line, run: bool(misprinted_units(line, run))),
    "status_unknown": _stays,
    "submission_unknown": _while_run(lambda line, run: run.stage == "submitting"),
    "unwanted_print": _stays,
    "withdrawn_parcel_sent": _stays,
    "work_overdue": lambda order, deadline_key: deadline_key in order.deadlines,
}
"""By kind of exception: whether what it is about holds on. Nobody else may raise exceptions of these kinds."""

"""Commands for property tests: sensible ones that answer what was asked, and any others."""

import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
from hypothesis import strategies as st

from events.order.commands import (
    ApproveProof,
    CancelOrder,
    ErasePersonalData,
    HoldOrder,
    MapLine,
    ObserveStoreOrder,
    OrderCommand,
    OrderCommandUnion,
    RaiseException,
    ReleaseHold,
    ReplaceArtwork,
    ReportArtworkChecked,
    ReportArtworkUnavailable,
    ReportDeadlineElapsed,
    ReportInspected,
    ReportLabelFailed,
    ReportNotificationFailed,
    ReportPayment,
    ReportRenderFailed,
    ReportRoutingFailed,
    ReportSubmissionRefused,
    RequestProofChanges,
    RequestReprint,
    ResolveException,
    StartProduction,
)
from events.order.facts import (
    WORK_TOPIC,
    ArtworkCheckRequested,
    InspectionRequested,
    LabelRefundRequested,
    LabelRequested,
    NotificationRequested,
    OrderEvent,
    PartnerCancellationRequested,
    RenderRequested,
    RoutingRequested,
    SubmissionRequested,
)
from events.order.parcel_commands import WithdrawParcel
from events.order.state import Order
from events.order.values import AreaContent, Defect, Finding, OrderPolicy
from tests.order_life import COASTER, MUG, NOW, World, a_line, a_store_order
from tests.property.declared import values

PARTNERS = ("press-east", "press-west", "press-north")
Choose: TypeAlias = Callable[[Sequence[Any]], Any]
"""Chooses one of several things: Hypothesis, so that it can shrink, or a seeded generator, so that lives get long."""


def a_policy(choose: Choose) -> OrderPolicy:
    """Any rules of a store."""
    return OrderPolicy(
        approval=choose(["when_clean", "when_clean", "always"]),
        approver=choose(["store", "buyer"]),
        attempts_max=choose([1, 2, 3]),
        reprints_max=choose([0, 1, 2]),
        spot_check_per_mille=choose([0, 1000]),
        notify_buyer=choose([True, False]),
    )


def a_picture(choose: Choose) -> ObserveStoreOrder:
    """Any picture of the order: one to three lines, mapped or not, at any time."""
    ids = choose([("1",), ("1", "P1"), ("1", "a:b"), ("1", "2", "a:b"), ("2",)])
    lines = tuple(
        a_line(
            line_id,
            quantity=choose([1, 2, 3]),
            artwork=choose([*(MUG,) * 8, COASTER, None]),
            content=choose(["", "", "other", "another"]),
            note=choose(["", "", "note"]),
        )
        for line_id in ids
    )
    rarely = (*(False,) * 15, True)
    order = msgspec.structs.replace(
        a_store_order(lines=lines, policy=a_policy(choose)),
        country=choose(["DE", "DE", "FR"]),
        recipient_digest=choose(["here", "here", "there"]),
        payment_pending=choose(rarely),
        address_missing=choose(rarely),
        cancelled=choose(rarely),
    )
    return ObserveStoreOrder(order=order, store_updated_at=NOW + choose(range(20)))


def answers_to(fact: OrderEvent) -> list[OrderCommandUnion]:
    """Every kind of answer that the outside world may give to a request, the healthy one first."""
    healthy: list[Any] = list(World().answer(fact))
    return _before_the_press(fact, healthy) or _at_the_press(fact, healthy) or _on_the_way(fact, healthy) or healthy


def _before_the_press(fact: OrderEvent, healthy: list[Any]) -> list[OrderCommandUnion]:
    match fact:
        case ArtworkCheckRequested():
            block = Finding(code="x", severity="block", message="Bad.")
            ids: Any = {"request_id": fact.request_id, "line_id": fact.line_id}
            return [
                *healthy,
                ReportArtworkChecked(**ids, verdict="block", findings=(block,)),
                ReportArtworkChecked(**ids, verdict="review"),
                *(ReportArtworkUnavailable(**ids, reason="404", retryable=retry) for retry in (True, False)),
            ]
        case RenderRequested():
            ids = {"request_id": fact.request_id, "line_id": fact.line_id, "version": fact.version}
            return healthy + [ReportRenderFailed(**ids, reason="r", retryable=retry) for retry in (True, False)]
        case RoutingRequested():
            ids = {"request_id": fact.request_id, "line_id": fact.line_id}
            left = [partner for partner in PARTNERS if partner not in fact.excluded_partner_ids]
            found = [msgspec.structs.replace(healthy[0], partner_id=partner) for partner in left]
            return [*found, ReportRoutingFailed(**ids, run=fact.run, reason="nobody")]
        case _:
            return []


def _at_the_press(fact: OrderEvent, healthy: list[Any]) -> list[OrderCommandUnion]:
    match fact:
        case SubmissionRequested():
            ids: Any = {"request_id": fact.request_id, "line_id": fact.line_id, "run": fact.run}
            reasons = ("overloaded", "invalid", "outcome_unknown", "partner_suspended")
            return healthy + [
                ReportSubmissionRefused(**ids, reason=why, retryable=why == "overloaded") for why in reasons
            ]
        case PartnerCancellationRequested():
            return [*healthy, msgspec.structs.replace(healthy[0], confirmed=False, reason="too late")]
        case InspectionRequested():
            failed = ReportInspected(
                request_id=fact.request_id,
                line_id=fact.line_id,
                run=fact.run,
                passed_units=fact.units[1:],
                failed_units=fact.units[:1],
                defects=(Defect(code="misprint"),),
            )
            return [*healthy, failed]
        case _:
            return []


def _on_the_way(fact: OrderEvent, healthy: list[Any]) -> list[OrderCommandUnion]:
    match fact:
        case LabelRequested():
            ids: Any = {"request_id": fact.request_id, "parcel_id": fact.parcel_id, "reason": "address"}
            return healthy + [ReportLabelFailed(**ids, retryable=retry) for retry in (True, False)]
        case LabelRefundRequested():
            states = ("pending", "refused", "unanswered")
            return healthy + [msgspec.structs.replace(healthy[0], state=state, reason="r") for state in states]
        case NotificationRequested():
            ids = {"request_id": fact.request_id, "notification_id": fact.notification_id, "reason": "full"}
            return healthy + [ReportNotificationFailed(**ids, outcome_unknown=unknown) for unknown in (False, True)]
        case _:
            return []


def something_sensible(choose: Choose, order: Order, facts: Sequence[OrderEvent]) -> OrderCommandUnion:
    """Something that somebody may well say now: an answer, a report, a deadline, a person's wish."""
    asked = [fact for fact in facts if type(fact) in WORK_TOPIC and not isinstance(fact, NotificationRequested)]
    told = [fact for fact in facts if isinstance(fact, NotificationRequested)]
    runs = [(key, run.run) for key, line in order.lines.items() for run in line.runs]
    kinds = (
        ["person"] * 2
        + ["answer"] * 16 * bool(asked)
        + ["told"] * bool(told)
        + ["deadline"] * 2 * bool(order.deadlines)
    )
    kinds += ["partner"] * 3 * bool(runs) + ["carrier"] * 2 * bool(order.parcels)
    unblocking = _unblocking(order)
    kinds += ["unblock"] * 5 * bool(unblocking)
    found: OrderCommandUnion
    match choose(kinds):
        case "unblock":
            found = choose(unblocking)
        case "answer":
            answers = answers_to(choose(asked[-3:] if choose([True, True, True, False]) else asked))
            found = choose([answers[0], answers[0], choose(answers)])
        case "told":
            found = choose(answers_to(choose(told[-5:])))
        case "deadline":
            key = choose(sorted(order.deadlines))
            found = ReportDeadlineElapsed(deadline_key=key, due_at=order.deadlines[key])
        case "partner":
            line_id, run = choose(runs[-3:])
            word, rank = choose([*RANKS, *RANKS, *CONDITIONS])
            found = World().status(line_id, run, word, rank, at=NOW + choose(range(200)))
        case "carrier":
            word, rank = choose(SCANS)
            found = World().tracking(choose(sorted(order.parcels)), word, rank, at=NOW + choose(range(200)))
        case _:
            found = a_wish(choose, order)
    return found


def _unblocking(order: Order) -> list[OrderCommandUnion]:
    """What a person does for an order that waits for one."""
    found: list[OrderCommandUnion] = []
    for held in order.holds:
        found += [MapLine(line_id=held.line_id, artwork=MUG)] if held.reason == "sku_unmapped" else []
        found += [ReleaseHold(reason=held.reason, line_id=held.line_id)]
    for line in order.lines.values():
        if line.stage == "awaiting_approval":
            found += [ApproveProof(line_id=line.line_id, version=line.version)]
        if line.stage in {"blocked", "changes_requested"}:
            found += [ReplaceArtwork(line_id=line.line_id, contents=(), content_digest="mended")]
    found += [ResolveException(exception_id=key, how="settled") for key in sorted(order.exceptions)]
    return found


RANKS = (("queued", 10), ("printing", 20), ("packing", 40), ("printed", 50), ("done", 50))
CONDITIONS = (("on_hold", 0), ("failed", 0), ("cancelled", 0), ("", 0))
SCANS = (("pre_transit", 10), ("in_transit", 20), ("delivered", 40), ("returned", 50), ("failure", 0), ("", 0))


def a_wish(choose: Choose, order: Order) -> OrderCommandUnion:
    """What stores and people ask for."""
    line_id = choose(sorted(order.lines) or ["1"])
    line = order.lines.get(line_id)
    version = line.version if line else 1
    held = choose(order.holds) if order.holds else None
    wishes: list[OrderCommandUnion] = [
        MapLine(line_id=line_id, artwork=MUG),
        ReplaceArtwork(
            line_id=line_id, contents=(AreaContent(text=b"t"),), content_digest=choose(["replaced", "other"])
        ),
        HoldOrder(),
        ReleaseHold(reason=held.reason if held else "manual", line_id=held.line_id if held else ""),
        ApproveProof(line_id=line_id, version=version),
        ApproveProof(line_id=line_id, version=version),
        RequestProofChanges(line_id=line_id, version=version),
        RequestReprint(line_id=line_id, units=choose([(1,), (2,), (1, 2), (), (2, 2), (9,)]), reason_code="lost"),
        RaiseException(kind="odd"),
        StartProduction(line_id=line_id, run=choose([1, 1, 2]), version=version, batch_id="batch-1"),
        ResolveException(exception_id=choose(sorted(order.exceptions) or ["none"]), how="settled"),
        ErasePersonalData(),
        WithdrawParcel(
            parcel_id=choose(sorted(order.parcels) or ["P1"]), send_again=choose([True, False]), reason="torn"
        ),
        ReportPayment(
            kind=choose(["authorised", "captured", "voided", "refunded"]), amount_minor=1, currency="EUR", reference="r"
        ),
        choose([CancelOrder(reason="changed my mind"), a_picture(choose)]),
    ]
    wish: OrderCommandUnion = choose(wishes)
    return wish


def arbitrary(command: type[OrderCommand]) -> st.SearchStrategy[Any]:
    """Any instance of a command, however senseless; its numbers and names tend to hit something."""
    hints = typing.get_type_hints(command)
    return st.builds(
        command,
        **{
            field.name: HITTING[field.name] if field.name in HITTING else values(hints[field.name])
            for field in msgspec.structs.fields(command)
        },
    )


HITTING: dict[str, st.SearchStrategy[Any]] = {
    "line_id": st.sampled_from(["1", "2", "P1", "a:b", "nobody", ""]),
    "run": st.integers(-1, 4),
    "version": st.integers(-1, 4),
    "parcel_id": st.sampled_from(["P1", "P2", ""]),
    "claim_id": st.sampled_from(["C1", "C2", ""]),
    "outcome": st.sampled_from(["refund", "reprint", "reship", "keep", "refuse", ""]),
    "deadline_key": st.sampled_from(["check:1", "submit:1:1", "label:P1", "label:P9", "submit:1", ":", "notify:"]),
    "exception_id": st.sampled_from(["no_partner:1:1", "reprint_limit:1:x", "odd:", ""]),
    "kind": st.sampled_from(["odd", "reprint_limit", "label_failed", "captured"]),
    "reason": st.sampled_from(["manual", "sku_unmapped", "artwork_blocked", "outcome_unknown", ""]),
    "order": st.randoms(use_true_random=False).map(lambda random: a_picture(random.choice).order),
}

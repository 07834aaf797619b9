"""What happens anew is told anew: no second hold, exception or refusal is silent because its like was told once."""

from typing import Any

import msgspec

from events.order.commands import (
    CancelOrder,
    HoldOrder,
    ObserveStoreOrder,
    ReleaseHold,
    ReplaceArtwork,
    ReportCancellationAnswered,
    ReportLabelFailed,
    RequestReprint,
    ResolveException,
)
from events.order.facts import (
    ArtworkCheckRequested,
    CancellationRefused,
    CancellationRequested,
    HoldReleased,
    LabelPurchased,
    LabelRequested,
    NotificationRequested,
    OrderEdited,
    OrderHeld,
    PartnerCancellationRequested,
    SubmissionAccepted,
)
from events.order.notifications import OCCURRENCES_MAX
from events.order.values import AreaContent, Finding, OrderedLine
from tests.order_life import NOW, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, everybody_answers_until, given, report_on

ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
BLOCKED = answer_to(
    ArtworkCheckRequested, verdict="block", findings=(Finding(code="x", severity="block", message="Bad."),)
)
NO_LABEL = report_on(
    LabelRequested,
    lambda asked: ReportLabelFailed(request_id=asked.request_id, parcel_id=asked.parcel_id, reason="address"),
)
LABEL_SETTLED = ResolveException(exception_id="label_failed:P1", how="the address is right")
CANCEL = CancelOrder(reason="changed my mind")
RELEASE = ReleaseHold(reason="manual")


def replaced(digest: str) -> ReplaceArtwork:
    return ReplaceArtwork(line_id="1", contents=(AreaContent(artwork_url=b"sealed"),), content_digest=digest)


def will_not_stop() -> Step:
    return report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, confirmed=False, reason="on the press"
        ),
    )


def seen(*lines: OrderedLine, at: int, **changes: Any) -> ObserveStoreOrder:
    order = msgspec.structs.replace(a_store_order(lines=lines or None), **changes)
    return ObserveStoreOrder(order=order, store_updated_at=at)


def test_the_store_hears_of_artwork_that_is_blocked_a_second_time() -> None:
    history = given(placed(), BLOCKED, replaced("mended")).history
    history.take(BLOCKED)
    first, second = (f for f in history.facts if isinstance(f, NotificationRequested) and f.template == "order_held")
    assert (first.notification_id, second.notification_id) == (
        "order_held-artwork_blocked-1",
        "order_held-artwork_blocked-1.2",
    )
    assert first.request_id != second.request_id
    assert second.subject == first.subject == "artwork_blocked-1"


def test_the_store_hears_of_each_hold_by_hand() -> None:
    given(placed(), HoldOrder(), RELEASE).when(HoldOrder()).then_told("store: order_held-manual-.2")


def test_a_hold_that_stands_is_told_once_however_often_it_is_seen() -> None:
    unmapped = a_line(artwork=None)
    held = given(placed(a_store_order(lines=(unmapped,))))
    again = held.when(seen(a_line(artwork=None, note="a gift"), at=NOW + 5))
    again.then(OrderEdited, a(HoldReleased, reason="sku_unmapped"), a(OrderHeld, reason="sku_unmapped")).then_told()


def test_support_hears_of_a_label_that_fails_a_second_time() -> None:
    failed = (placed(), everybody_answers_until(LabelRequested), NO_LABEL)
    given(*failed, LABEL_SETTLED).when(NO_LABEL).then_told("support: exception_raised-label_failed:P1.2")


def test_the_buyer_hears_of_each_cancellation_that_is_refused() -> None:
    outcome = given(*ACCEPTED, CANCEL, will_not_stop(), CANCEL).when(will_not_stop())
    outcome.then(CancellationRefused).then_told("buyer: cancellation_refused-1.2")


def test_the_buyer_hears_once_of_a_cancellation_that_several_print_runs_refuse() -> None:
    lost = RequestReprint(line_id="1", units=(1,), reason_code="lost")
    accepted = (
        placed(),
        everybody_answers_until(LabelPurchased),
        lost,
        everybody_answers_until(SubmissionAccepted, LabelPurchased),
    )
    asked = given(*accepted).when(CANCEL)
    asked.then(CancellationRequested, a(CancellationRefused, run=1), a(PartnerCancellationRequested, run=2))
    asked.then_told("buyer: cancellation_refused-1")
    asked.and_when(will_not_stop()).then(a(CancellationRefused, run=2)).then_told()


def test_the_buyer_hears_once_of_a_cancellation_that_the_store_shows_again() -> None:
    shown = (seen(at=NOW + 5, cancelled=True), will_not_stop(), seen(at=NOW + 6, cancelled=True))
    given(*ACCEPTED, *shown).when(will_not_stop()).then(CancellationRefused).then_told()


def test_the_store_hears_of_each_change_that_comes_too_late() -> None:
    late = (*ACCEPTED, seen(a_line(content="other"), at=NOW + 5), will_not_stop())
    given(*late).when(seen(a_line(content="another"), at=NOW + 6)).then_told("store: edit_refused-1.2")


def test_what_happens_again_and_again_is_told_only_so_often() -> None:
    history = given(placed()).history
    for _ in range(OCCURRENCES_MAX + 3):
        history.take(HoldOrder())
        history.take(RELEASE)
    told = [f for f in history.facts if isinstance(f, NotificationRequested) and f.template == "order_held"]
    assert len(told) == OCCURRENCES_MAX

"""A newer picture of the order edits what is not submitted; an address is taken until the parcel is packed."""

from typing import Any

import msgspec
import pytest

from events.order.commands import (
    CancelOrder,
    MapLine,
    ObserveStoreOrder,
    ReplaceArtwork,
    ReportLabelFailed,
    ReportSubmissionRefused,
)
from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    ArtworkReplaced,
    EditRefused,
    ExceptionRaised,
    HoldReleased,
    InspectionRequested,
    LabelRequested,
    LineCancelled,
    LineMapped,
    OrderCancelled,
    OrderEdited,
    OrderHeld,
    OrderSeenAgain,
    RenderRequested,
    RoutingRequested,
    SubmissionRequested,
)
from events.order.refusals import AlreadyShipped, LineUnknown, TooLateToEdit
from events.order.values import AreaContent, OrderedLine
from tests.order_life import MUG, NOW, a_line, a_store_order, placed
from tests.unit.order.spec import a, answer_to, everybody_answers_until, given, report_on


def seen(*lines: OrderedLine, at: int = NOW + 1, **changes: Any) -> ObserveStoreOrder:
    order = msgspec.structs.replace(a_store_order(lines=lines or (a_line(),)), **changes)
    return ObserveStoreOrder(order=order, store_updated_at=at)


LINE = a_line()
SEALED = AreaContent(text=b"sealed")
OTHER = a_line(content="other text")
ROUTING = (placed(), everybody_answers_until(RoutingRequested))
SUBMITTING = (placed(), everybody_answers_until(SubmissionRequested))
ANOTHER_STREET: dict[str, Any] = {"recipient": b"sealed elsewhere", "recipient_digest": "elsewhere"}


def test_a_newer_picture_without_differences_edits_nothing_and_nobody_is_told() -> None:
    given(placed()).when(seen(at=NOW + 5)).then(OrderSeenAgain(store_updated_at=NOW + 5)).then_told()


def test_a_picture_of_the_same_second_as_one_without_differences_counts_where_it_says_something_new() -> None:
    noted = given(placed()).when(seen(at=NOW + 5))
    noted.and_when(seen(at=NOW + 5)).then_ignored()
    noted.and_when(seen(at=NOW + 5, cancelled=True)).then_among_others(OrderCancelled)


@pytest.mark.parametrize("older", [seen(at=NOW + 5, **ANOTHER_STREET), seen(a_line(quantity=3), at=NOW + 5)])
def test_a_picture_that_comes_after_a_newer_one_without_differences_changes_nothing(older: ObserveStoreOrder) -> None:
    given(placed(), seen(at=NOW + 10)).when(older).then_ignored()


def test_a_picture_that_comes_after_a_newer_one_that_only_released_a_hold_changes_nothing() -> None:
    unpaid = placed(msgspec.structs.replace(a_store_order(), payment_pending=True))
    paid = given(unpaid).when(seen(at=NOW + 10))
    paid.then_among_others(a(HoldReleased, reason="payment_pending"), OrderSeenAgain(store_updated_at=NOW + 10))
    paid.and_when(seen(OTHER, at=NOW + 5)).then_ignored()


def test_a_picture_that_comes_after_a_newer_one_with_an_address_that_was_refused_changes_nothing() -> None:
    packed = (placed(), everybody_answers_until(LabelRequested))
    refused = given(*packed).when(seen(at=NOW + 10, **ANOTHER_STREET)).then_among_others(EditRefused, OrderSeenAgain)
    refused.and_when(seen(OTHER, at=NOW + 5)).then_ignored()


def test_a_changed_line_begins_again() -> None:
    outcome = given(placed(), answer_to(ArtworkCheckRequested)).when(seen(OTHER))
    outcome.then(
        a(OrderEdited, changed_lines=(OTHER,), store_updated_at=NOW + 1, by="store:demo-rest"),
        a(ArtworkCheckRequested, line_id="1", attempt=1),
    ).waits_for("check:1")
    assert outcome.order.store_updated_at == NOW + 1


def test_a_line_that_was_added_is_made_and_one_that_was_removed_is_not() -> None:
    given(placed()).when(seen(a_line("2"))).then(
        a(OrderEdited, changed_lines=(a_line("2"),), removed_line_ids=("1",)), a(ArtworkCheckRequested, line_id="2")
    ).line_is("1", "cancelled").waits_for("check:2")


def test_a_line_that_the_store_shows_again_is_made_after_all() -> None:
    given(placed(), seen(a_line("2"))).when(seen(LINE, a_line("2"), at=NOW + 2)).then_among_others(
        a(OrderEdited, changed_lines=(LINE,)), a(ArtworkCheckRequested, line_id="1")
    ).line_is("1", "checking")


def test_an_edit_of_a_run_that_waits_for_its_partner_abandons_it() -> None:
    given(*ROUTING).when(seen(OTHER)).then(
        a(LineCancelled, units=(), run=1, reason="edited"), OrderEdited, ArtworkCheckRequested
    ).waits_for("check:1")


def test_an_edit_between_two_attempts_abandons_the_run_and_the_next_has_its_own_number() -> None:
    refused = report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id="1", run=1, reason="overloaded", retryable=True
        ),
    )
    outcome = given(*SUBMITTING, refused).when(seen(OTHER))
    outcome.then_among_others(OrderEdited).waits_for("check:1")
    history = outcome.history
    history.take(everybody_answers_until(SubmissionRequested))
    assert history.newest(SubmissionRequested).run == 2


def test_an_edit_that_removes_the_last_line_cancels_the_order() -> None:
    removed = (placed(a_store_order(lines=(a_line("1"), a_line("2")))), CancelOrder(reason="no more"))
    given(*removed).when(seen()).then_ignored()
    outcome = given(placed(), seen(a_line("2"))).when(seen(a_line("1", content="x"), at=NOW + 2))
    outcome.then_among_others(a(OrderEdited, removed_line_ids=("2",))).then_not(OrderCancelled)


def test_another_address_is_taken_while_nothing_is_packed() -> None:
    outcome = given(*SUBMITTING).when(seen(**ANOTHER_STREET))
    outcome.then(a(OrderEdited, recipient=b"sealed elsewhere", changed_lines=()))
    history = outcome.history
    history.take(everybody_answers_until(LabelRequested))
    assert history.newest(LabelRequested).recipient == b"sealed elsewhere"


def test_another_country_is_routed_anew() -> None:
    given(*ROUTING).when(seen(country="FR", **ANOTHER_STREET)).then(
        a(LineCancelled, units=(), run=1), a(OrderEdited, country="FR"), a(RoutingRequested, run=2, country="FR")
    ).waits_for("route:1:2")


def test_another_address_for_a_parcel_that_has_its_label_is_shown_to_a_person() -> None:
    packed = (placed(), everybody_answers_until(LabelRequested))
    given(*packed).when(seen(**ANOTHER_STREET)).then(
        a(EditRefused, line_id="", reason="packed_already"),
        a(ExceptionRaised, kind="edit_refused", what_to_do=AlreadyShipped().detail),
        OrderSeenAgain,
    )


def test_a_person_is_told_once_of_addresses_that_come_too_late() -> None:
    packed = (placed(), everybody_answers_until(LabelRequested), seen(**ANOTHER_STREET))
    given(*packed).when(seen(at=NOW + 2, **ANOTHER_STREET)).then(OrderSeenAgain).then_told()


def test_another_address_mends_a_label_that_could_not_be_bought() -> None:
    failed = report_on(
        LabelRequested,
        lambda asked: ReportLabelFailed(request_id=asked.request_id, parcel_id="P1", reason="address unknown"),
    )
    packed = (placed(), everybody_answers_until(LabelRequested), failed)
    given(*packed).when(seen(**ANOTHER_STREET)).then(a(OrderEdited, recipient=b"sealed elsewhere"))


def test_a_changed_line_that_is_still_not_mapped_stays_held() -> None:
    unmapped = placed(a_store_order(lines=(a_line(artwork=None),)))
    outcome = given(unmapped).when(seen(a_line(artwork=None, content="other")))
    outcome.then(OrderEdited, HoldReleased, OrderHeld).status_is("on_hold")
    outcome.and_when(MapLine(line_id="1", artwork=MUG)).then(LineMapped, HoldReleased, ArtworkCheckRequested)


def test_a_line_with_another_sku_does_not_keep_the_old_artwork() -> None:
    other_sku = msgspec.structs.replace(a_line(artwork=None, content="other"), sku="SKU-NEW")
    outcome = given(placed()).when(seen(other_sku))
    outcome.then(OrderEdited, a(OrderHeld, reason="sku_unmapped")).status_is("on_hold")
    outcome.and_when(MapLine(line_id="1", artwork=MUG)).then_among_others(ArtworkCheckRequested)


def test_a_line_with_the_same_sku_keeps_what_it_was_mapped_to() -> None:
    given(placed()).when(seen(a_line(artwork=None, content="other"))).then(
        OrderEdited, a(ArtworkCheckRequested, artwork=MUG)
    )


def test_replaced_artwork_is_checked_anew() -> None:
    new = ReplaceArtwork(line_id="1", contents=(SEALED,), content_digest="new")
    given(*ROUTING).when(new).then(
        a(LineCancelled, units=()), ArtworkReplaced, a(ArtworkCheckRequested, contents=(SEALED,))
    )


def test_replacing_the_artwork_of_an_unmapped_line_keeps_the_order_held() -> None:
    unmapped = placed(a_store_order(lines=(a_line(artwork=None),)))
    new = ReplaceArtwork(line_id="1", contents=(SEALED,), content_digest="new")
    given(unmapped).when(new).then(ArtworkReplaced).status_is("on_hold")


def test_artwork_that_is_printed_or_cancelled_cannot_be_replaced() -> None:
    new = ReplaceArtwork(line_id="1", content_digest="new")
    given(placed(), everybody_answers_until(InspectionRequested)).when(new).then_refused(TooLateToEdit)
    given(placed(), CancelOrder(reason="r")).when(new).then_refused(TooLateToEdit)
    given(placed()).when(ReplaceArtwork(line_id="9", content_digest="new")).then_refused(LineUnknown)


def test_an_edit_of_a_line_named_like_a_parcel_leaves_the_parcels_deadline() -> None:
    lines = placed(a_store_order(lines=(a_line("1"), a_line("P1"))))
    history = given(lines).history
    first, second = (fact for fact in history.facts if isinstance(fact, ArtworkCheckRequested))
    assert second.line_id == "P1"
    history.take(answer_to(ArtworkCheckRequested, request_id=first.request_id, line_id="1"))
    history.take(everybody_answers_until(LabelRequested, ArtworkChecked))
    parcels_due = history.order.deadlines.get("label:P1")
    history.take(seen(a_line("1"), a_line("P1", content="other")))
    assert history.order.deadlines.get("label:P1") == parcels_due


def test_a_line_id_may_hold_colons() -> None:
    history = given(placed(a_store_order(lines=(a_line("gid://shop/LineItem/1"),)))).history
    history.take(everybody_answers_until(RenderRequested))
    history.take(seen(a_line("gid://shop/LineItem/1", content="other")))
    history.take(everybody_answers_until())
    assert history.order.parcels["P1"].stage == "delivered"
    assert not history.order.deadlines

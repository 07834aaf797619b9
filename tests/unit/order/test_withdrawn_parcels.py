"""A parcel is taken back before hand-over: its goods go out anew or to nobody, and its label is given back, once."""

import msgspec
import pytest

from events.order.commands import (
    ErasePersonalData,
    HoldOrder,
    ReleaseHold,
    ReportArtworkChecked,
    ReportLabelFailed,
    ReportTracking,
    RequestReprint,
)
from events.order.facts import (
    ArtworkCheckRequested,
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    HoldReleased,
    LabelPurchased,
    LabelRefundAnswered,
    LabelRefundRequested,
    LabelRequested,
    LineAmended,
    LineCancelled,
    NotificationRequested,
    OrderCancelled,
    OrderEdited,
    ParcelWithdrawn,
    PersonalDataErased,
    ProofApprovalRequested,
    ShipmentDispatched,
    TrackingObserved,
)
from events.order.parcel_commands import AcceptSuggestedAddress, ReportLabelRefundAnswered, WithdrawParcel
from events.order.parcels import DAY_MS, PENDING_ASKS_MAX
from events.order.refusals import (
    NoAddressSuggested,
    ParcelNotHere,
    ParcelUnknown,
    TooManyParcels,
    UnitsBeingMade,
)
from events.order.values import LineUnits, OrderPolicy, SuggestedAddress
from tests.order_life import NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

WORLD = World()
POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, attempts_max=2)
ORDER = placed(a_store_order(lines=(a_line(quantity=2),), policy=POLICY))
LABELLED = (ORDER, everybody_answers_until(LabelPurchased))
LABELLING = (ORDER, everybody_answers_until(LabelRequested))
ONE_PACKED = (
    placed(a_store_order(lines=(a_line("1"), a_line("2")), policy=POLICY)),
    report_on(
        ArtworkCheckRequested,
        lambda asked: ReportArtworkChecked(request_id=asked.request_id, line_id=asked.line_id, verdict="review"),
    ),
    everybody_answers_until(LabelPurchased, ProofApprovalRequested),
)
"""Of two lines the first is made and packed in P1; the second waits for a person."""

CANCEL = WithdrawParcel(parcel_id="P1", send_again=False, reason="The buyer moved away.")
AGAIN = WithdrawParcel(parcel_id="P1", send_again=True, reason="The carton broke.")
IN_TRANSIT = WORLD.tracking("P1", "in_transit", 20)
BETTER = SuggestedAddress(recipient=b"sealed better", country="DE", region="BE", postal_prefix="101", parts=("street",))


def said(state: str, reason: str = "") -> Step:
    return report_on(
        LabelRefundRequested,
        lambda asked: ReportLabelRefundAnswered(
            request_id=asked.request_id, parcel_id=asked.parcel_id, state=state, reason=reason
        ),
    )


def refused_address(*, suggested: SuggestedAddress | None = BETTER) -> Step:
    return report_on(
        LabelRequested,
        lambda asked: ReportLabelFailed(
            request_id=asked.request_id, parcel_id="P1", reason="address_not_found", suggested=suggested
        ),
    )


def test_a_parcel_that_is_taken_back_cancels_its_units_and_gives_its_label_back() -> None:
    bought = given(*LABELLED).history.newest(LabelPurchased)
    outcome = given(*LABELLED).when(CANCEL)
    outcome.then(
        a(ParcelWithdrawn, parcel_id="P1", send_again=False, contents=(LineUnits(line_id="1", units=(1, 2)),)),
        a(LineCancelled, line_id="1", units=(1, 2), run=0),
        a(LabelRefundRequested, carrier=bought.carrier, carrier_reference=bought.carrier_reference, attempt=1),
        OrderCancelled,
    )
    outcome.waits_for("label_refund:P1").status_is("cancelled").then_told("buyer: cancelled")
    assert outcome.order.parcels["P1"].stage == "withdrawn"
    refunded = outcome.and_when(answer_to(LabelRefundRequested))
    refunded.then(a(LabelRefundAnswered, state="refunded", carrier=bought.carrier)).waits_for()


def test_a_label_is_given_back_under_a_key_of_its_own() -> None:
    history = given(*LABELLED, CANCEL).history
    asked, label = history.newest(LabelRefundRequested), history.newest(LabelRequested)
    assert asked.label_effect_key == label.effect_key != asked.effect_key
    assert asked.request_id == f"{asked.effect_key}.1"


def test_goods_that_are_sent_again_get_a_parcel_and_a_label_of_their_own() -> None:
    outcome = given(*LABELLED).when(AGAIN)
    outcome.then(
        a(ParcelWithdrawn, send_again=True, recipient=None),
        a(LabelRefundRequested, parcel_id="P1"),
        a(LabelRequested, parcel_id="P2", recipient=b"sealed recipient"),
    )
    outcome.waits_for("label_refund:P1", "label:P2").line_is("1", "labelling")
    sent = outcome.and_when(answer_to(LabelRequested)).and_when(WORLD.tracking("P2", "in_transit", 20))
    sent.then(TrackingObserved, a(ShipmentDispatched, parcel_id="P2")).status_is("shipped")


def test_a_line_whose_goods_were_taken_back_for_good_stays_cancelled_whatever_the_store_says_of_it() -> None:
    taken_back = (*ONE_PACKED, CANCEL)
    changed = placed(a_store_order(lines=(a_line("1", content="other"), a_line("2", note="a gift")), policy=POLICY))
    outcome = given(*taken_back).when(msgspec.structs.replace(changed, store_updated_at=NOW + 5))
    outcome.then(a(LineAmended, line_id="2")).line_is("1", "cancelled")
    assert outcome.order.lines["1"].edit is None


def test_a_unit_that_was_cancelled_with_its_parcel_is_not_packed_again_though_its_reprint_waits_for_one() -> None:
    torn = RequestReprint(line_id="1", units=(1,), reason_code="torn")
    reprinted = (torn, HoldOrder(), everybody_answers_until(LabelPurchased, ProofApprovalRequested))
    outcome = given(*ONE_PACKED, *reprinted, CANCEL).when(ReleaseHold(reason="manual"))
    assert outcome.order.lines["1"].runs[1].passed_units == (1,)
    outcome.then(HoldReleased)


def test_goods_can_be_sent_again_to_a_mended_address() -> None:
    mended = WithdrawParcel(
        parcel_id="P1", send_again=True, reason="Wrong house.", recipient=b"mended", country="FR", postal_prefix="750"
    )
    outcome = given(*LABELLED).when(mended)
    outcome.then_among_others(
        a(ParcelWithdrawn, recipient=b"mended", country="FR"),
        a(LabelRequested, parcel_id="P2", recipient=b"mended", country="FR"),
    )
    assert (outcome.order.recipient, outcome.order.recipient_digest) == (b"mended", "recipient-digest")


def test_a_parcel_on_its_way_or_whose_label_is_being_bought_is_not_taken_back() -> None:
    given(*LABELLED, IN_TRANSIT).when(CANCEL).then_refused(ParcelNotHere)
    given(*LABELLING).when(CANCEL).then_refused(ParcelNotHere)
    given(*LABELLED).when(WithdrawParcel(parcel_id="P9", send_again=False, reason="r")).then_refused(ParcelUnknown)


def test_a_parcel_is_taken_back_once() -> None:
    given(*LABELLED, CANCEL).when(CANCEL).then_ignored()
    given(*LABELLED, AGAIN).when(CANCEL).then_ignored()


def test_a_parcel_without_a_label_is_taken_back_and_nothing_is_given_back() -> None:
    failed = given(*LABELLING, refused_address())
    outcome = failed.when(CANCEL)
    outcome.then_not(LabelRefundRequested).then_among_others(ParcelWithdrawn, OrderCancelled).waits_for()
    assert not outcome.order.exceptions


def test_a_label_that_turns_out_to_be_bought_after_all_is_given_back() -> None:
    outcome = given(*LABELLING, refused_address(), CANCEL).when(answer_to(LabelRequested))
    outcome.then(LabelPurchased, a(LabelRefundRequested, parcel_id="P1")).status_is("cancelled")


def test_a_failed_label_of_a_parcel_that_was_taken_back_is_no_news() -> None:
    given(*LABELLING, refused_address(), CANCEL).when(refused_address()).then_ignored()


def test_units_that_are_printed_again_keep_their_parcel_until_they_are_judged() -> None:
    reprint = RequestReprint(line_id="1", units=(1,), reason_code="scratched")
    given(*LABELLED, reprint).when(CANCEL).then_refused(UnitsBeingMade)


def test_an_order_has_only_so_many_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.order.decide_parcels.PARCELS_MAX", 1)
    given(*LABELLED).when(AGAIN).then_refused(TooManyParcels)
    given(*LABELLED).when(CANCEL).then_among_others(ParcelWithdrawn)


def test_a_pending_refund_is_asked_about_after_a_day_then_after_two() -> None:
    scenario = given(*LABELLED, CANCEL)
    first = scenario.when(said("pending"))
    first.then(a(LabelRefundAnswered, state="pending"), a(DeadlineSet, deadline_key="label_refund:P1"))
    assert first.order.deadlines["label_refund:P1"] == scenario.history.now + DAY_MS
    scenario.when(said("pending")).then_ignored()
    again = scenario.when(deadline("label_refund:P1"))
    again.then(DeadlinePassed, a(LabelRefundRequested, attempt=2))
    second = scenario.when(said("pending"))
    assert second.order.deadlines["label_refund:P1"] == scenario.history.now + 2 * DAY_MS
    scenario.when(deadline("label_refund:P1"))
    scenario.when(answer_to(LabelRefundRequested)).then(a(LabelRefundAnswered, state="refunded")).waits_for()


def test_a_refund_that_stays_pending_for_a_month_is_shown_to_a_person() -> None:
    scenario = given(*LABELLED, CANCEL)
    for _ in range(PENDING_ASKS_MAX - 1):
        scenario.when(said("pending"))
        scenario.when(deadline("label_refund:P1"))
    scenario.when(said("pending")).then(
        a(LabelRefundAnswered, state="refused", reason="unconfirmed"),
        a(ExceptionRaised, exception_id="label_refund_refused:P1", blocking=False),
    ).waits_for()


def test_a_refused_refund_is_shown_to_a_person_and_support_is_told() -> None:
    outcome = given(*LABELLED, CANCEL).when(said("refused", "refund_refused"))
    outcome.then(
        a(LabelRefundAnswered, state="refused", reason="refund_refused"),
        a(ExceptionRaised, exception_id="label_refund_refused:P1", blocking=False),
    )
    outcome.waits_for().then_told("support: exception_raised-label_refund_refused:P1").status_is("cancelled")
    outcome.and_when(said("refunded")).then_ignored()


def test_a_carrier_that_does_not_answer_is_asked_again_and_a_person_is_told_once() -> None:
    scenario = given(*LABELLED, CANCEL)
    scenario.when(said("unanswered", "not_reached")).then(a(LabelRefundAnswered, state="unanswered"), DeadlineSet)
    scenario.when(deadline("label_refund:P1"))
    scenario.when(said("unanswered", "not_reached")).then(
        LabelRefundAnswered, DeadlineSet, a(ExceptionRaised, exception_id="work_overdue:label_refund:P1")
    )
    scenario.when(deadline("label_refund:P1"))
    answered = scenario.when(said("refunded"))
    answered.then_among_others(a(LabelRefundAnswered, state="refunded"))
    assert not answered.order.exceptions


def test_a_worker_that_is_silent_is_asked_again() -> None:
    outcome = given(*LABELLED, CANCEL).when(deadline("label_refund:P1"))
    outcome.then(DeadlinePassed, a(LabelRefundRequested, attempt=2)).waits_for("label_refund:P1")


def test_the_refusal_of_an_older_attempt_does_not_count_and_its_refund_does() -> None:
    scenario = given(*LABELLED, CANCEL)
    first = scenario.history.newest(LabelRefundRequested)
    scenario.when(deadline("label_refund:P1"))
    late = ReportLabelRefundAnswered(request_id=first.request_id, parcel_id="P1", state="refused")
    scenario.when(late).then_ignored()
    scenario.when(ReportLabelRefundAnswered(request_id=first.request_id, parcel_id="P1", state="refunded")).then(
        a(LabelRefundAnswered, state="refunded")
    )
    scenario.when(ReportLabelRefundAnswered(request_id="x.1", parcel_id="P1", state="refunded")).then_ignored()


def test_an_answer_in_a_word_that_is_not_known_changes_nothing() -> None:
    given(*LABELLED, CANCEL).when(said("perhaps")).then_ignored()


def test_a_parcel_that_was_taken_back_and_moves_is_shown_and_its_label_never_asked_for() -> None:
    scenario = given(*LABELLED, CANCEL)
    scenario.when(IN_TRANSIT).then(
        a(TrackingObserved, applied=True), a(ExceptionRaised, exception_id="withdrawn_parcel_sent:P1", blocking=False)
    ).status_is("cancelled")
    scenario.when(deadline("label_refund:P1")).then(
        DeadlinePassed,
        a(LabelRefundAnswered, state="refused", reason="in_transit"),
        a(ExceptionRaised, exception_id="label_refund_refused:P1"),
    ).waits_for()
    assert scenario.history.order.parcels["P1"].stage == "withdrawn"


def test_a_label_that_is_bought_late_for_a_parcel_that_moves_is_not_given_back() -> None:
    outcome = given(*LABELLING, refused_address(), CANCEL, IN_TRANSIT).when(answer_to(LabelRequested))
    outcome.then(LabelPurchased)


def test_the_carriers_word_that_a_label_is_void_troubles_nobody() -> None:
    void: ReportTracking = WORLD.tracking("P1", "cancelled", 0, at=NOW + 10**7)
    given(*LABELLED, CANCEL).when(void).then(a(TrackingObserved, applied=True)).then_told()


def test_a_refund_that_is_pending_keeps_no_personal_data() -> None:
    told = everybody_answers_until(LabelPurchased, LabelRefundRequested)
    given(*LABELLED, CANCEL, told, said("pending")).when(ErasePersonalData()).then(PersonalDataErased)


def test_an_address_that_the_carrier_suggests_is_shown_and_accepted_in_one_call() -> None:
    scenario = given(*LABELLING)
    refused = scenario.when(refused_address())
    (raised,) = (fact for fact in refused.facts if isinstance(fact, ExceptionRaised))
    assert "Accept the address as the carrier writes it" in raised.what_to_do
    assert "support: exception_raised-label_failed:P1" in {
        f"{fact.audience}: {fact.notification_id}" for fact in refused.facts if isinstance(fact, NotificationRequested)
    }
    outcome = scenario.when(AcceptSuggestedAddress(parcel_id="P1"))
    outcome.then_among_others(
        a(OrderEdited, recipient=b"sealed better", recipient_digest="recipient-digest", country="DE", region="BE"),
        a(LabelRequested, recipient=b"sealed better", attempt=2),
    )
    assert not outcome.order.exceptions
    assert (outcome.order.recipient, outcome.order.postal_prefix) == (b"sealed better", "101")
    outcome.and_when(answer_to(LabelRequested)).then(LabelPurchased).line_is("1", "labelled")


def test_nothing_is_accepted_that_nobody_suggests() -> None:
    accept = AcceptSuggestedAddress(parcel_id="P1")
    given(*LABELLED).when(accept).then_refused(NoAddressSuggested)
    given(*LABELLING, refused_address(suggested=None)).when(accept).then_refused(NoAddressSuggested)
    given(*LABELLING, refused_address(), accept).when(accept).then_refused(NoAddressSuggested)


def test_a_suggestion_for_an_address_that_changed_since_is_not_accepted() -> None:
    moved = a_store_order(lines=(a_line(quantity=2),), policy=POLICY)
    moved = msgspec.structs.replace(moved, recipient=b"elsewhere", recipient_digest="elsewhere")
    edit = msgspec.structs.replace(placed(moved), store_updated_at=NOW + 10)
    scenario = given(*LABELLING, refused_address(), edit)
    scenario.when(AcceptSuggestedAddress(parcel_id="P1")).then_refused(NoAddressSuggested)

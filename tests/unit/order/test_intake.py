"""The order arrives: placed, held, mapped, released, paid."""

import msgspec
import pytest

from events.decider import Refusal
from events.order.commands import (
    CancelOrder,
    HoldOrder,
    MapLine,
    ObserveStoreOrder,
    OrderCommandUnion,
    ReleaseHold,
    ReplaceArtwork,
    ReportPayment,
    ResolveException,
)
from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    HoldReleased,
    LineMapped,
    OrderHeld,
    OrderPlaced,
    OrderSeenAgain,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
    RenderRequested,
)
from events.order.refusals import (
    AreaNamedTwice,
    HoldUnknown,
    LineIdsNotDistinct,
    LineUnknown,
    OrderEmpty,
    OrderUnknown,
    PaymentKindUnknown,
    QuantityOutOfRange,
    StillUnmapped,
    TooManyAreas,
    TooManyLines,
)
from events.order.values import AreaContent, AreaDesign, OrderedLine, StoreOrder
from tests.order_life import MUG, NOW, a_line, a_store_order, placed
from tests.unit.order.spec import a, answer_to, everybody_answers_until, given


def with_changes(**changes: object) -> ObserveStoreOrder:
    order: StoreOrder = msgspec.structs.replace(a_store_order(), **changes)
    return ObserveStoreOrder(order=order, store_updated_at=NOW)


def of_areas(*areas: str) -> OrderedLine:
    contents = tuple(AreaContent(area=area, text=b"sealed") for area in areas)
    return msgspec.structs.replace(a_line(), contents=contents)


UNMAPPED = placed(a_store_order(lines=(a_line("1", artwork=None), a_line("2"))))


def test_a_store_order_is_placed_and_each_line_is_checked() -> None:
    order = a_store_order(lines=(a_line("1"), a_line("2")))
    given().when(placed(order)).then(
        OrderPlaced(order=order, store_updated_at=NOW),
        a(ArtworkCheckRequested, line_id="1", attempt=1, artwork=MUG, contents=a_line().contents),
        a(ArtworkCheckRequested, line_id="2", attempt=1),
    ).status_is("received").waits_for("check:1", "check:2").then_told("buyer: order_received")


def test_the_same_picture_of_an_order_places_it_once() -> None:
    given(placed()).when(placed()).then_ignored()


def test_an_older_picture_of_an_order_changes_nothing() -> None:
    older = ObserveStoreOrder(order=a_store_order(lines=(a_line(content="older"),)), store_updated_at=NOW - 1)
    given(placed()).when(older).then_ignored()


def test_each_area_is_checked_and_rendered_with_the_stores_design_where_the_buyer_sent_no_picture() -> None:
    designs = (
        AreaDesign(area="front", design_key="demo/designs/f"),
        AreaDesign(area="sleeve", design_key="demo/designs/s"),
    )
    designed = msgspec.structs.replace(MUG, designs=designs)
    text, picture = AreaContent(area="front", text=b"sealed"), AreaContent(area="back", artwork_url=b"sealed")
    line = msgspec.structs.replace(a_line(artwork=designed), contents=(text, picture))
    printed = (
        AreaContent(area="sleeve", design_key="demo/designs/s"),
        AreaContent(area="front", text=b"sealed", design_key="demo/designs/f"),
        picture,
    )
    given().when(placed(a_store_order(lines=(line,)))).then(
        OrderPlaced, a(ArtworkCheckRequested, contents=printed)
    ).and_when(answer_to(ArtworkCheckRequested)).then(ArtworkChecked, a(RenderRequested, contents=printed))


def test_a_line_that_brings_nothing_has_its_first_area_printed_as_the_template_draws_it() -> None:
    line = msgspec.structs.replace(a_line(), contents=())
    placing = placed(a_store_order(lines=(line,)))
    given().when(placing).then(OrderPlaced, a(ArtworkCheckRequested, contents=(AreaContent(),)))


@pytest.mark.parametrize(
    ("observed", "refusal"),
    [
        (with_changes(lines=()), OrderEmpty),
        (with_changes(lines=tuple(a_line(str(number)) for number in range(201))), TooManyLines),
        (with_changes(lines=(a_line("1"), a_line("1"))), LineIdsNotDistinct),
        (with_changes(lines=(a_line(""),)), LineIdsNotDistinct),
        (with_changes(lines=(a_line(quantity=0),)), QuantityOutOfRange),
        (with_changes(lines=(a_line(quantity=1_001),)), QuantityOutOfRange),
        (with_changes(lines=(of_areas(*map(str, range(9))),)), TooManyAreas),
        (with_changes(lines=(of_areas("back", "back"),)), AreaNamedTwice),
    ],
)
def test_an_order_beyond_the_limits_is_refused(observed: ObserveStoreOrder, refusal: type[Refusal]) -> None:
    given().when(observed).then_refused(refusal)


def test_an_order_at_the_limits_is_placed() -> None:
    lines = tuple(a_line(str(number), quantity=1_000) for number in range(200))
    given().when(with_changes(lines=lines)).then_among_others(OrderPlaced)


@pytest.mark.parametrize(
    "command",
    [
        MapLine(line_id="1", artwork=MUG),
        HoldOrder(),
        ReleaseHold(reason="manual"),
        ReplaceArtwork(line_id="1", content_digest="d"),
        ReportPayment(kind="captured", amount_minor=1, currency="EUR", reference="r"),
        ResolveException(exception_id="x", how="y"),
    ],
)
def test_nothing_can_be_asked_of_an_order_that_nobody_placed(command: OrderCommandUnion) -> None:
    given().when(command).then_refused(OrderUnknown)


def test_nothing_can_be_asked_of_an_order_of_which_only_a_cancellation_is_known() -> None:
    given(CancelOrder(reason="early")).when(HoldOrder()).then_refused(OrderUnknown)


def test_a_line_whose_sku_is_not_mapped_holds_the_order() -> None:
    given().when(UNMAPPED).then(
        OrderPlaced, a(OrderHeld, reason="sku_unmapped", line_id="1", detail="SKU SKU-1")
    ).status_is("on_hold").line_is("1", "unmapped").waits_for().then_told(
        "buyer: order_received", "store: order_held-sku_unmapped-1"
    )


def test_mapping_the_sku_releases_the_order() -> None:
    given(UNMAPPED).when(MapLine(line_id="1", artwork=MUG)).then(
        LineMapped(line_id="1", artwork=MUG),
        a(HoldReleased, reason="sku_unmapped", line_id="1"),
        a(ArtworkCheckRequested, line_id="1"),
        a(ArtworkCheckRequested, line_id="2"),
    ).status_is("received")


def test_an_order_with_two_unmapped_lines_waits_for_both() -> None:
    both = placed(a_store_order(lines=(a_line("1", artwork=None), a_line("2", artwork=None))))
    outcome = given(both).when(MapLine(line_id="1", artwork=MUG))
    outcome.then(LineMapped, HoldReleased).status_is("on_hold")
    outcome.and_when(MapLine(line_id="2", artwork=MUG)).then_among_others(
        a(ArtworkCheckRequested, line_id="1"), a(ArtworkCheckRequested, line_id="2")
    )


def test_a_line_is_mapped_once_and_keeps_what_it_was_bought_with() -> None:
    given(placed()).when(MapLine(line_id="1", artwork=MUG)).then_ignored()


def test_the_meaning_of_another_sku_than_the_line_has_by_now_leaves_it_held() -> None:
    renamed = msgspec.structs.replace(a_line(artwork=None), sku="SKU-NEW", content_digest="renamed")
    other = ObserveStoreOrder(order=a_store_order(lines=(renamed,)), store_updated_at=NOW + 1)
    scenario = given(placed(a_store_order(lines=(a_line(artwork=None),))), other)
    scenario.when(MapLine(line_id="1", artwork=MUG, sku="SKU-1")).then_ignored().line_is("1", "unmapped")
    scenario.when(MapLine(line_id="1", artwork=MUG, sku="SKU-NEW")).then_among_others(LineMapped, HoldReleased)


def test_a_line_that_is_not_in_the_order_cannot_be_mapped() -> None:
    given(placed()).when(MapLine(line_id="9", artwork=MUG)).then_refused(LineUnknown)


def test_the_hold_of_an_unmapped_sku_goes_only_by_mapping_it() -> None:
    given(UNMAPPED).when(ReleaseHold(reason="sku_unmapped", line_id="1")).then_refused(StillUnmapped)


@pytest.mark.parametrize("reason", ["payment_pending", "address_missing"])
def test_an_order_that_is_not_ready_at_the_store_is_held_until_the_store_says_more(reason: str) -> None:
    pending = with_changes(**{reason: True})
    ready = ObserveStoreOrder(order=a_store_order(), store_updated_at=NOW + 1)
    outcome = given().when(pending)
    outcome.then(OrderPlaced, a(OrderHeld, reason=reason, line_id="")).status_is("on_hold")
    outcome.and_when(ready).then(a(HoldReleased, reason=reason), OrderSeenAgain, ArtworkCheckRequested)


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("authorised", PaymentAuthorised),
        ("captured", PaymentCaptured),
        ("voided", PaymentVoided),
        ("refunded", PaymentRefunded),
    ],
)
def test_a_payment_is_recorded(kind: str, fact: type[PaymentCaptured]) -> None:
    report = ReportPayment(kind=kind, amount_minor=3_000, currency="EUR", reference="pay-1")
    given(placed()).when(report).then(fact(amount_minor=3_000, currency="EUR", reference="pay-1"))


@pytest.mark.parametrize("kind", ["authorised", "captured"])
def test_a_payment_releases_the_order_that_waited_for_it(kind: str) -> None:
    report = ReportPayment(kind=kind, amount_minor=3_000, currency="EUR", reference="pay-1")
    outcome = given(with_changes(payment_pending=True)).when(report)
    outcome.then_among_others(a(HoldReleased, reason="payment_pending"), ArtworkCheckRequested)


def test_money_given_back_releases_nothing() -> None:
    report = ReportPayment(kind="refunded", amount_minor=3_000, currency="EUR", reference="pay-1")
    given(with_changes(payment_pending=True)).when(report).then(PaymentRefunded).status_is("on_hold")


def test_an_unknown_kind_of_payment_is_refused() -> None:
    report = ReportPayment(kind="lent", amount_minor=1, currency="EUR", reference="r")
    given(placed()).when(report).then_refused(PaymentKindUnknown)


def test_an_order_held_by_hand_records_what_was_under_way_and_starts_nothing_new() -> None:
    outcome = given(placed()).when(HoldOrder(detail="ask the buyer"))
    outcome.then(a(OrderHeld, reason="manual", detail="ask the buyer")).status_is("on_hold").waits_for("check:1")
    outcome.and_when(answer_to(ArtworkCheckRequested)).then(ArtworkChecked).waits_for()


def test_an_order_is_held_by_hand_once() -> None:
    given(placed(), HoldOrder()).when(HoldOrder()).then_ignored()


def test_a_released_order_goes_on_where_it_stood() -> None:
    outcome = given(placed(), HoldOrder(), everybody_answers_until()).when(ReleaseHold(reason="manual"))
    outcome.then(a(HoldReleased, reason="manual", by="store:demo-rest"), RenderRequested)


def test_a_hold_that_is_not_there_cannot_be_released() -> None:
    given(placed()).when(ReleaseHold(reason="manual")).then_refused(HoldUnknown)

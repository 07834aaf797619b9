"""The contract on webhooks that every carrier's adapter and simulator keep together, over real HTTP."""

import pytest

from processors.carriers.protocol import (
    CANONICAL_TRACKING,
    TrackingReport,
    WebhookNotGenuine,
    WebhookUnreadable,
)
from tests.contract.carrier_rigs import CarrierRig, bought, reached
from tests.contract.net import Receiver

pytestmark = pytest.mark.anyio

JOURNEY = ("pre_transit", "in_transit", "out_for_delivery", "delivered")


async def test_the_journey_is_reported_with_rising_rank_and_verifiable_signatures(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment())
    reports = carrier_rig.reports_of(label.tracking_number, reached(*JOURNEY))
    ordered = sorted(reports, key=lambda report: (report.carrier_timestamp_at, report.rank))
    assert [r.rank for r in ordered] == sorted(r.rank for r in ordered)
    assert {r.canonical for r in reports} <= set(CANONICAL_TRACKING)
    assert {r.tracking_number for r in reports} == {label.tracking_number}
    assert {r.carrier_reference for r in reports} == {label.carrier_reference}
    for delivery in carrier_rig.deliveries_of(label.tracking_number):
        carrier.verify_webhook(delivery.headers, delivery.body)


async def test_the_buyers_town_is_never_in_a_report(carrier_rig: CarrierRig) -> None:
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())
    reports = carrier_rig.reports_of(label.tracking_number, reached("out_for_delivery", "delivered"))
    at_the_door = [r.place for r in reports if r.canonical in ("delivered", "out_for_delivery")]
    assert at_the_door
    assert all(place is not None and place.city is None and place.country == "US" for place in at_the_door)


async def test_doubled_and_shuffled_webhooks_are_recognised_by_their_event_id(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("send everything twice, shuffled")
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())

    def all_came_twice(reports: list[TrackingReport]) -> bool:
        ids = [report.tracking_event_id for report in reports]
        return reached("delivered")(reports) and all(ids.count(i) >= 2 for i in ids)

    reports = carrier_rig.reports_of(label.tracking_number, all_came_twice)
    once = {report.tracking_event_id: report for report in reports}
    assert all(report == once[report.tracking_event_id] for report in reports)
    assert max(once.values(), key=lambda report: report.rank).canonical == "delivered"


async def test_a_webhook_is_sent_again_until_it_is_answered(carrier_rig: CarrierRig, receiver: Receiver) -> None:
    receiver.refuse(2)
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())
    carrier_rig.reports_of(label.tracking_number, reached(*JOURNEY))
    assert receiver.refusals_left == 0


async def test_a_forged_or_changed_webhook_is_not_genuine(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment())
    carrier_rig.reports_of(label.tracking_number, reached("pre_transit"))
    genuine = carrier_rig.deliveries_of(label.tracking_number)[0]
    named = carrier_rig.signed(genuine.body, by="now")
    for headers, body in [
        (genuine.headers, genuine.body + b"\n"),
        (genuine.headers, genuine.body.replace(label.tracking_number.encode(), b"1" * len(label.tracking_number))),
        (carrier_rig.signed(genuine.body, by="stranger"), genuine.body),
        (dict.fromkeys(named, "hmac-sha256-hex=ü"), genuine.body),
        (dict.fromkeys(named, "t=1,v1=ü"), genuine.body),
        (dict.fromkeys(named, ""), genuine.body),
        ({}, genuine.body),
        (genuine.headers, b" " * 1_000_000),
    ]:
        with pytest.raises(WebhookNotGenuine):
            carrier.verify_webhook(headers, body)


async def test_a_secret_can_be_changed_while_the_one_before_still_signs(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    for by in ("now", "before"):
        carrier.verify_webhook(carrier_rig.signed(b"{}", by=by), b"{}")


async def test_a_replayed_webhook_verifies_and_is_recognised_by_its_event_id(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment())
    carrier_rig.reports_of(label.tracking_number, reached("pre_transit"))
    delivery = carrier_rig.deliveries_of(label.tracking_number)[0]
    for _ in range(2):
        carrier.verify_webhook(delivery.headers, delivery.body)
    ids = {r.tracking_event_id for _ in range(2) for r in carrier.parse_webhook(delivery.body)}
    assert len(ids) == 1


async def test_an_unknown_status_word_is_kept_as_it_came(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("say an unknown word")
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())
    reports = carrier_rig.reports_of(label.tracking_number, reached(None, "delivered"))
    unknown = [report for report in reports if report.canonical is None]
    assert [(report.raw_status.casefold(), report.rank) for report in unknown] == [("held_by_customs", 0)]


async def test_a_parcel_refused_at_the_door_outranks_its_delivery_attempt(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("return the parcel")
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())
    reports = carrier_rig.reports_of(label.tracking_number, reached("return_to_sender"))
    assert max(reports, key=lambda report: report.rank).canonical == "return_to_sender"


async def test_a_lost_parcel_is_a_condition_beside_its_journey(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("lose the parcel")
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())
    reports = carrier_rig.reports_of(label.tracking_number, reached("failure"))
    assert [report.rank for report in reports if report.canonical == "failure"] == [0]


async def test_a_body_of_another_shape_is_unreadable_and_another_event_says_nothing(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    for body in (b"", b"[]", b"\xff", b'{"id": 1}', *carrier_rig.malformed):
        with pytest.raises(WebhookUnreadable):
            carrier.parse_webhook(body)
    assert carrier.parse_webhook(carrier_rig.other_event) == ()

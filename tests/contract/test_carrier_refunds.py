"""The contract on labels that are given back: the worker asks each carrier over real HTTP, and asks it once."""

import msgspec
import pytest

from events.order.facts import LabelRefundRequested
from events.order.parcel_commands import ReportLabelRefundAnswered
from processors.carriers.protocol import Carrier, ParcelShipment
from processors.workers.void import GiveLabelBack
from tests.contract.carrier_rigs import CarrierRig, bought, reached
from tests.contract.partner_rigs import PATIENT, QUICK, new_effect_key
from tests.unit.workers.test_effects import ENVELOPE

pytestmark = pytest.mark.anyio

ONE_TRY = msgspec.structs.replace(PATIENT, attempts=1)
KEY = "e" * 32


async def asked(
    carrier: Carrier, shipment: ParcelShipment, reference: str, attempt: int = 1
) -> ReportLabelRefundAnswered:
    """What the worker reports of a label that was bought for this shipment."""
    request = LabelRefundRequested(
        effect_key=KEY,
        request_id=f"{KEY}.{attempt}",
        attempt=attempt,
        due_at=0,
        parcel_id="P1",
        carrier=carrier.name,
        carrier_reference=reference,
        tracking_number="",
        label_effect_key=shipment.effect_key,
    )
    report = await GiveLabelBack(carriers={carrier.name: carrier}).carry_out(request, ENVELOPE)
    assert isinstance(report, ReportLabelRefundAnswered)
    return report


async def unused(rig: CarrierRig, *faults: str) -> tuple[Carrier, ParcelShipment, str]:
    """A carrier, and a shipment with the carrier's reference of its label, of which no parcel was scanned yet."""
    for fault in ("scan nothing", *faults):
        rig.provoke(fault)
    carrier, shipment = rig.carrier(), rig.shipment()
    label = await bought(carrier, shipment)
    return carrier, shipment, label.carrier_reference


async def test_a_label_given_back_twice_is_asked_about_once(carrier_rig: CarrierRig) -> None:
    carrier, shipment, reference = await unused(carrier_rig)
    reports = [await asked(carrier, shipment, reference, attempt) for attempt in (1, 1, 2)]
    assert [(report.state, report.reason) for report in reports] == [(carrier_rig.taken_back, "")] * 3
    assert [report.request_id for report in reports] == [f"{KEY}.1", f"{KEY}.1", f"{KEY}.2"]
    assert carrier_rig.paid(shipment.effect_key).refund_requests == 1


async def test_a_label_that_was_taken_back_without_an_answer_is_read_and_not_given_back_again(
    carrier_rig: CarrierRig,
) -> None:
    carrier, shipment, reference = await unused(carrier_rig, "take a label back and fall silent")
    first = await asked(carrier_rig.carrier(QUICK), shipment, reference)
    assert first.state == "unanswered"
    assert (await asked(carrier, shipment, reference, 2)).state == carrier_rig.taken_back
    assert carrier_rig.paid(shipment.effect_key).refund_requests == 1


async def test_money_that_comes_later_is_told_when_the_carrier_is_asked_again(carrier_rig: CarrierRig) -> None:
    carrier, shipment, reference = await unused(carrier_rig)
    assert (await asked(carrier, shipment, reference)).state == carrier_rig.taken_back
    carrier_rig.provoke("give the money back")
    assert (await asked(carrier, shipment, reference, 2)).state == "refunded"
    assert carrier_rig.paid(shipment.effect_key).refund_requests == 1


async def test_a_carrier_that_keeps_the_money_says_so_at_once_or_later(carrier_rig: CarrierRig) -> None:
    carrier, shipment, reference = await unused(carrier_rig)
    first = await asked(carrier, shipment, reference)
    carrier_rig.provoke("keep the money")
    later = await asked(carrier, shipment, reference, 2)
    # A void that was approved stays so; the others may still refuse what they looked at.
    said_later = ("refused", "refund_refused") if first.state == "pending" else ("refunded", "")
    assert (later.state, later.reason) == said_later
    _, other, another = await unused(carrier_rig)
    at_once = await asked(carrier, other, another)
    assert (at_once.state, at_once.reason) == ("refused", "refund_refused")
    assert at_once.detail


async def test_a_label_in_use_is_refused_without_asking_for_its_price(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    label = await bought(carrier, shipment)
    carrier_rig.reports_of(label.tracking_number, reached("in_transit"))
    report = await asked(carrier, shipment, label.carrier_reference)
    assert (report.state, report.reason) == ("refused", "in_transit")
    assert carrier_rig.paid(shipment.effect_key).refund_requests == 0


async def test_a_label_that_the_carrier_does_not_know_is_refused_with_words(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    for reference, reason in (("0" * 32, "unknown_shipment"), ("", "not_known")):
        report = await asked(carrier, carrier_rig.shipment(effect_key=new_effect_key()), reference)
        assert (report.state, report.reason) == ("refused", reason)
        assert report.detail


async def test_a_label_of_which_only_the_key_is_known_is_found_and_given_back(carrier_rig: CarrierRig) -> None:
    carrier, shipment, _ = await unused(carrier_rig)
    assert (await asked(carrier, shipment, "")).state == carrier_rig.taken_back
    assert carrier_rig.paid(shipment.effect_key).refund_requests == 1


async def test_a_carrier_that_is_away_is_asked_again_later(carrier_rig: CarrierRig) -> None:
    _, shipment, reference = await unused(carrier_rig)
    carrier_rig.provoke("go down")
    report = await asked(carrier_rig.carrier(ONE_TRY), shipment, reference)
    assert report.state == "unanswered"
    assert carrier_rig.paid(shipment.effect_key).refund_requests == 0

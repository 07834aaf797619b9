"""Webhooks of partners and carriers: a report on its run or parcel, a wait for it, or a dead letter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.order.commands import (
    ReportPartnerStatus,
    ReportTracking,
)
from processors.carriers.protocol import TrackingPlace, TrackingReport
from processors.inbound.processor import PARKED_MAX_MS
from processors.partners.protocol import Defect, PartnerReport, QualityReport
from tests.unit.inbound.inbound_world import ORDER_ID, PARCEL, RUN, Told, World


def partner_report(effect_key: str = "k1", **changes: Any) -> PartnerReport:
    fields: dict[str, Any] = {
        "effect_key": effect_key,
        "raw_status": "printed",
        "canonical": "printed",
        "rank": 50,
        "partner_timestamp_at": 7,
        "partner_event_id": "pe1",
        "provenance": "print_shop/1",
    }
    return PartnerReport(**(fields | changes))


def tracking_report(**changes: Any) -> TrackingReport:
    fields: dict[str, Any] = {
        "effect_key": None,
        "tracking_number": "EZ1",
        "carrier_reference": "shp_1",
        "carrier_code": "USPS",
        "raw_status": "delivered",
        "canonical": "delivered",
        "rank": 50,
        "carrier_timestamp_at": 9,
        "tracking_event_id": "t1",
        "place": TrackingPlace(city="Louisville", country="US"),
        "provenance": "easypost/2",
    }
    return TrackingReport(**(fields | changes))


def test_a_partners_status_becomes_a_report_on_its_run() -> None:
    defect = Defect(unit=2, code="misregistered", detail="3 mm off")
    report = partner_report(quality=QualityReport(passed=False, defects=(defect,)))
    world = World(partners={"press-east": Told(one=report)})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-east", b"one")
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportPartnerStatus)
    assert (command.line_id, command.run, command.canonical, command.rank) == ("1", 1, "printed", 50)
    assert command.quality is not None
    assert (command.quality.passed_units, command.quality.failed_units) == ((1,), (2,))
    assert command.quality.defects[0].description == "unit 2: 3 mm off"
    assert (envelope.key, envelope.tenant, envelope.actor) == (ORDER_ID, "demo", "partner:press-east")


@pytest.mark.parametrize("units", [(3,), (), (1,)])
def test_a_failed_report_that_names_no_unit_of_its_run_condemns_the_whole_run(units: tuple[int, ...]) -> None:
    # given a re-print of unit 3, whose press numbers the pieces of a job from 1
    defect = Defect(unit=1, code="misregistered", detail="3 mm off")
    report = partner_report(units=units, quality=QualityReport(passed=False, defects=(defect,)))
    world = World(partners={"press-east": Told(one=report)})
    world.effects.known["k1"] = msgspec.structs.replace(RUN, run=2, units=(3,))
    # when
    world.deliver("partner", "press-east", b"one")
    # then the misprint does not pass
    command = world.commands.sent[0][0]
    assert isinstance(command, ReportPartnerStatus)
    assert command.quality is not None
    assert (command.quality.passed_units, command.quality.failed_units) == ((), (3,))


def test_a_status_word_that_is_not_known_is_passed_on_as_it_came() -> None:
    world = World(partners={"press-east": Told(one=partner_report(raw_status="odd", canonical=None, rank=0))})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-east", b"one")
    command = world.commands.sent[0][0]
    assert isinstance(command, ReportPartnerStatus)
    assert (command.raw, command.canonical) == ("odd", "")


def test_nul_is_left_out_of_whatever_a_partner_or_carrier_tells() -> None:
    # given
    defect = Defect(unit=2, code="odd\x00", detail="3 mm\x00 off")
    quality = QualityReport(passed=False, defects=(defect,))
    status = partner_report("k1\x00", raw_status="od\x00d", canonical=None, rank=0, quality=quality)
    scan = tracking_report(raw_status="odd\x00", carrier_reference="shp\x00_1", place=TrackingPlace(city="Ber\x00lin"))
    world = World(partners={"press-east": Told(one=status)}, carriers={"easypost": Told(one=scan)})
    world.effects.known["k1"] = RUN
    world.effects.tracked["shp_1"] = PARCEL
    # when
    world.deliver("partner", "press-east", b"one")
    world.deliver("carrier", "easypost", b"one")
    # then
    (told, _), (seen, _) = world.commands.sent
    assert isinstance(told, ReportPartnerStatus)
    assert told.quality is not None
    (found,) = told.quality.defects
    assert (told.raw, found.code, found.description) == ("odd", "odd", "unit 2: 3 mm off")
    assert isinstance(seen, ReportTracking)
    assert (seen.raw, seen.place) == ("odd", "Berlin")


def test_a_webhook_about_stock_has_the_partner_asked_and_is_no_dead_letter_whatever_its_shape() -> None:
    # given
    world = World(partners={"printful": Told()})
    # when: Printful's own shape, in which `data` is a list
    world.deliver("partner", "printful", b'{"type": "catalog_stock_updated", "data": [{"catalog_variant_id": 4011}]}')
    # then
    assert world.asked == ["printful"]
    assert world.commands.sent == []
    assert world.buried_reasons() == []


def test_a_partner_is_asked_about_what_it_told_without_nul() -> None:
    # given
    partner = Told(one=partner_report("k1\x00"))
    world = World(partners={"gelato": partner})
    # when
    world.deliver("partner", "gelato", b"one")
    # then
    assert [report.effect_key for report in partner.asked_about] == ["k1"]


def test_what_a_partner_does_not_vouch_for_waits_until_it_does() -> None:
    partner = Told(one=partner_report())
    partner.doubt = "it was asked and does not say so"
    world = World(partners={"gelato": partner})
    world.effects.known["k1"] = msgspec.structs.replace(RUN, who="gelato")
    world.deliver("partner", "gelato", b"one")
    assert world.commands.sent == []
    assert len(world.parking.parked) == 1
    partner.doubt = ""
    world.parking.now = 2_000
    world.retry_parked()
    assert [type(command).__name__ for command, _ in world.commands.sent] == ["ReportPartnerStatus"]
    assert world.parking.parked == {}


def test_what_a_partner_never_vouches_for_is_a_dead_letter_in_the_end() -> None:
    partner = Told(one=partner_report())
    partner.doubt = "it was asked and does not say so"
    world = World(partners={"gelato": partner})
    world.deliver("partner", "gelato", b"one")
    world.parking.now = 4 * 86_400_000
    world.retry_parked()
    assert world.commands.sent == []
    assert world.buried_reasons() == ["NotVouchedFor"]


def test_a_report_on_another_partners_run_changes_nothing() -> None:
    world = World(partners={"press-west": Told(one=partner_report())})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-west", b"one")
    assert world.commands.sent == []
    assert world.buried_reasons() == ["NotTheirs"]


def test_a_report_that_overtook_its_run_waits_and_is_used_when_the_run_is_known() -> None:
    reports = Told(one=partner_report(), two=partner_report("k9", partner_event_id="pe2"))
    world = World(partners={"press-east": reports})
    world.effects.known["k1"] = RUN
    world.deliver("partner", "press-east", b"both")
    # The one whose run is known went at once; the record is kept for the other.
    assert len(world.commands.sent) == 1
    assert len(world.parking.parked) == 1
    assert world.retry_parked() == 0

    world.parking.now = 1_000
    assert world.retry_parked() == 1
    assert len(world.parking.parked) == 1

    world.effects.known["k9"] = msgspec.structs.replace(RUN, effect_key="k9", run=2)
    world.parking.now = 10_000
    world.retry_parked()
    assert world.parking.parked == {}
    runs = {command.run for command, _ in world.commands.sent if isinstance(command, ReportPartnerStatus)}
    assert runs == {1, 2}
    assert len({envelope.command_id for _, envelope in world.commands.sent}) == 2


def test_a_report_on_something_that_never_comes_ends_as_a_dead_letter() -> None:
    world = World(partners={"press-east": Told(one=partner_report("never"))})
    world.deliver("partner", "press-east", b"one")
    world.parking.now = PARKED_MAX_MS
    world.retry_parked()
    assert world.parking.parked == {}
    assert world.buried_reasons() == ["SubjectUnknown"]


def test_a_webhook_body_that_the_adapter_cannot_read_is_dead_lettered() -> None:
    world = World(partners={"press-east": Told()}, carriers={"easypost": Told()})
    world.deliver("partner", "press-east", b"nonsense")
    world.deliver("carrier", "easypost", b"nonsense")
    world.deliver("partner", "nobody", b"one")
    world.deliver("carrier", "nobody", b"one")
    world.deliver("pigeon", "nobody", b"one")
    assert world.buried_reasons() == ["WebhookUnreadable"] * 2 + ["SenderUnknown"] * 3


def test_a_carriers_state_finds_its_parcel_by_reference_or_number() -> None:
    report = tracking_report()
    world = World(carriers={"easypost": Told(one=report)})
    world.effects.tracked["shp_1"] = PARCEL
    world.deliver("carrier", "easypost", b"one")
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportTracking)
    assert (command.parcel_id, command.canonical, command.place) == ("p1", "delivered", "Louisville, US")
    assert envelope.actor == "carrier:easypost"

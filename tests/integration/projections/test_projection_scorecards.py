"""Scorecards and alerts on a real PostgreSQL: a rebuild gives the same, and what is read is what was written."""

from itertools import zip_longest

import pytest
from msgspec.structs import replace

from events.declare import Declared
from events.operations.decide import alert_key
from events.operations.facts import AlertCleared, AlertRaised
from events.order.facts import ExceptionRaised, ExceptionResolved, LabelFailed, LabelRequested
from infra.postgres import pool
from projections.models import read_models
from projections.scorecard_reader import ScorecardReads
from projections.scorecards import DAY_MS
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_folding import KEY, a_life
from tests.ledger_writer import BASE_AT
from tests.support import wait_until
from tests.unit.operations.test_alerts import ON_TIME

pytestmark = pytest.mark.stack

CARRIERS = ("easypost", "shippo")


def lives(count: int) -> list[tuple[str, Declared]]:
    """All facts of so many orders that are under way at once, each order's in their order."""
    rounds = zip_longest(*(a_life(str(2_000 + number)) for number in range(count)))
    return [told for one_each in rounds for told in one_each if told is not None]


def dump(rig: Rig, name: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a read model's tables."""
    model = read_models(rig.topics)[name]
    return {table.name: sorted(rig.query(f"TABLE {table.name}"), key=str) for table in model.tables}


def test_a_rebuild_gives_the_same_scorecards_alone_and_shared_by_processes(rig: Rig) -> None:
    rig.ledger.write(lives(40))
    rig.project("scorecards", batch_records_max=70)
    followed = dump(rig, "scorecards")
    assert all(followed.values())
    for processes in (1, 2):
        rig.rebuild("scorecards", processes=processes)
        assert dump(rig, "scorecards") == followed


def test_figures_parcels_and_labels_are_read_back(rig: Rig) -> None:
    rig.ledger.write(lives(10))
    rig.project("scorecards", "effects", "orders")
    with pool(rig.settings.database_url, rig.settings, name="test") as opened:
        reads = ScorecardReads(opened, CARRIERS)
        page = reads.scorecards(BASE_AT, 30)
        silent = reads.silent_parcels(BASE_AT * 2)
        rest = reads.silent_parcels(BASE_AT * 2, after=silent[0] if silent else None)
        doubtful = reads.labels_in_doubt("")
    by_party = {card.party_id: card for card in page.scorecards}
    assert {"easypost", "press-east"} <= set(by_party)
    labels = by_party["easypost"].figure("label_success")
    assert labels is not None
    assert (labels.value, labels.sample) == (1_000_000, 10)
    assert page.as_of.read_model == "scorecards"
    assert list(rest) == list(silent[1:])
    assert all(one.kind == "label" for one in doubtful)


def test_calls_to_a_carrier_that_sold_nothing_lately_are_still_a_carriers(rig: Rig) -> None:
    # given
    today = BASE_AT // DAY_MS
    with rig.connect() as connection:
        for vendor in ("shippo", "press-east"):
            connection.execute("INSERT INTO outbound_days VALUES (%s, %s, 200, 150)", (vendor, today))
    # when
    with pool(rig.settings.database_url, rig.settings, name="test") as opened:
        reads = ScorecardReads(opened, CARRIERS)
        pages = [reads.scorecards(BASE_AT, days).scorecards for days in (1, 30)]
    # then
    for page in pages:
        assert {(card.party_kind, card.party_id) for card in page} == {("carrier", "shippo"), ("partner", "press-east")}


def test_the_label_of_a_reprint_is_in_doubt_until_it_is_settled_although_its_order_was_delivered(rig: Rig) -> None:
    def in_doubt_after(*facts: Declared) -> list[str]:
        rig.ledger.write([(KEY, fact) for fact in facts])
        rig.project("effects", "orders", "deadlines")
        assert rig.query("SELECT status FROM orders") == [("delivered",)]
        with pool(rig.settings.database_url, rig.settings, name="test") as opened:
            return [label.effect_key for label in ScorecardReads(opened, CARRIERS).labels_in_doubt("")]

    # given: an order at the door
    life = [fact for _, fact in a_life()]
    assert in_doubt_after(*life) == []
    # when its unit is printed again
    label = next(fact for fact in life if isinstance(fact, LabelRequested))
    again = replace(label, parcel_id="again", effect_key="key-again", request_id="key-again.1")
    asked_for = in_doubt_after(again)
    # and the last answer does not say whether the label was bought
    failed = LabelFailed(parcel_id="again", reason="timeout", retryable=True)
    shown = ExceptionRaised(exception_id="label_failed:again", kind="label_failed", subject="again")
    given_up = in_doubt_after(failed, shown)
    # and a person settles it
    settled = in_doubt_after(
        ExceptionResolved(exception_id=shown.exception_id, how="sent by hand", by="operator:tests")
    )
    # then
    assert (asked_for, given_up, settled) == (["key-again"], ["key-again"], [])


def test_an_alert_is_history_and_a_rebuild_keeps_it(rig: Rig) -> None:
    writer = rig.writer(rig.topics.operations_events)
    raised = AlertRaised(number=1, measurement=replace(ON_TIME, value=900_000, measured_at=5))
    cleared = AlertCleared(number=1, raised_at=5, measurement=replace(ON_TIME, measured_at=9))
    again = AlertRaised(number=2, measurement=replace(ON_TIME, value=1, measured_at=12))
    with rig.projecting("alerts"):
        for fact in (raised, cleared, again):
            writer.write([(alert_key(ON_TIME), fact)], tenant="shared")
        wait_until(lambda: len(rig.query("TABLE alerts")) == 2, 30)
    followed = dump(rig, "alerts")
    with pool(rig.settings.database_app_url, rig.settings, name="test") as opened:
        reads = ScorecardReads(opened, CARRIERS)
        standing, all_of_them = (reads.alerts(cleared=cleared, limit=9).alerts for cleared in (False, True))
        newest = reads.newest_alerts()
    assert [(one.number, one.value, one.cleared_at) for one in standing] == [(2, 1, 0)]
    assert [(one.number, one.value, one.cleared_at) for one in all_of_them] == [(2, 1, 0), (1, 900_000, 9)]
    assert [one.number for one in newest] == [2]
    rig.rebuild("alerts")
    assert dump(rig, "alerts") == followed

"""The checker tells only what changes an alert, by one id however often it is told; support is mailed once."""

import asyncio
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any

import pytest

from events.envelope import FactEnvelope
from events.operations.commands import ReportMeasurement
from events.operations.facts import AlertCleared, AlertRaised, Measurement
from processors import alerts
from processors.alerts import DAY_MS, AlertChecker, AlertMail, alert_text, shown
from processors.workers.notify import MailRefused, MailServer, MailServerUnreachable
from projections.rows import AlertView
from projections.scorecard_figures import DayCount
from tests.contract.claims import Claims
from tests.unit.inbound.doubles import SentCommands

NOW = 20_000 * DAY_MS + 5


def counted(measure: str, things: int, total: int, kind: str = "partner", party: str = "press-east") -> DayCount:
    return DayCount(party_kind=kind, party_id=party, measure=measure, day=20_000, things=things, total=total)


class World:
    """Measures that tests set."""

    def __init__(self, *counts: DayCount, lags: Mapping[str, int] | None = None) -> None:
        self.known: list[AlertView] = []
        self.given, self.commands = counts, SentCommands()
        self.checker = AlertChecker(self, lambda: lags or {}, self.commands, lambda: NOW, ())

    def counts(self, to_day: int, days: int) -> Sequence[DayCount]:
        return self.given

    def newest_alerts(self) -> Sequence[AlertView]:
        return self.known

    def check(self) -> list[Measurement]:
        """What one look tells."""
        before = len(self.commands.sent)
        asyncio.run(self.checker.check())
        told = [command for command, _ in self.commands.sent[before:]]
        assert all(isinstance(command, ReportMeasurement) for command in told)
        return [command.measurement for command in told]  # type: ignore[attr-defined]


def an_alert(measure: str, number: int = 1, cleared_at: int = 0) -> AlertView:
    return AlertView(
        measure=measure, party_kind="partner", party_id="press-east", number=number, raised_at=1,
        cleared_at=cleared_at, unit="ppm", value=0, target=0, at_least=True, sample=1, window_days=30,
    )  # fmt: skip


def test_a_missed_target_is_told_with_what_it_was_measured_from() -> None:
    world = World(counted("on_time_start", 100, 90), counted("submissions", 100, 0))
    (told,) = world.check()
    assert (told.measure, told.party_id, told.value, told.sample) == ("on_time_start", "press-east", 900_000, 100)
    assert (told.target, told.at_least, told.window_days) == (950_000, True, 30)
    ((_, envelope),) = world.commands.sent
    assert (envelope.key, envelope.tenant) == ("on_time_start:partner:press-east", "shared")


def test_what_is_met_or_counted_from_too_few_or_alerted_already_is_not_told() -> None:
    assert World(counted("on_time_start", 100, 95)).check() == []
    assert World(counted("on_time_start", 19, 0)).check() == []
    world = World(counted("on_time_start", 100, 0))
    world.known = [an_alert("on_time_start")]
    assert world.check() == []


def test_told_again_it_is_the_same_command_and_the_next_alert_is_another() -> None:
    world = World(counted("on_time_start", 100, 0))
    world.check()
    world.check()
    world.known = [an_alert("on_time_start", cleared_at=7)]
    world.check()
    first, second, third = (envelope.command_id for _, envelope in world.commands.sent)
    assert first == second
    assert third != first


def test_an_alert_that_stands_is_ended_by_what_meets_its_target_with_a_margin() -> None:
    world = World(counted("on_time_start", 100, 96))
    world.known = [an_alert("on_time_start")]
    assert [told.value for told in world.check()] == [960_000]


def test_a_queue_that_waits_for_more_than_five_minutes_is_told() -> None:
    told = World(lags={"pod.work.render.v1": 300_001, "pod.work.route.v1": 300_000}).check()
    assert [(one.measure, one.party_kind) for one in told] == [("queue_lag", "topic")]
    assert told[0].party_id == "pod.work.render.v1"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(953_400, "ppm", "95.34 %"), (1_500, "ms", "1.5 s"), (600_000, "ms", "10.0 min"), (36_000_000, "ms", "10.0 h")],
)
def test_values_are_shown_as_people_read_them(value: int, unit: str, words: str) -> None:
    assert shown(value, unit) == words


class Mailed:
    """What was handed to the mail server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[EmailMessage] = []
        self.refusals: list[int] = []
        connection: Any = object()
        monkeypatch.setattr(MailServer, "connect", lambda _: connection)
        monkeypatch.setattr(alerts, "hand_over", self._hand_over)
        monkeypatch.setattr(alerts, "close_mail", lambda _: None)

    def _hand_over(self, _: Any, message: EmailMessage) -> None:
        if self.refusals:
            raise MailRefused(self.refusals.pop(0))
        self.messages.append(message)


def an_alert_mail() -> AlertMail:
    server = MailServer(url="smtp://127.0.0.1", sender="ledger@example.test")
    return AlertMail(server=server, claims=Claims(), address="support@example.test")


def a_raised_alert() -> AlertRaised:
    (measured,) = World(lags={"pod.work.render.v1": 400_000}).check()
    return AlertRaised(number=1, measurement=measured)


def told_of(fact: AlertRaised | AlertCleared) -> FactEnvelope:
    return FactEnvelope(
        key="queue_lag:topic:pod.work.render.v1", tenant="shared", fact_type=type(fact).__name__, seq=1, position=1,
        recorded_at=NOW, actor="alerts", causation_id="c",
    )  # fmt: skip


def test_support_is_mailed_once_an_alert_by_whichever_process(monkeypatch: pytest.MonkeyPatch) -> None:
    mailed, claims = Mailed(monkeypatch), Claims()
    server = MailServer(url="smtp://127.0.0.1", sender="ledger@example.test")
    (measured,) = World(lags={"pod.work.render.v1": 400_000}).check()
    raised = AlertRaised(number=1, measurement=measured)
    for fact in (raised, AlertCleared(number=1, raised_at=1, measurement=measured), raised):
        mail = AlertMail(server=server, claims=claims, address="support@example.test")
        asyncio.run(mail.react(fact, told_of(fact)))
    (message,) = mailed.messages
    assert message["Subject"] == "Alert: queue lag of pod.work.render.v1"
    assert "6.7 min" in alert_text(measured)
    assert "at most 5.0 min" in message.get_content()


def test_support_is_mailed_once_although_a_process_reads_the_same_alert_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    mailed, mail, raised = Mailed(monkeypatch), an_alert_mail(), a_raised_alert()
    asyncio.run(mail.react(raised, told_of(raised)))
    asyncio.run(mail.react(raised, told_of(raised)))
    assert len(mailed.messages) == 1


def test_a_mail_that_is_refused_for_now_is_handed_over_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    mailed, mail, raised = Mailed(monkeypatch), an_alert_mail(), a_raised_alert()
    mailed.refusals = [451]
    # when
    with pytest.raises(MailServerUnreachable, match="451"):
        asyncio.run(mail.react(raised, told_of(raised)))
    asyncio.run(mail.react(raised, told_of(raised)))
    # then
    assert len(mailed.messages) == 1


def test_a_mail_that_is_refused_for_good_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    mailed, mail, raised = Mailed(monkeypatch), an_alert_mail(), a_raised_alert()
    mailed.refusals = [550]
    asyncio.run(mail.react(raised, told_of(raised)))
    asyncio.run(mail.react(raised, told_of(raised)))
    assert mailed.messages == []


def test_without_an_address_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    mailed, claims = Mailed(monkeypatch), Claims()
    (measured,) = World(lags={"pod.work.render.v1": 400_000}).check()
    mail = AlertMail(server=MailServer(url="smtp://127.0.0.1", sender="a@example.test"), claims=claims, address="")
    raised = AlertRaised(number=1, measurement=measured)
    asyncio.run(mail.react(raised, told_of(raised)))
    assert mailed.messages == []

"""Looks at scorecards and queues, and tells the operations stream what was measured where an alert would change.

Whether an alert is raised or ends is decided by the stream (`events/operations/decide.py`); this process asks the same
pure function first, so that not every look becomes a command. A command's id is derived from the number of the alert
that it would raise or end: told twice, by two processes or after a crash, it is one command.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Protocol
from uuid import uuid4

import structlog

from events.declare import Declared
from events.envelope import CommandEnvelope, FactEnvelope
from events.identity import command_id
from events.operations.commands import ReportMeasurement
from events.operations.decide import alert_key, consequence
from events.operations.facts import AlertRaised, Measurement
from processors.carriers.protocol import ClaimStore
from processors.ports import CommandSender
from processors.timers import stopped_within
from processors.workers.notify import (
    MESSAGE_ID_DOMAIN,
    MailRefused,
    MailRefusedForNow,
    MailServer,
    OutcomeUnknown,
    close_mail,
    hand_over,
)
from projections.rows import AlertView
from projections.scorecard_figures import DayCount, Figure, Target, Targets, scorecards, targets

log = structlog.get_logger(__name__)

SHARED_TENANT: Final = "shared"
ACTOR: Final = "alerts"
LOOK_SECONDS = 60.0
WAIT_SECONDS = 5.0
DAY_MS = 86_400_000
#: A fact that is read again is one of the newest.
DONE_MAX: Final = 1_000
TOPIC = "topic"


class Measures(Protocol):
    """Reads what was counted, and which alerts there are. May block."""

    def counts(self, to_day: int, days: int) -> Sequence[DayCount]:
        """What was counted in so many days, `to_day` (days since 1970, UTC) the last of them."""
        ...

    def newest_alerts(self) -> Sequence[AlertView]:
        """The newest alert about each measure of each party."""
        ...


@dataclass
class AlertChecker:
    """Runs until it is told to stop. `queue_lags` gives each topic's lag in milliseconds, and may block."""

    measures: Measures
    queue_lags: Callable[[], Mapping[str, int]]
    commands: CommandSender
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    held_to: Targets = field(default_factory=targets)

    async def run(self, stop: asyncio.Event) -> None:
        """Look, tell, wait, until `stop` is set."""
        wait_seconds = LOOK_SECONDS
        while not await stopped_within(stop, wait_seconds):
            try:
                await self.check()
                wait_seconds = LOOK_SECONDS
            except self.outages as outage:
                log.warning("alerts_wait", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def check(self) -> int:
        """Measure everything that has a target, and tell what changes an alert; returns how many were told."""
        now = self.now_ms()
        known = {_key_of(alert): alert for alert in await asyncio.to_thread(self.measures.newest_alerts)}
        told = 0
        for measurement in await asyncio.to_thread(self._measured, now):
            alert = known.get(alert_key(measurement))
            is_open = alert is not None and alert.cleared_at == 0
            meaning = consequence(measurement, is_open=is_open)
            if meaning:
                number = (alert.number if alert else 0) + (0 if is_open else 1)
                await self._tell(measurement, meaning, number)
                told += 1
        return told

    def _measured(self, now: int) -> list[Measurement]:
        found = []
        windows = {target.window_days for target in self.held_to.targets if target.window_days}
        counts = self.measures.counts(now // DAY_MS, max(windows)) if windows else ()
        for days in sorted(windows):
            for card in scorecards(counts, to_day=now // DAY_MS, days=days, held_to=self.held_to):
                for figure in card.figures:
                    target = self.held_to.of(figure.measure, card.party_kind)
                    if target is not None and target.window_days == days:
                        found += _measurement(target, card.party_id, figure, now)
        target = self.held_to.of("queue_lag", TOPIC)
        if target is not None:
            for topic, lag in sorted(self.queue_lags().items()):
                figure = Figure(
                    measure="queue_lag", unit="ms", value=lag, sample=target.sample_min, target=None, is_met=None
                )
                found += _measurement(target, topic, figure, now)
        return found

    async def _tell(self, measurement: Measurement, meaning: str, number: int) -> None:
        key = alert_key(measurement)
        command = ReportMeasurement(measurement=measurement)
        envelope = CommandEnvelope(
            command_id=command_id("alert", key, meaning, number),
            key=key,
            tenant=SHARED_TENANT,
            command_type=type(command).__name__,
            sent_at=measurement.measured_at,
            actor=ACTOR,
            correlation_id=key,
        )
        await self.commands.send(command, envelope)


def _measurement(target: Target, party_id: str, figure: Figure, now: int) -> list[Measurement]:
    if figure.value is None:
        return []
    return [
        Measurement(
            measure=target.measure,
            party_kind=target.of,
            party_id=party_id,
            unit=target.unit,
            value=figure.value,
            target=target.bound,
            clear_at=target.clear_at,
            at_least=target.at_least is not None,
            sample=figure.sample,
            sample_min=target.sample_min,
            window_days=target.window_days,
            measured_at=now,
        )
    ]


def _key_of(alert: AlertView) -> str:
    return f"{alert.measure}:{alert.party_kind}:{alert.party_id}"


@dataclass(frozen=True, kw_only=True)
class AlertMail:
    """Tells support of an alert by mail, at most once: claimed before it is sent, as other mails are.

    Where a claim of another process is found, nobody knows whether its mail went out; it is not sent a second time,
    because the alert stands in `printledger alerts` all the same.
    """

    server: MailServer
    claims: ClaimStore
    address: str
    #: What this process claims with: a claim of its own may be tried again, one of another process may not.
    token: str = field(default_factory=lambda: uuid4().hex)
    #: Alerts whose mail this process is done with, the newest last: the same fact may be read twice.
    _done: OrderedDict[str, None] = field(default_factory=OrderedDict, init=False)

    async def react(self, fact: Declared, envelope: FactEnvelope) -> None:
        """Send where an alert was raised; raises MailServerUnreachable while the server is away or refuses for now."""
        if not isinstance(fact, AlertRaised):
            return
        alert = f"{envelope.key}#{fact.number}"
        if alert in self._done:
            return
        if "@" not in self.address:
            log.warning("alert_without_address", alert=envelope.key)
            return
        connection = await asyncio.to_thread(self.server.connect)
        try:
            if await self.claims.claim(alert, self.token) != self.token:
                return
            await asyncio.to_thread(hand_over, connection, self._message(fact, envelope))
        except (MailRefused, OutcomeUnknown) as failed:
            if isinstance(failed, MailRefused) and failed.retryable:
                raise MailRefusedForNow(str(failed)) from failed
            log.warning("alert_mail_failed", alert=envelope.key, reason=str(failed))
        finally:
            await asyncio.to_thread(close_mail, connection)
        self._done[alert] = None
        while len(self._done) > DONE_MAX:
            self._done.popitem(last=False)

    def _message(self, fact: AlertRaised, envelope: FactEnvelope) -> EmailMessage:
        measured = fact.measurement
        message = EmailMessage()
        message["From"] = self.server.sender
        message["To"] = self.address
        message["Subject"] = f"Alert: {_words(measured.measure)} of {measured.party_id}"
        message["Date"] = format_datetime(datetime.fromtimestamp(envelope.recorded_at / 1000, UTC))
        message["Message-ID"] = f"<{command_id('alert-mail', envelope.key, fact.number)}@{MESSAGE_ID_DOMAIN}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(alert_text(measured))
        return message


def alert_text(measured: Measurement) -> str:
    """What support reads about an alert."""
    side = "at least" if measured.at_least else "at most"
    over = f" over {measured.window_days} days" if measured.window_days else " at this moment"
    return (
        f"{_words(measured.measure).capitalize()} of {measured.party_kind} {measured.party_id} is "
        f"{shown(measured.value, measured.unit)}{over}, from {measured.sample} measured.\n"
        f"The target is {side} {shown(measured.target, measured.unit)}.\n\n"
        "`printledger scorecards` shows all figures, `printledger alerts` what stands. The alert ends by itself at "
        f"{shown(measured.clear_at, measured.unit)}.\n"
    )


def shown(value: int, unit: str) -> str:
    """A value for people: per cent with two places, or seconds, minutes, hours."""
    if unit == "ppm":
        return f"{value / 10_000:.2f} %"
    seconds = value / 1_000
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _words(measure: str) -> str:
    return measure.replace("_", " ")

"""Partners are asked about runs of which they have said nothing for long; what they say is reported once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from events.order.commands import ReportPartnerStatus
from processors.outbound import Deferred
from processors.partners.protocol import JobSnapshot
from processors.reconciler import BATCH, QUIET_MS, Reconciler
from projections.rows import Effect
from tests.unit.inbound.doubles import SentCommands

RUN = Effect(
    tenant="demo",
    effect_key="k1",
    order_id="order-1",
    kind="submit",
    line_id="1",
    run=2,
    parcel_id="",
    who="gelato",
    units=(1, 2),
    attempt=1,
)
PRINTED = JobSnapshot(
    effect_key="k1",
    partner_reference="J-1",
    raw_status="printed",
    canonical="printed",
    rank=50,
    accepted_at=1,
    updated_at=77,
    units=(1, 2),
    quantity=2,
    provenance="gelato/v4/map-1",
)


class Asked:
    """A partner with a prepared answer that counts the questions."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.questions: list[str] = []

    async def read_back(self, effect_key: str) -> Any:
        self.questions.append(effect_key)
        return self.answer


class World:
    """A reconciler with a clock that tests set."""

    def __init__(self, answer: object, *runs: Effect) -> None:
        self.now = 1_000
        self.known = runs or (RUN,)
        self.partner = Asked(answer)
        self.commands = SentCommands()
        partners: Any = {"gelato": self.partner}
        self.reconciler = Reconciler(self, partners, self.commands, lambda: self.now, ())

    def runs_at_partners(self, after: str, limit: int = BATCH) -> Sequence[Effect]:
        return sorted((run for run in self.known if run.effect_key > after), key=lambda run: run.effect_key)[:limit]

    def sweep(self, *, later_ms: int = 0) -> int:
        self.now += later_ms
        return asyncio.run(self.reconciler.sweep())


def test_a_run_is_asked_about_once_it_was_quiet_for_long_and_then_as_rarely_again() -> None:
    world = World(PRINTED)
    asked = [world.sweep(), world.sweep(later_ms=QUIET_MS - 1), world.sweep(later_ms=1), world.sweep(later_ms=1)]
    assert asked == [0, 0, 1, 0]
    assert world.sweep(later_ms=QUIET_MS) == 1


def test_what_a_lost_webhook_would_have_said_is_reported_as_the_partners_word() -> None:
    world = World(PRINTED)
    world.sweep()
    world.sweep(later_ms=QUIET_MS)
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportPartnerStatus)
    assert (command.line_id, command.run, command.canonical, command.partner_at) == ("1", 2, "printed", 77)
    assert command.adapter_version == "gelato/v4/map-1 (read back)"
    assert (envelope.key, envelope.tenant, envelope.actor) == ("order-1", "demo", "partner:gelato")


def test_the_same_word_told_again_is_the_same_command_and_a_new_one_is_another() -> None:
    world = World(PRINTED)
    world.sweep()
    world.sweep(later_ms=QUIET_MS)
    world.sweep(later_ms=QUIET_MS)
    world.partner.answer = msgspec.structs.replace(PRINTED, raw_status="shipped", canonical="handed_over", rank=60)
    world.sweep(later_ms=QUIET_MS)
    first, second, third = (envelope.command_id for _, envelope in world.commands.sent)
    assert first == second
    assert third != first


def test_a_partner_that_cannot_be_asked_or_knows_nothing_of_it_reports_nothing() -> None:
    for answer in (None, Deferred(reason="circuit_open", retry_after_ms=1, outcome_unknown=False)):
        world = World(answer)
        world.sweep()
        assert world.sweep(later_ms=QUIET_MS) == 1
        assert world.commands.sent == []


def test_a_run_at_a_partner_without_an_adapter_is_left_to_its_deadline() -> None:
    world = World(PRINTED, msgspec.structs.replace(RUN, who="gone"))
    world.sweep()
    world.sweep(later_ms=QUIET_MS)
    assert (world.partner.questions, world.commands.sent) == ([], [])


def test_all_runs_are_asked_about_however_many_there_are() -> None:
    runs = [msgspec.structs.replace(RUN, effect_key=f"k{number:05}") for number in range(BATCH + 3)]
    world = World(None, *runs)
    world.sweep()
    assert world.sweep(later_ms=QUIET_MS) == BATCH + 3
    assert len(set(world.partner.questions)) == BATCH + 3

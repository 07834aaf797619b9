"""Claims on the real broker: judged by rules and paid back once, although workers are killed and asked twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.order.claim_commands import OpenClaim, ReportRefunded
from events.order.facts import WORK_TOPIC, ClaimGranted, RefundMade, RefundRequested
from events.order.values import LineUnits
from infra.s3 import Bucket
from infra.vault import PostgresVault
from processors.claims.refund_simulator import SimulatorConfig
from tests.contract.net import SimulatorProcess
from tests.integration.ledger_bed import Bed
from tests.integration.test_worker_effects import EFFECT, ORDER, killed_and_started_again
from tests.integration.worker_bench import START_SECONDS_MAX, Workbench
from tests.order_life import World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

KEY = "only-for-this-test"
#: Rules of an operator's own: the shipped ones count days after a delivery that made-up orders have at a fixed time.
RULES = "{version: operator-1, reprints_max: 2, refund_max_minor: {EUR: 5000}, reasons: {damaged: {outcome: refund}}}"
REQUEST = RefundRequested(
    effect_key=EFFECT,
    request_id=f"{EFFECT}.1",
    attempt=1,
    due_at=0,
    claim_id="C1",
    amount_minor=1_500,
    currency="EUR",
    store="demo-rest",
    external_id="1001",
    reason="damaged",
)


class Payments:
    """A simulated payment system, and the environment in which workers speak to it."""

    def __init__(self, folder: Path) -> None:
        config = SimulatorConfig(store_file=str(folder / "refunds.sqlite"), api_key=KEY)
        self.simulator = SimulatorProcess("processors.claims.refund_simulator", config, folder)
        rules = folder / "rules.yaml"
        rules.write_text(RULES, encoding="utf-8")
        self.environment = {
            "REFUND_BASE_URL": self.simulator.url,
            "REFUND_API_KEY": KEY,
            "CLAIM_RULES": str(rules),
        }

    def book(self) -> list[dict[str, Any]]:
        """Every refund that was made."""
        made: list[dict[str, Any]] = self.simulator.control("GET", "/jobs")
        return made


@pytest.fixture
def payments(tmp_path: Path) -> Iterator[Payments]:
    """A payment system of the test's own."""
    made = Payments(tmp_path)
    yield made
    made.simulator.stop()


@pytest.mark.parametrize("at", ["effect_done", "reported"])
def test_a_killed_refund_worker_gives_the_money_back_once(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, payments: Payments, at: str
) -> None:
    # The answer of the first payment is lost as well: the worker asks by key what became of it.
    payments.simulator.control("PATCH", "/factory", {"lost_next": 1})
    bench.ask(REQUEST, order_id=ORDER)

    report = killed_and_started_again(bench, "refund", payments.environment, at=at)

    (made,) = payments.book()
    assert (made["key"], made["amount_minor"], made["external_id"]) == (EFFECT, 1_500, "1001")
    assert report.command == ReportRefunded(request_id=REQUEST.request_id, claim_id="C1", reference=made["refund_id"])


def test_a_claim_goes_through_ledger_and_workers_and_its_money_leaves_once(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, payments: Payments
) -> None:
    bed = Bed(bench.settings, "orders", bench.settings.ledger_partitions)
    order_id, lines = context_of().key, (LineUnits(line_id="1", units=(1,)),)
    _, _, life = live([placed(a_store_order(lines=(a_line(quantity=2),)))], World().answer)
    with bed.running():
        bed.send_all((order_id, f"life-{number}", command) for number, command in enumerate(life))
        bed.send(order_id, "complaint", OpenClaim(lines=lines, reason="damaged"))
        both = ("claim", "refund")
        with bench.worker(*both, crash_at="refund.effect_done", environment=payments.environment) as process:
            assert process.wait(START_SECONDS_MAX) == -signal.SIGKILL, process.told()
        with bench.worker("refund", environment=payments.environment):
            wait_until(lambda: of(bed, RefundMade), START_SECONDS_MAX, "the money was given back")
            # The request comes twice more, as after a crash between doing and committing.
            for value, headers in bench.records(WORK_TOPIC[RefundRequested]) * 2:
                bench.put(REQUEST, value, headers)
            end = bench.end_of(WORK_TOPIC[RefundRequested])
            wait_until(
                lambda: bench.committed("refund", WORK_TOPIC[RefundRequested]) == end,
                START_SECONDS_MAX,
                "all were done",
            )
        bed.wait_until_answered()

    (granted,) = of(bed, ClaimGranted)
    assert (granted.outcome, granted.rules_version, granted.by) == ("refund", "operator-1", "worker:claim")
    (made,), (requested,) = payments.book(), of(bed, RefundRequested)
    assert (made["key"], made["amount_minor"], made["asked"]) == (requested.effect_key, granted.amount_minor, 1)
    assert [one.reference for one in of(bed, RefundMade)] == [made["refund_id"]]
    assert not bed.verify().violations
    assert not bed.audit().violations


def of(bed: Bed, kind: type[Any]) -> list[Any]:
    """The committed facts of one kind."""
    return [fact for fact in bed.decoded(bed.stream.events_topic) if isinstance(fact, kind)]

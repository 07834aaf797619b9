"""Labels of every carrier through the real workers: bought once and given back once, although workers are killed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.order.commands import OrderCommandUnion, ReportLabelPurchased
from events.order.facts import (
    WORK_TOPIC,
    LabelPurchased,
    LabelRefundAnswered,
    LabelRefundRequested,
    LabelRequested,
    OrderEvent,
)
from events.order.parcel_commands import ReportLabelRefundAnswered, WithdrawParcel
from events.order.values import LineUnits
from infra import kafka
from infra.s3 import Bucket
from infra.vault import PostgresVault
from processors.carriers.protocol import LabelBought
from processors.personal import seal_recipient
from tests.contract.carrier_rigs import API_KEY, SECRET, EasyPostRig, LabelRig, bought
from tests.contract.carrier_rigs_of_rates import ShippoRig, ShipStationRig
from tests.contract.net import Receiver, receiving
from tests.integration.ledger_bed import Bed
from tests.integration.projections.conftest import Rig
from tests.integration.test_worker_effects import (
    BUYER,
    EFFECT,
    LINE,
    ORDER,
    TENANT,
    killed_and_started_again,
    versions_of,
)
from tests.integration.worker_bench import Report, Workbench
from tests.ledger_writer import LedgerWriter
from tests.order_life import World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(900)]

#: What takes seconds may take minutes where the machine is busy with other things.
WAIT_SECONDS_MAX = 280.0

RIGS: dict[str, Callable[[Path, Receiver], LabelRig]] = {
    "easypost": EasyPostRig,
    "shippo": ShippoRig,
    "shipstation": ShipStationRig,
}
#: Which setting names each carrier's address, and the others that a worker needs to speak to its simulator.
ADDRESSES = {"easypost": "CARRIER_BASE_URL", "shippo": "SHIPPO_BASE_URL", "shipstation": "SHIPSTATION_BASE_URL"}
SECRETS = {
    "easypost": {"CARRIER_API_KEY": API_KEY, "CARRIER_WEBHOOK_SECRET": SECRET},
    "shippo": {"SHIPPO_TOKEN": API_KEY, "SHIPPO_WEBHOOK_SECRET": SECRET},
    "shipstation": {"SHIPSTATION_API_KEY": API_KEY},
}
REFUND = "feed" + "0" * 28


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LabelRig]:
    """Each carrier's simulator in turn."""
    with receiving() as receiver:
        made = RIGS[request.param](tmp_path, receiver)
        yield made
        made.simulator.stop()


def environment_of(rig: LabelRig) -> dict[str, str]:
    """The settings of a worker for which this carrier alone sells labels."""
    return {"CARRIERS": rig.vendor, ADDRESSES[rig.vendor]: rig.simulator.url, **SECRETS[rig.vendor]}


def label_requested(vault: PostgresVault) -> LabelRequested:
    """A parcel of two units that needs a label."""
    return LabelRequested(
        effect_key=EFFECT,
        request_id=f"{EFFECT}.1",
        attempt=1,
        due_at=0,
        parcel_id="P1",
        contents=(LineUnits(line_id=LINE, units=(1, 2)),),
        partner_id="press-east",
        recipient=seal_recipient(vault, TENANT, ORDER, BUYER),
        country="US",
    )


def killed_once_paid(bench: Workbench, rig: LabelRig) -> Report:
    """Kill the worker while it waits for the answer to a purchase that is paid; then the one report of the next."""
    rig.provoke("pay and fall silent")
    with bench.worker("label", environment=environment_of(rig)) as process:
        wait_until(lambda: rig.paid(EFFECT).purchases, WAIT_SECONDS_MAX, "the label is paid")
        process.kill()
    with bench.worker("label", environment=environment_of(rig)):
        (report,) = bench.wait_for_reports(1, WAIT_SECONDS_MAX)
    return report


@pytest.mark.parametrize("at", ["paid", "effect_done", "reported"])
def test_a_killed_label_worker_pays_for_one_label_and_keeps_one_file(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, rig: LabelRig, at: str
) -> None:
    bench.ask(label_requested(vault), order_id=ORDER)

    if at == "paid":
        report = killed_once_paid(bench, rig)
    else:
        report = killed_and_started_again(bench, "label", environment_of(rig), at=at)

    label = report.command
    assert isinstance(label, ReportLabelPurchased)
    assert (rig.paid(EFFECT).purchases, label.carrier) == (1, rig.vendor)
    assert versions_of(bucket) == {label.label.key: 1}
    assert label.label.key.startswith(f"{TENANT}/{ORDER}/labels/{EFFECT}.")
    assert label.tracking_number


def label_of_its_own(rig: LabelRig) -> tuple[str, LabelBought]:
    """A label that the carrier sold before, of a parcel that nobody has scanned, with its key."""
    rig.provoke("scan nothing")
    shipment = rig.shipment()

    async def buy() -> LabelBought:
        carrier = rig.carrier()
        try:
            return await bought(carrier, shipment)
        finally:
            await carrier.aclose()

    return shipment.effect_key, asyncio.run(buy())


@pytest.mark.parametrize("at", ["effect_done", "reported"])
def test_a_killed_void_worker_gives_a_label_back_once(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, rig: LabelRig, at: str
) -> None:
    key, label = label_of_its_own(rig)
    request = LabelRefundRequested(
        effect_key=REFUND,
        request_id=f"{REFUND}.1",
        attempt=1,
        due_at=0,
        parcel_id="P1",
        carrier=rig.vendor,
        carrier_reference=label.carrier_reference,
        tracking_number=label.tracking_number,
        label_effect_key=key,
    )
    bench.ask(request, order_id=ORDER)

    report = killed_and_started_again(bench, "void", environment_of(rig), at=at)

    assert report.command == ReportLabelRefundAnswered(
        request_id=request.request_id, parcel_id="P1", state=rig.taken_back
    )
    assert rig.paid(key).refund_requests == 1


class Order:
    """An order of the demo tenant that lives in the ledger up to the label, which real workers buy."""

    def __init__(self, bench: Workbench, vault: PostgresVault) -> None:
        self.bench = bench
        self.bed = Bed(bench.settings, "orders", bench.settings.ledger_partitions)
        self.order_id = context_of().key
        sealed = seal_recipient(vault, TENANT, self.order_id, BUYER)
        self._placed = msgspec.structs.replace(
            a_store_order(lines=(a_line(quantity=2),)), recipient=sealed, country="US"
        )

    def lives(self) -> None:
        """Send everything that is reported before the label."""
        world = World()

        def answer(fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
            return () if isinstance(fact, LabelRequested) else world.answer(fact)

        _, _, life = live([placed(self._placed)], answer)
        self.bed.send_all((self.order_id, f"life-{number}", command) for number, command in enumerate(life))

    def facts(self, kind: type[Any]) -> list[Any]:
        """The committed facts of one kind."""
        return [fact for fact in self.bed.decoded(self.bed.stream.events_topic) if isinstance(fact, kind)]

    def waits_for(self, kind: type[Any]) -> Any:
        """The first fact of a kind, once it is there."""
        return wait_until(lambda: self.facts(kind), WAIT_SECONDS_MAX, f"{kind.__name__} is in the ledger")[0]

    def told(self) -> list[str]:
        """What the timeline says of the label that is given back."""
        settings = self.bench.settings
        producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}tests")
        shown = Rig(settings, LedgerWriter(producer, self.bed.stream.events_topic, settings.ledger_partitions))
        query = "SELECT title FROM timeline WHERE fact_type LIKE 'LabelRefund%%' AND order_id = %s ORDER BY seq"
        with shown.projecting("timeline"):
            rows = wait_until(
                lambda: found if len(found := shown.query(query, [self.order_id])) == 2 else [],
                WAIT_SECONDS_MAX,
                "the timeline tells of the label",
            )
        return [title for (title,) in rows]


@pytest.mark.parametrize("rig", ["easypost"], indirect=True)
def test_a_parcel_that_is_taken_back_gives_its_label_back_once_and_the_timeline_says_so(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, rig: LabelRig
) -> None:
    # given a parcel with a label that a worker bought, and that nobody has scanned
    rig.provoke("scan nothing")
    order, environment = Order(bench, vault), environment_of(rig)
    topic = WORK_TOPIC[LabelRefundRequested]
    with order.bed.running():
        order.lives()
        with bench.worker("label", "void", crash_at="void.effect_done", environment=environment) as process:
            label = order.waits_for(LabelPurchased)
            # when it is taken back, the worker that asked the carrier dies, and the request comes twice more
            order.bed.send(order.order_id, "take-back", WithdrawParcel(parcel_id="P1", send_again=False, reason="demo"))
            assert process.wait(WAIT_SECONDS_MAX) == -signal.SIGKILL, process.told()
        with bench.worker("void", environment=environment):
            answered = order.waits_for(LabelRefundAnswered)
            (asked,) = order.facts(LabelRefundRequested)
            for value, headers in bench.records(topic) * 2:
                bench.put(asked, value, headers)
            end = bench.end_of(topic)
            wait_until(lambda: bench.committed("void", topic) == end, WAIT_SECONDS_MAX, "all were done")
        order.bed.wait_until_answered()

    # then the carrier was asked once, and the order knows what it said
    assert (asked.carrier, asked.carrier_reference) == ("easypost", label.carrier_reference)
    (parcel,) = rig.simulator.control("GET", rig.listed_at)
    assert (parcel["purchases"], parcel["refund_requests"]) == (1, 1)
    assert (answered.state, len(order.facts(LabelRefundAnswered))) == ("pending", 1)
    assert order.told() == [
        "Parcel P1: easypost is asked to take the label back",
        "Parcel P1: the carrier looks at the label that it is to take back",
    ]
    assert not order.bed.verify().violations
    assert not order.bed.audit().violations

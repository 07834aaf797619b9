"""Carriers are asked about parcels of which they said nothing for long; their answer is reported once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from events.order.commands import ReportLabelPurchased, ReportTracking
from processors.carriers.protocol import LabelBought, TrackingReport
from processors.inbound.reports import tracking
from processors.outbound import Deferred
from processors.parcel_reconciler import BATCH, HOUR_MS, LABEL_QUIET_MS, ParcelReconciler, _KnownParcel
from projections.rows import Effect, SilentParcel
from tests.order_life import a_file
from tests.unit.inbound.doubles import SentCommands

DAY_MS = 24 * HOUR_MS
PARCEL = SilentParcel(
    tenant="demo", order_id="order-1", parcel_id="P1", effect_key="k1", carrier="easypost", carrier_reference="shp_1",
    labelled_at=1, dispatched_at=2, heard_at=1_000,
)  # fmt: skip
SAID = TrackingReport(
    effect_key=None, tracking_number="T", carrier_reference="shp_1", carrier_code="USPS", raw_status="delivered",
    canonical="delivered", rank=40, carrier_timestamp_at=77, tracking_event_id="trk:delivered:77",
    provenance="easypost/map-1",
)  # fmt: skip
LABEL = Effect(
    tenant="demo", effect_key="k9", order_id="order-9", kind="label", line_id="", run=0, parcel_id="P9", who="press",
    units=(), attempt=2,
)  # fmt: skip
BOUGHT = LabelBought(
    tracking_number="T9", carrier_code="USPS", service="Ground", cost_minor=1, currency="USD", label_bytes=b"label",
    label_media_type="image/png", tracking_url=None, carrier_reference="shp_9",
)  # fmt: skip
AWAY = Deferred(reason="circuit_open", retry_after_ms=1, outcome_unknown=False)


class Asked:
    """A carrier with prepared answers that counts the questions."""

    def __init__(self, said: object, held: object = None) -> None:
        self.said, self.held = said, held
        self.questions: list[str] = []

    async def track(self, carrier_reference: str) -> Any:
        self.questions.append(carrier_reference)
        return self.said

    async def read_back(self, effect_key: str) -> Any:
        self.questions.append(effect_key)
        return self.held


class World:
    """A reconciler with a clock that tests set."""

    def __init__(self, carrier: Asked, parcels: Sequence[SilentParcel] = (), labels: Sequence[Effect] = ()) -> None:
        self.now, self.carrier = 1_000, carrier
        self.parcels, self.labels = parcels, labels
        self.commands = SentCommands()
        carriers: Any = {"easypost": carrier}
        self.reconciler = ParcelReconciler(self, carriers, self.commands, self.bought, lambda: self.now, ())

    def silent_parcels(
        self, heard_before: int, after: SilentParcel | None = None, limit: int = BATCH
    ) -> Sequence[SilentParcel]:
        place = (after.heard_at, after.order_id, after.parcel_id) if after else (-1, "", "")
        found = sorted((one.heard_at, one.order_id, one.parcel_id, one) for one in self.parcels)
        return [one for *at, one in found if tuple(at) > place and one.heard_at <= heard_before][:limit]

    def labels_in_doubt(self, after: str, limit: int = BATCH) -> Sequence[Effect]:
        return [one for one in self.labels if one.effect_key > after][:limit]

    def bought(self, effect: Effect, carrier: str, label: LabelBought) -> ReportLabelPurchased:
        return ReportLabelPurchased(
            request_id=f"{effect.effect_key}.{effect.attempt}", parcel_id=effect.parcel_id, carrier=carrier,
            service=label.service, tracking_number=label.tracking_number, tracking_url="", cost_minor=1,
            currency="USD", carrier_reference=label.carrier_reference, label=a_file("label.png"),
        )  # fmt: skip

    def sweep(self, *, at: int) -> int:
        self.now = at
        return asyncio.run(self.reconciler.sweep())


def test_a_parcel_on_its_way_is_asked_about_after_a_silent_day_and_then_as_rarely_again() -> None:
    world = World(Asked(()), [PARCEL])
    asked = [world.sweep(at=PARCEL.heard_at + at) for at in (DAY_MS - 1, DAY_MS, DAY_MS + 1, 2 * DAY_MS)]
    assert asked == [0, 1, 0, 1]


def test_a_parcel_that_nobody_took_over_yet_may_be_silent_for_longer() -> None:
    world = World(Asked(()), [msgspec.structs.replace(PARCEL, dispatched_at=0)])
    assert [world.sweep(at=PARCEL.heard_at + days * DAY_MS) for days in (1, 2)] == [0, 1]


def test_what_it_answers_is_reported_as_the_carriers_word_that_was_asked_for() -> None:
    world = World(Asked((SAID,)), [PARCEL])
    world.sweep(at=2 * DAY_MS)
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportTracking)
    assert (command.parcel_id, command.canonical, command.carrier_at, command.polled) == ("P1", "delivered", 77, True)
    assert (envelope.key, envelope.tenant, envelope.actor) == ("order-1", "demo", "carrier:easypost")


def test_the_same_answer_is_the_same_command_and_never_that_of_the_webhook() -> None:
    world = World(Asked((SAID,)), [PARCEL])
    world.sweep(at=2 * DAY_MS)
    world.sweep(at=4 * DAY_MS)
    first, second = (envelope.command_id for _, envelope in world.commands.sent)
    assert first == second
    assert tracking(SAID, "easypost", _KnownParcel(PARCEL)).command_id != first


def test_a_carrier_that_promised_a_day_may_be_silent_until_then() -> None:
    promised = msgspec.structs.replace(SAID, rank=20, canonical="in_transit", estimated_delivery_at=5 * DAY_MS)
    world = World(Asked((promised,)), [PARCEL])
    assert [world.sweep(at=days * DAY_MS) for days in (2, 3, 4, 5)] == [1, 0, 0, 1]


def test_a_carrier_that_does_not_answer_is_asked_again_at_the_next_sweep() -> None:
    world = World(Asked(AWAY), [PARCEL])
    assert [world.sweep(at=2 * DAY_MS), world.sweep(at=2 * DAY_MS + 1)] == [1, 1]
    assert world.commands.sent == []


def test_a_parcel_of_a_carrier_without_an_adapter_is_left_alone() -> None:
    world = World(Asked(()), [msgspec.structs.replace(PARCEL, carrier="gone")])
    assert world.sweep(at=9 * DAY_MS) == 0


def test_a_label_that_was_bought_and_never_reported_is_read_back_once_it_is_long_in_doubt() -> None:
    world = World(Asked((), BOUGHT), labels=[LABEL])
    assert [world.sweep(at=1), world.sweep(at=LABEL_QUIET_MS), world.sweep(at=1 + LABEL_QUIET_MS)] == [0, 0, 1]
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReportLabelPurchased)
    assert (command.request_id, command.carrier_reference, command.carrier) == ("k9.2", "shp_9", "easypost")
    assert (envelope.key, envelope.actor) == ("order-9", "reconciler")
    world.sweep(at=1 + 2 * LABEL_QUIET_MS)
    assert len({envelope.command_id for _, envelope in world.commands.sent}) == 1


def test_a_label_that_nobody_sold_is_left_to_its_exception() -> None:
    for held in (None, AWAY):
        world = World(Asked((), held), labels=[LABEL])
        world.sweep(at=1)
        assert world.sweep(at=1 + LABEL_QUIET_MS) == 1
        assert world.commands.sent == []


def test_all_parcels_are_asked_about_however_many_there_are() -> None:
    parcels = [
        msgspec.structs.replace(PARCEL, effect_key=f"k{n}", parcel_id=f"P{n:05}", carrier_reference=f"shp_{n}")
        for n in range(BATCH + 3)
    ]
    world = World(Asked(()), parcels)
    assert world.sweep(at=2 * DAY_MS) == BATCH + 3
    assert len(set(world.carrier.questions)) == BATCH + 3

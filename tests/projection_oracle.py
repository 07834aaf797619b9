"""What read models should hold, computed apart from them: plain loops over the written facts, no batches, no SQL."""

from collections.abc import Iterable
from functools import reduce
from typing import Any, cast

from events.order.decide import OrderDecider
from events.order.facts import (
    CommandIgnored,
    CommandRefused,
    LabelPurchased,
    LineRendered,
    OrderEvent,
    OrderPlaced,
    ShipmentDelivered,
    ShipmentDispatched,
    WorkRequested,
)
from events.order.state import Order
from events.order.status import order_status
from tests.ledger_writer import WrittenFact


def histories(written: Iterable[WrittenFact]) -> dict[str, list[WrittenFact]]:
    """The facts of each order in their order."""
    found: dict[str, list[WrittenFact]] = {}
    for fact in written:
        found.setdefault(fact.key, []).append(fact)
    return found


def folded(history: list[WrittenFact]) -> Order:
    """The order after its whole history, in one go."""
    decider = OrderDecider()
    return reduce(
        lambda order, written: decider.evolve(order, cast(OrderEvent, written.fact)), history, decider.initial_state()
    )


def orders(written: Iterable[WrittenFact]) -> dict[str, dict[str, Any]]:
    """What the row of each order should say."""
    expected = {}
    for key, history in histories(written).items():
        placed = next((one.fact.order for one in history if isinstance(one.fact, OrderPlaced)), None)
        files = {one.fact.line_id: one.fact.version for one in history if isinstance(one.fact, LineRendered)}
        labels = {one.fact.parcel_id: one.fact for one in history if isinstance(one.fact, LabelPurchased)}
        sent = {one.fact.parcel_id for one in history if isinstance(one.fact, ShipmentDispatched)}
        arrived = {one.fact.parcel_id for one in history if isinstance(one.fact, ShipmentDelivered)}
        expected[key] = {
            "tenant": history[-1].tenant,
            "store": placed.store if placed else "",
            "status": order_status(folded(history)),
            "skus": [line.sku for line in placed.lines] if placed else [],
            "versions": files,
            "tracking_numbers": {parcel: label.tracking_number for parcel, label in labels.items()},
            "parcels_under_way": sent - arrived,
            "parcels_delivered": arrived,
            "seq": history[-1].seq,
            "updated_at": history[-1].at,
        }
    return expected


def outcomes(written: Iterable[WrittenFact]) -> dict[str, tuple[str, int, int]]:
    """Outcome, first and last fact of each command that made facts."""
    expected: dict[str, tuple[str, int, int]] = {}
    for one in written:
        outcome, first, _ = expected.get(one.causation_id, ("accepted", one.seq, one.seq))
        if isinstance(one.fact, CommandRefused):
            outcome = "refused"
        elif isinstance(one.fact, CommandIgnored):
            outcome = "ignored"
        expected[one.causation_id] = (outcome, first, one.seq)
    return expected


def deadlines(written: Iterable[WrittenFact]) -> dict[tuple[str, str], int]:
    """What every order waits for, as its own state says."""
    return {
        (key, deadline): due_at
        for key, history in histories(written).items()
        for deadline, due_at in folded(history).deadlines.items()
    }


def effects(written: Iterable[WrittenFact]) -> dict[str, tuple[str, int]]:
    """Order and newest attempt of each effect."""
    return {one.fact.effect_key: (one.key, one.fact.attempt) for one in written if isinstance(one.fact, WorkRequested)}

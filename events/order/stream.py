"""The order stream as the ledger sees it."""

from events.declare import Declared
from events.order.commands import ORDER_COMMANDS
from events.order.decide import OrderDecider
from events.order.facts import ORDER_FACTS, WORK_TOPIC, CommandIgnored, CommandRefused
from events.order.state import Order
from events.order.status import may_be_large, status_of
from events.stream import Stream


def _work_topic(fact: Declared) -> str | None:
    return WORK_TOPIC.get(type(fact))


def _refused(command: str, reason: str, detail: str) -> Declared:
    return CommandRefused(command=command, reason=reason, detail=detail)


def _ignored(command: str, why: str) -> Declared:
    return CommandIgnored(command=command, why=why)


ORDER_STREAM = Stream(
    name="orders",
    intake_topic="pod.orders.intake.v1",
    events_topic="pod.orders.events.v1",
    rejected_topic="pod.orders.rejected.v1",
    status_topic="pod.orders.status.v1",
    decider=OrderDecider(),
    state_type=Order,
    commands=ORDER_COMMANDS,
    facts=ORDER_FACTS,
    remembers_commands=True,
    work_topic=_work_topic,
    status_of=status_of,
    status_may_be_large=may_be_large,
    refused=_refused,
    ignored=_ignored,
)

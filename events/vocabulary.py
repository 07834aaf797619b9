"""Everything that may stand on a topic, and where: the one list that schemas, registry and codec are made from."""

from events.batches.commands import BATCH_COMMANDS
from events.batches.facts import BATCH_FACTS
from events.catalogue.commands import CATALOGUE_COMMANDS
from events.catalogue.facts import CATALOGUE_FACTS
from events.declare import Declared
from events.documents import CommandRejected, OrderStatus, StoreOrderPublished
from events.operations.commands import OPERATIONS_COMMANDS
from events.operations.facts import OPERATIONS_FACTS
from events.order.commands import ORDER_COMMANDS
from events.order.facts import ORDER_FACTS, WORK_TOPIC

FACT_COMPATIBILITY = "FULL_TRANSITIVE"
COMMAND_COMPATIBILITY = "BACKWARD_TRANSITIVE"

RECORDS_BY_TOPIC: dict[str, tuple[type[Declared], ...]] = {
    "pod.orders.events.v1": ORDER_FACTS,
    "pod.catalogue.events.v1": CATALOGUE_FACTS,
    "pod.batches.events.v1": BATCH_FACTS,
    "pod.operations.events.v1": OPERATIONS_FACTS,
    **{topic: (fact,) for fact, topic in WORK_TOPIC.items()},
    "pod.orders.intake.v1": ORDER_COMMANDS,
    "pod.catalogue.intake.v1": CATALOGUE_COMMANDS,
    "pod.batches.intake.v1": BATCH_COMMANDS,
    "pod.operations.intake.v1": OPERATIONS_COMMANDS,
    "pod.orders.status.v1": (OrderStatus,),
    "pod.orders.rejected.v1": (CommandRejected,),
    "pod.catalogue.rejected.v1": (CommandRejected,),
    "pod.batches.rejected.v1": (CommandRejected,),
    "pod.operations.rejected.v1": (CommandRejected,),
    "stores.orders.v1": (StoreOrderPublished,),
}
"""Which records stand on which topic. `stores.orders.v1` stands for every store's own road in."""

DECLARED: tuple[type[Declared], ...] = tuple(dict.fromkeys(r for records in RECORDS_BY_TOPIC.values() for r in records))
"""Every declared record once, in the order of their topics."""


def subjects_of(declared: type[Declared]) -> tuple[str, ...]:
    """Registry subjects of a record by TopicRecordNameStrategy: topic, hyphen, full name."""
    return tuple(
        f"{topic}-{declared.full_name()}" for topic, records in RECORDS_BY_TOPIC.items() if declared in records
    )


def compatibility_of(subject: str) -> str:
    """Ledger facts are replayed for ever and read by older and newer readers; the rest is read forwards only."""
    return FACT_COMPATIBILITY if ".events.v1-" in subject else COMMAND_COMPATIBILITY

"""The operations stream as the ledger sees it."""

from events.operations.commands import OPERATIONS_COMMANDS
from events.operations.decide import OperationsDecider
from events.operations.facts import OPERATIONS_FACTS
from events.operations.state import Alert
from events.stream import Stream

OPERATIONS_STREAM = Stream(
    name="operations",
    intake_topic="pod.operations.intake.v1",
    events_topic="pod.operations.events.v1",
    rejected_topic="pod.operations.rejected.v1",
    status_topic=None,
    decider=OperationsDecider(),
    state_type=Alert,
    commands=OPERATIONS_COMMANDS,
    facts=OPERATIONS_FACTS,
    remembers_commands=True,
    work_topic=lambda fact: None,
    status_of=lambda state, key, tenant, seq, at: None,
    refused=None,
    ignored=None,
)

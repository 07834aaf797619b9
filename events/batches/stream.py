"""The batch stream as the ledger sees it."""

from events.batches.commands import BATCH_COMMANDS
from events.batches.decide import BatchDecider
from events.batches.facts import BATCH_FACTS
from events.batches.state import Batch
from events.stream import Stream

BATCH_STREAM = Stream(
    name="batches",
    intake_topic="pod.batches.intake.v1",
    events_topic="pod.batches.events.v1",
    rejected_topic="pod.batches.rejected.v1",
    status_topic=None,
    decider=BatchDecider(),
    state_type=Batch,
    commands=BATCH_COMMANDS,
    facts=BATCH_FACTS,
    remembers_commands=True,
    work_topic=lambda fact: None,
    status_of=lambda state, key, tenant, seq, at: None,
    refused=None,
    ignored=None,
)

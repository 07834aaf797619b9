"""The catalogue stream as the ledger sees it."""

from events.catalogue.commands import CATALOGUE_COMMANDS
from events.catalogue.decide import CatalogueDecider, Entry
from events.catalogue.facts import CATALOGUE_FACTS
from events.stream import Stream

CATALOGUE_STREAM = Stream(
    name="catalogue",
    intake_topic="pod.catalogue.intake.v1",
    events_topic="pod.catalogue.events.v1",
    rejected_topic="pod.catalogue.rejected.v1",
    status_topic=None,
    decider=CatalogueDecider(),
    state_type=Entry,
    commands=CATALOGUE_COMMANDS,
    facts=CATALOGUE_FACTS,
    remembers_commands=False,
    work_topic=lambda fact: None,
    status_of=lambda state, key, tenant, seq, at: None,
    refused=None,
    ignored=None,
)

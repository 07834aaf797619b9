"""What the ledger has to know of a stream: its topics, its decider, and what goes where."""

from collections.abc import Callable
from typing import Any

import msgspec

from events.decider import Decider
from events.declare import Declared


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of the ledger.

    `state_type` is the type of the decider's state, for snapshots. `work_topic` names the topic on which a fact is
    also work, or None. `status_of(state, key, tenant, seq, at)` is the snapshot for the status topic, or None where
    the stream has none. `refused` and `ignored` make the facts that record a command's outcome in the stream, or are
    None where only the rejected topic records it. `remembers_commands`: whether the folded state keeps the id of each
    command that it has answered (short-lived streams), or the decider deduplicates by source version.
    `status_may_be_large(state)` says at once whether the snapshot has to be measured before the state is accepted.
    """

    name: str
    intake_topic: str
    events_topic: str
    rejected_topic: str
    status_topic: str | None
    decider: Decider[Any, Any, Any]
    state_type: type[Any]
    commands: tuple[type[Declared], ...]
    facts: tuple[type[Declared], ...]
    remembers_commands: bool
    work_topic: Callable[[Declared], str | None]
    status_of: Callable[[Any, str, str, int, int], Declared | None]
    refused: Callable[[str, str, str], Declared] | None
    ignored: Callable[[str, str], Declared] | None
    status_may_be_large: Callable[[Any], bool] = lambda state: False

"""What the batch desk works with: the shops, and what the read models tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from events.batches.state import Batch
from processors.batching.plan import Waiting
from processors.batching.presses import Press
from processors.partners.house_folder import HouseFolder


class KnownBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as the read model has it; `moved_at` is when it last came further (epoch milliseconds)."""

    batch_id: str
    state: Batch
    moved_at: int


class BatchReads(Protocol):
    """What the desk reads. May block."""

    def waiting(self, partner_id: str) -> Sequence[Waiting]:
        """Print runs that the shop has accepted and nobody has started."""
        ...

    def at_work(self, partner_id: str) -> Sequence[KnownBatch]:
        """Batches that are not over, and then those that are not cleared."""
        ...

    def ended(self, batch_ids: Sequence[str]) -> Mapping[str, int]:
        """When those of these batches ended that are over; epoch milliseconds."""
        ...

    def outcomes(self, ids: Sequence[tuple[str, str]]) -> Mapping[str, tuple[str, str]]:
        """Outcome and reason by command id, of those (tenant, command id) that are answered."""
        ...


@dataclass(frozen=True)
class House:
    """One shop of ours: its partner id, its presses by name, and the folder that it reads."""

    partner_id: str
    presses: Mapping[str, Press]
    folder: HouseFolder

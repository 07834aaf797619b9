"""When a batch cannot go on by itself: what is told to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from events.batches.state import Batch
from processors.batching.presses import Press

#: Asking orders and drawing sheets takes seconds; a batch that has not moved for so long does not move by itself.
DESK_PATIENCE_MS: Final = 900_000
#: Patience with a press that is not set up any more.
PRESS_PATIENCE_MS: Final = 14_400_000
#: The raw word of a print run whose batch cannot go on.
STUCK: Final = "batch_stuck"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a batch cannot go on: one word for programs, what happened, and what a person can do."""

    reason: str
    detail: str
    what_to_do: str


FOLDER_AWAY: Final = "folder_away"
PRESS_SILENT: Final = "press_silent"
UNANSWERED: Final = "orders_unanswered"
NOT_IMPOSED: Final = "not_imposed"


def folder_away(error: OSError) -> Trouble:
    """The shop's folder cannot be read or written."""
    return Trouble(
        reason=FOLDER_AWAY,
        detail=f"The shop's folder cannot be used: {error}"[:500],
        what_to_do="Mount the folder again, or make room in it; the batch goes on by itself.",
    )


def overdue(batch: Batch, quiet_ms: int, presses: Mapping[str, Press]) -> Trouble | None:
    """What to think of a batch that has not come further for so long (milliseconds); None while that is usual."""
    press = presses.get(batch.group.press) if batch.group else None
    if batch.stage == "sent":
        patience_ms = press.silent_max_s * 1_000 if press else PRESS_PATIENCE_MS
        waiting = [sheet.imposed.sheet for sheet in batch.sheets if not sheet.outcome]
        if quiet_ms <= patience_ms or not waiting:
            return None
        return Trouble(
            reason=PRESS_SILENT,
            detail=f"The press has been silent for {quiet_ms // 60_000} minutes; sheets {waiting[:20]} are open.",
            what_to_do="Look at the press, and say what came of each sheet: `printledger batch printed` or `spoiled`.",
        )
    if batch.stage not in {"open", "closed"} or quiet_ms <= DESK_PATIENCE_MS:
        return None
    return Trouble(
        reason=UNANSWERED if batch.stage == "open" else NOT_IMPOSED,
        detail=f"The batch has not come further for {quiet_ms // 60_000} minutes.",
        what_to_do="See with `printledger status` whether ledger, read models and store run; it goes on with them.",
    )

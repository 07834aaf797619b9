"""Judge printed units: by the partner's quality report, or leave them to a person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from events.envelope import FactEnvelope
from events.order.commands import ReportInspected
from events.order.facts import InspectionRequested
from events.order.values import Defect
from processors.worker import Answer

SIMULATED_INSPECTOR = "inspector:simulated"


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """The effect of `InspectionRequested`: a verdict on each unit.

    What is drawn for a person is answered by `printledger inspect`. Where `simulated_after_s` is set (demonstration
    and tests), a simulated inspector, named as such, answers after that time as the partner's report says.
    """

    simulated_after_s: float | None = None
    at_once: int = 32

    name: ClassVar[str] = "inspect"
    request: ClassVar[type[InspectionRequested]] = InspectionRequested

    async def carry_out(self, fact: InspectionRequested, envelope: FactEnvelope) -> ReportInspected | Answer | None:
        """Accept the partner's report; a person's verdict is not this worker's."""
        if fact.mode == "automatic":
            return judged_by_report(fact)
        if self.simulated_after_s is None:
            return None
        await asyncio.sleep(self.simulated_after_s)
        return Answer(command=judged_by_report(fact), actor=SIMULATED_INSPECTOR)


def judged_by_report(fact: InspectionRequested) -> ReportInspected:
    """Units that the partner does not name as failed have passed. Without a report, nothing is known against them."""
    reported_failed = fact.quality.failed_units if fact.quality else ()
    failed = tuple(unit for unit in fact.units if unit in reported_failed)
    defects: tuple[Defect, ...] = fact.quality.defects if fact.quality and failed else ()
    return ReportInspected(
        request_id=fact.request_id,
        line_id=fact.line_id,
        run=fact.run,
        passed_units=tuple(unit for unit in fact.units if unit not in failed),
        failed_units=failed,
        defects=defects,
    )

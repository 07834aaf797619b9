"""Photographs of printed units, and what came of comparing them with what was to be printed."""

from typing import Annotated

from events.order.facts.base import OrderFact
from events.order.values import PhotoComparison, PrintPhoto
from events.types import Actor, LineId, RunNumber, described


class InspectionPhotoAdded(OrderFact, frozen=True, kw_only=True):
    """Somebody photographed a printed unit that waits for its inspection."""

    line_id: LineId
    run: RunNumber
    photo: PrintPhoto
    by: Actor


class PrintCompared(OrderFact, frozen=True, kw_only=True):
    """The automatic rules compared photographs of printed units with what was to be printed.

    Whether a unit passes is said by the inspection; where a person decides, this is what the rules would have said.
    """

    line_id: LineId
    run: RunNumber
    comparisons: tuple[PhotoComparison, ...]
    rules_version: Annotated[str, described("Version of the rules and their thresholds.")]
    partner_id: Annotated[str, described("The partner that made the units.")] = ""

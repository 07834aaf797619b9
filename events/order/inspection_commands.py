"""Commands about photographs of printed units."""

from typing import Annotated, TypeAlias

from events.order.command_base import OrderCommand
from events.order.values import PhotoComparison, PrintPhoto
from events.types import LineId, RequestId, RunNumber, described


class AddInspectionPhoto(OrderCommand, frozen=True, kw_only=True):
    """Look at this photograph too before the run's units are judged."""

    line_id: LineId
    run: RunNumber
    photo: PrintPhoto


class ReportPrintCompared(OrderCommand, frozen=True, kw_only=True):
    """Photographs of a print run were compared; the verdict is left to a person."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    comparisons: tuple[PhotoComparison, ...]
    rules_version: str
    needs_person: Annotated[
        bool, described("The rules were to judge and cannot, because a photograph cannot be used.")
    ] = False


InspectionCommand: TypeAlias = AddInspectionPhoto | ReportPrintCompared

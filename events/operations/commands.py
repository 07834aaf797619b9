"""The commands of the operations stream."""

from typing import ClassVar, TypeAlias

from events.declare import Command
from events.operations.facts import Measurement


class OperationsCommand(Command, frozen=True, kw_only=True):
    """Base of all commands of the operations stream."""

    avro_namespace: ClassVar[str] = "pod.operations"


class ReportMeasurement(OperationsCommand, frozen=True, kw_only=True):
    """Something was measured: it may raise an alert or end one."""

    measurement: Measurement


OperationsCommandUnion: TypeAlias = ReportMeasurement
"""Everything that can be reported about operations."""

OPERATIONS_COMMANDS: tuple[type[OperationsCommand], ...] = (ReportMeasurement,)

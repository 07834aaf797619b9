"""What all commands of the order stream share."""

from typing import ClassVar

from events.declare import Command


class OrderCommand(Command, frozen=True, kw_only=True):
    """Base of all commands of the order stream; their sender is named in the envelope."""

    avro_namespace: ClassVar[str] = "pod.orders"

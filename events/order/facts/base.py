"""What all facts of the order stream share."""

from typing import ClassVar

from events.declare import Fact
from events.types import Attempt, EffectKey, Millis, RequestId


class OrderFact(Fact, frozen=True, kw_only=True):
    """Base of all facts of the order stream."""

    avro_namespace: ClassVar[str] = "pod.orders"


class WorkRequested(OrderFact, frozen=True, kw_only=True):
    """Base of all facts that are also work: a worker does one effect and reports a command back.

    `due_at` is when the ledger asks again if no report came.
    """

    effect_key: EffectKey
    request_id: RequestId
    attempt: Attempt
    due_at: Millis

"""Give an unused label back to the carrier that sold it; the carrier knows it by its own reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from events.envelope import FactEnvelope
from events.order.command_base import OrderCommand
from events.order.facts import LabelRefundRequested
from events.order.parcel_commands import ReportLabelRefundAnswered
from processors.carriers.common import UNKNOWN_SHIPMENT
from processors.carriers.protocol import CANONICAL_TRACKING, Carrier, LabelBought, LabelRefused, RefundConfirmed
from processors.outbound import Deferred

IN_TRANSIT = "in_transit"

STATES = {"submitted": "pending", "refunded": "refunded"}
"""What a carrier that takes the label back says of the price, and what it means to the order."""

WORDS = {
    IN_TRANSIT: "The carrier scanned the parcel, so its label is used.",
    "refund_refused": "The carrier says that the label cannot be given back.",
    "credentials": "The carrier refuses our credentials. Mend them in the settings.",
    "not_set_up": "This carrier is not set up any more (CARRIERS): set it up again, or ask it by hand.",
    UNKNOWN_SHIPMENT: "The carrier does not know this label: look which account it was bought with.",
    "not_known": "The carrier knows no label that was bought under this key.",
}
"""What a reason means. What the carrier wrote may repeat an address, and facts are kept for ever."""


@dataclass(frozen=True, kw_only=True)
class GiveLabelBack:
    """The effect of `LabelRefundRequested`. Asking a carrier again gives the same answer, so nothing is claimed."""

    carriers: Mapping[str, Carrier]
    at_once: int = 4

    name: ClassVar[str] = "void"
    request: ClassVar[type[LabelRefundRequested]] = LabelRefundRequested

    async def carry_out(self, fact: LabelRefundRequested, envelope: FactEnvelope) -> OrderCommand:
        """Look where the parcel is, then ask: a label that is used is not given back."""
        carrier = self.carriers.get(fact.carrier)
        if carrier is None:
            return _answer(fact, "refused", "not_set_up")
        reference = fact.carrier_reference or await _reference(carrier, fact)
        if not isinstance(reference, str):
            return _refused_or_unanswered(fact, reference)
        seen = await carrier.track(reference)
        if isinstance(seen, Deferred):
            return _refused_or_unanswered(fact, seen)
        if any(report.rank >= CANONICAL_TRACKING[IN_TRANSIT] for report in seen):
            return _answer(fact, "refused", IN_TRANSIT)
        outcome = await carrier.refund(reference)
        if isinstance(outcome, RefundConfirmed):
            return _answer(fact, STATES.get(outcome.state, "pending"), "")
        return _refused_or_unanswered(fact, outcome)


async def _reference(carrier: Carrier, fact: LabelRefundRequested) -> str | LabelRefused | Deferred:
    """The carrier's id of a label that was bought before orders kept it."""
    held = await carrier.read_back(fact.label_effect_key)
    if isinstance(held, LabelBought):
        return held.carrier_reference
    return held or LabelRefused(reason="not_known", retryable=False, needs_person=True)


def _refused_or_unanswered(fact: LabelRefundRequested, outcome: LabelRefused | Deferred) -> ReportLabelRefundAnswered:
    """A refusal that may be another one later, and an answer that cannot be used, are asked about again."""
    if isinstance(outcome, Deferred) or (outcome.retryable and not outcome.needs_person):
        return _answer(fact, "unanswered", outcome.reason)
    return _answer(fact, "refused", outcome.reason)


def _answer(fact: LabelRefundRequested, state: str, reason: str) -> ReportLabelRefundAnswered:
    return ReportLabelRefundAnswered(
        request_id=fact.request_id,
        parcel_id=fact.parcel_id,
        state=state,
        reason=reason,
        detail=WORDS.get(reason, ""),
    )

"""Intake: the order arrives, is held, edited, cancelled, paid."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import LineArtwork, OrderedLine, StoreOrder
from events.types import (
    Actor,
    CountryCode,
    Currency,
    Digest,
    EffectKey,
    LineId,
    Millis,
    Minor,
    PartnerId,
    RunNumber,
    SealedOrNone,
    UnitNumbers,
    described,
)


class OrderPlaced(OrderFact, frozen=True, kw_only=True):
    """A store's order is known here. Nobody has been asked to print yet."""

    order: StoreOrder
    store_updated_at: Millis


class OrderHeld(OrderFact, frozen=True, kw_only=True):
    """Nothing more is started for this order until the reason is gone."""

    reason: Annotated[
        str,
        described("'sku_unmapped', 'artwork_unavailable', 'payment_pending', 'address_missing', 'manual' …"),
    ]
    line_id: Annotated[str, described("The line that causes it; empty where it is the whole order.")] = ""
    detail: str = ""
    what_to_do: str = ""


class HoldReleased(OrderFact, frozen=True, kw_only=True):
    """A reason for holding the order is gone."""

    reason: str
    line_id: str = ""
    by: Actor = ""


class LineMapped(OrderFact, frozen=True, kw_only=True):
    """The line's SKU is now known to mean one of our variants, printed by this template version."""

    line_id: LineId
    artwork: LineArtwork


class OrderEdited(OrderFact, frozen=True, kw_only=True):
    """The order changed before production started. Changed lines begin again with the artwork check."""

    store_updated_at: Millis
    changed_lines: tuple[OrderedLine, ...] = ()
    removed_line_ids: tuple[str, ...] = ()
    recipient: SealedOrNone = None
    recipient_digest: Digest = ""
    country: CountryCode = ""
    region: str = ""
    postal_prefix: str = ""
    total_minor: Minor = 0
    by: Actor = ""


class CancellationRequested(OrderFact, frozen=True, kw_only=True):
    """Somebody asked to cancel the order. An order that is placed after this never prints."""

    reason: str
    by: Actor


class PartnerCancellationRequested(WorkRequested, frozen=True, kw_only=True):
    """The partner is asked to stop a print run that it has already accepted."""

    line_id: LineId
    run: RunNumber
    partner_id: PartnerId
    submission_key: Annotated[EffectKey, described("The effect key of the submission that is to be stopped.")]
    reason: str


class LineCancelled(OrderFact, frozen=True, kw_only=True):
    """These units of a line will not be made; where there are none, only this print run of it is not."""

    line_id: LineId
    units: UnitNumbers
    reason: str
    run: Annotated[int, described("The print run that ends by it; 0 where these units had none.")] = 0


class OrderCancelled(OrderFact, frozen=True, kw_only=True):
    """No unit of the order will be made; money may be given back."""

    reason: str


class CancellationRefused(OrderFact, frozen=True, kw_only=True):
    """A line could not be cancelled any more: it is made and sent as ordered."""

    line_id: LineId
    run: RunNumber
    reason: str


class PaymentAuthorised(OrderFact, frozen=True, kw_only=True):
    """The store holds the buyer's promise to pay."""

    amount_minor: Minor
    currency: Currency
    reference: str


class PaymentCaptured(OrderFact, frozen=True, kw_only=True):
    """The store has the buyer's money."""

    amount_minor: Minor
    currency: Currency
    reference: str


class PaymentVoided(OrderFact, frozen=True, kw_only=True):
    """The buyer's promise to pay was given back unused."""

    amount_minor: Minor
    currency: Currency
    reference: str


class PaymentRefunded(OrderFact, frozen=True, kw_only=True):
    """Money went back to the buyer."""

    amount_minor: Minor
    currency: Currency
    reference: str


class CommandRefused(OrderFact, frozen=True, kw_only=True):
    """A command could not be carried out; the same command, sent again, stays refused."""

    command: Annotated[str, described("Name of the command.")]
    reason: Annotated[str, described("Name of the refusal.")]
    detail: Annotated[str, described("What its sender can do.")]


class CommandIgnored(OrderFact, frozen=True, kw_only=True):
    """A command changed nothing and asks nothing of its sender."""

    command: Annotated[str, described("Name of the command.")]
    why: str

"""Buy a parcel's label, once, and keep the label sealed, once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportLabelFailed, ReportLabelPurchased
from events.order.facts import LabelRequested
from events.order.values import SuggestedAddress
from processors.carriers.choice import PROMISED_DAYS
from processors.carriers.desk import CarrierDesk
from processors.carriers.protocol import (
    Address,
    CustomsItem,
    LabelBought,
    LabelRefused,
    ParcelShipment,
    ParcelSize,
)
from processors.outbound import Deferred
from processors.personal import Recipient, open_recipient, postal_prefix_of, region_of, seal_recipient
from processors.ports import Vault, VaultError
from processors.workers.files import OrderFiles
from processors.workers.label_report import label_report
from projections.rows import Goods

#: Where the catalogue gives no weight: a heavy T-shirt, so that postage is not underpaid.
UNIT_WEIGHT_GRAMS = 300
PACKAGING_GRAMS = 60
#: A carton for one or two units; each further layer of two adds its height.
CARTON_LENGTH_UM, CARTON_WIDTH_UM, CARTON_LAYER_UM = 350_000, 250_000, 60_000
UNITS_A_LAYER = 2


class OrderGoods(Protocol):
    """Reads what an order's lines are. May block."""

    def goods_of_order(self, tenant: str, order_id: str) -> tuple[Goods, ...]:
        """The lines of an order; empty while they are not known yet."""
        ...


@dataclass(frozen=True, kw_only=True)
class BuyLabel:
    """The effect of `LabelRequested`: one paid label, one sealed file.

    `ship_from` has each partner's address: that is where its parcels start.
    """

    desk: CarrierDesk
    ship_from: Mapping[str, Address]
    files: OrderFiles
    vault: Vault
    goods: OrderGoods
    at_once: int = 8

    name: ClassVar[str] = "label"
    request: ClassVar[type[LabelRequested]] = LabelRequested

    async def carry_out(self, fact: LabelRequested, envelope: FactEnvelope) -> OrderCommand:
        """Buy under the effect key: however often this is called, one label is paid for."""
        sender = self.ship_from.get(fact.partner_id)
        if sender is None:
            return _failed(fact, "sender_unknown", f"No address is configured for {fact.partner_id}.")
        try:
            recipient = await asyncio.to_thread(
                open_recipient, self.vault, envelope.tenant, envelope.key, fact.recipient
            )
        except VaultError as closed:
            return _failed(fact, closed.reason, str(closed))
        goods = await asyncio.to_thread(self.goods.goods_of_order, envelope.tenant, envelope.key)
        promised_days = PROMISED_DAYS.get(fact.priority)
        carrier, outcome = await self.desk.buy_label(shipment(fact, sender, recipient, goods), promised_days)
        match outcome:
            case LabelBought():
                return await asyncio.to_thread(self._bought, fact, envelope, carrier, outcome)
            case LabelRefused():
                # What the carrier wrote may repeat the address, and facts are kept for ever.
                words = REFUSED.get(outcome.reason, "") + better_parts(_address(recipient), outcome.suggested_address)
                failed = _failed(fact, outcome.reason, words, retryable=outcome.retryable, carrier=carrier)
                return await asyncio.to_thread(self._suggesting, failed, envelope, recipient, outcome.suggested_address)
            case Deferred():
                words = "The carrier gave no usable answer."
                return _failed(
                    fact,
                    outcome.reason,
                    words,
                    retryable=True,
                    carrier=carrier,
                    retry_after_ms=outcome.retry_after_ms,
                )

    def _suggesting(
        self, failed: ReportLabelFailed, envelope: FactEnvelope, recipient: Recipient, suggested: Address | None
    ) -> ReportLabelFailed:
        """The failure with the carrier's better idea of the address, sealed as the order's own is. Blocks."""
        parts = changed_parts(_address(recipient), suggested)
        if suggested is None or not parts:
            return failed
        better = as_suggested(recipient, suggested)
        sealed = SuggestedAddress(
            recipient=seal_recipient(self.vault, envelope.tenant, envelope.key, better),
            country=better.country.upper(),
            region=region_of(better),
            postal_prefix=postal_prefix_of(better),
            parts=parts,
        )
        return msgspec.structs.replace(failed, suggested=sealed)

    def _bought(
        self, fact: LabelRequested, envelope: FactEnvelope, carrier: str, bought: LabelBought
    ) -> ReportLabelPurchased:
        return label_report(
            self.files,
            bought,
            carrier=carrier,
            tenant=envelope.tenant,
            order_id=envelope.key,
            parcel_id=fact.parcel_id,
            effect_key=fact.effect_key,
            request_id=fact.request_id,
        )


REFUSED = {
    "address_not_found": "The carrier does not find the address. Ask the buyer, then edit the order.",
    "address_incomplete": "The address is not complete. Ask the buyer, then edit the order.",
    "no_service": "No service of the carrier reaches this address from there.",
    "credentials": "The carrier refuses our credentials. Mend them in the settings.",
    "funds": "The account at the carrier is empty.",
    "invalid": "The carrier does not take the shipment as it is.",
}
"""What to do about a refusal, by its reason."""


PARTS = {
    "street1": "street",
    "street2": "second line",
    "city": "city",
    "region": "region",
    "postal_code": "postal code",
}
"""The parts of an address that a carrier may spell otherwise, as people say them."""


def better_parts(given: Address, suggested: Address | None) -> str:
    """Which parts of the address the carrier would write otherwise; empty without a suggestion.

    The suggestion itself is a person's address, and facts are kept for ever: only the parts are named.
    """
    changed = changed_parts(given, suggested)
    return f" The carrier suggests another {', '.join(changed)}." if changed else ""


def changed_parts(given: Address, suggested: Address | None) -> tuple[str, ...]:
    """The names of the parts in which the two differ; none without a suggestion."""
    if suggested is None:
        return ()
    return tuple(words for name, words in PARTS.items() if getattr(given, name) != getattr(suggested, name))


def as_suggested(recipient: Recipient, suggested: Address) -> Recipient:
    """The recipient at the address as the carrier writes it; names and how to reach them stay."""
    return msgspec.structs.replace(
        recipient,
        address1=suggested.street1,
        address2=suggested.street2 or "",
        city=suggested.city,
        region=suggested.region or "",
        postal_code=suggested.postal_code or "",
    )


def shipment(fact: LabelRequested, sender: Address, recipient: Recipient, goods: tuple[Goods, ...]) -> ParcelShipment:
    """The parcel as a carrier asks for it; customs are declared where it crosses a border."""
    known = {one.line_id: one for one in goods}
    units = {part.line_id: len(part.units) for part in fact.contents}
    weights = {
        line_id: ((known[line_id].weight_grams if line_id in known else 0) or UNIT_WEIGHT_GRAMS) * count
        for line_id, count in units.items()
    }
    layers = -(-sum(units.values()) // UNITS_A_LAYER)
    abroad = recipient.country != sender.country
    customs = tuple(
        CustomsItem(
            description=(known[line_id].title if line_id in known else "") or "Printed goods",
            quantity=count,
            weight_g=weights[line_id],
            value_minor=known[line_id].unit_price_minor * count if line_id in known else 0,
            currency=known[line_id].currency if line_id in known else "USD",
            hs_tariff_number=None,
            origin_country=sender.country,
        )
        for line_id, count in units.items()
    )
    return ParcelShipment(
        effect_key=fact.effect_key,
        sender=sender,
        recipient=_address(recipient),
        parcel=ParcelSize(
            length_um=CARTON_LENGTH_UM,
            width_um=CARTON_WIDTH_UM,
            height_um=CARTON_LAYER_UM * layers,
            weight_g=sum(weights.values()) + PACKAGING_GRAMS,
        ),
        customs=customs if abroad else (),
        customs_signer=sender.name if abroad else None,
    )


def _address(recipient: Recipient) -> Address:
    return Address(
        name=recipient.name or recipient.company,
        company=recipient.company or None,
        street1=recipient.address1,
        street2=recipient.address2 or None,
        city=recipient.city,
        region=recipient.region or None,
        postal_code=recipient.postal_code or None,
        country=recipient.country,
        phone=recipient.phone or None,
        email=recipient.email or None,
    )


def _failed(
    fact: LabelRequested,
    reason: str,
    detail: str,
    *,
    retryable: bool = False,
    carrier: str = "",
    retry_after_ms: int = 0,
) -> ReportLabelFailed:
    return ReportLabelFailed(
        request_id=fact.request_id,
        parcel_id=fact.parcel_id,
        reason=reason,
        detail=detail,
        retryable=retryable,
        carrier=carrier,
        retry_after_ms=retry_after_ms,
    )

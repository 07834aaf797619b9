"""From an order in the clear to the command: seal, digest, look the SKUs up.

Here personal data enters: what leaves this module holds none of it outside sealed bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from events.decoding import convert
from events.identity import order_id as order_id_of
from events.order.commands import ObserveStoreOrder
from events.order.values import AreaContent, OrderedLine, OrderPolicy, StoreOrder
from processors import personal
from processors.artwork.rollout import Rollout, rolled_out
from processors.inbound.reading import FieldNotUsable, NothingToDo, ReadArea, ReadLine, ReadOrder
from processors.inbound.shopify import ShopifyOptions
from processors.ports import KeyDestroyed, SkuMap, StoreConnection, Vault

_SECOND_MS, _DAYS_90_MS = 1_000, 90 * 86_400_000

POLICY_WORDS = {"approval": ("always", "when_clean"), "approver": ("store", "buyer")}
POLICY_LIMITS = {
    "retry_wait_ms": (1, _DAYS_90_MS),
    "attempts_max": (1, 20),
    "work_timeout_ms": (_SECOND_MS, _DAYS_90_MS),
    "production_timeout_ms": (_SECOND_MS, _DAYS_90_MS),
    "approval_timeout_ms": (_SECOND_MS, _DAYS_90_MS),
    "approval_reminders_max": (0, 10),
    "reprints_max": (0, 20),
    "spot_check_per_mille": (0, 1_000),
}
"""What a store's own rules may be: waits double up to ten times, and a time beyond reason would never come."""


class StoreOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The reading options and the policy of a store connection, as kept in its `options`."""

    shopify: ShopifyOptions = ShopifyOptions()
    policy: OrderPolicy = OrderPolicy()


def store_options(connection: StoreConnection) -> StoreOptions:
    """The connection's options with defaults where it says nothing; FieldNotUsable names a wrong one."""
    try:
        options = convert(dict(connection.options), StoreOptions)
    except msgspec.ValidationError as error:
        raise FieldNotUsable(f"The options of store {connection.store} cannot be read: {error}") from None
    if wrong := _wrong_rule(options.policy):
        raise FieldNotUsable(f"The options of store {connection.store} cannot be used: policy.{wrong}")
    return options


def _wrong_rule(policy: OrderPolicy) -> str:
    """The first rule of a policy that no order could live by, with what it may be; empty where all are fine."""
    for name, words in POLICY_WORDS.items():
        if getattr(policy, name) not in words:
            return f"{name} is one of {', '.join(words)}."
    for name, (least, most) in POLICY_LIMITS.items():
        if not least <= getattr(policy, name) <= most:
            return f"{name} is from {least} to {most}."
    return ""


def sealed_area(vault: Vault, tenant: str, order_id: str, line_id: str, area: ReadArea) -> AreaContent:
    """What the buyer gave for an area, sealed under the order's key. KeyDestroyed after an erasure."""
    name, seal = area.area, personal.seal_text
    return AreaContent(
        area=name,
        text=seal(vault, tenant, order_id, personal.text_field(line_id, name), area.text),
        artwork_url=seal(vault, tenant, order_id, personal.artwork_url_field(line_id, name), area.artwork_url),
        crop=area.crop,
    )


class OrderAssembler:
    """Makes `ObserveStoreOrder` of a read order. Blocks on the vault and the catalogue: use a thread."""

    def __init__(self, vault: Vault, sku_map: SkuMap, rollouts: Mapping[str, Rollout] | None = None) -> None:
        """`rollouts` are the template versions that a share of tenants or orders gets, by template id."""
        self._vault = vault
        self._sku_map = sku_map
        self._rollouts = rollouts or {}

    def observe(self, order: ReadOrder, connection: StoreConnection) -> tuple[str, ObserveStoreOrder]:
        """The order's id and the command. NothingToDo when the order was erased."""
        tenant, store = connection.tenant, connection.store
        order_id = order_id_of(tenant, store, order.external_id)
        skus = sorted({line.sku for line in order.lines})
        mapped = {
            sku: rolled_out(self._rollouts, artwork, tenant=tenant, order_id=order_id)
            for sku, artwork in (self._sku_map.artwork_of(tenant, store, skus) if skus else {}).items()
        }
        try:
            recipient = personal.seal_recipient(self._vault, tenant, order_id, order.recipient)
            if order.recipient.email:
                self._vault.link_person(tenant, order_id, order.recipient.email)
            lines = tuple(
                msgspec.structs.replace(self._line(tenant, order_id, line), artwork=mapped.get(line.sku))
                for line in order.lines
            )
        except KeyDestroyed:
            raise NothingToDo("The order's personal data was erased; it is not taken in again.") from None
        snapshot = StoreOrder(
            store=store,
            external_id=order.external_id,
            order_number=order.order_number,
            placed_at=order.placed_at,
            currency=order.currency,
            total_minor=order.total_minor,
            priority=order.priority,
            recipient=recipient,
            recipient_digest=self._digest(tenant, "recipient", order.recipient),
            country=order.recipient.country,
            region=personal.region_of(order.recipient),
            postal_prefix=personal.postal_prefix_of(order.recipient),
            lines=lines,
            payment_pending=order.payment_pending,
            address_missing=not order.recipient.is_deliverable(),
            cancelled=order.cancelled,
            policy=store_options(connection).policy,
        )
        return order_id, ObserveStoreOrder(order=snapshot, store_updated_at=order.updated_at)

    def _line(self, tenant: str, order_id: str, line: ReadLine) -> OrderedLine:
        vault, line_id = self._vault, line.line_id
        seal = personal.seal_text
        return OrderedLine(
            line_id=line_id,
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            unit_price_minor=line.unit_price_minor,
            contents=tuple(sealed_area(vault, tenant, order_id, line_id, area) for area in line.areas),
            instructions=seal(vault, tenant, order_id, personal.instructions_field(line_id), line.instructions),
            content_digest=self._digest(tenant, "line", (line.sku, line.quantity, line.areas, line.instructions)),
            printed_digest=self._digest(tenant, "printed", (line.sku, line.areas)),
        )

    def _digest(self, tenant: str, purpose: str, content: Any) -> str:
        return self._vault.digest(tenant, purpose, msgspec.json.encode(content))

"""Gradual roll-out of a new template version: which share of tenants or orders gets it, decided by a hash.

A pure function of its inputs: the same order gets the same version on every machine and in every replay. Orders that
were bought keep the version that was chosen then; this only chooses for new ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from events.order.values import LineArtwork

Unit: TypeAlias = Literal["tenant", "order"]


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """Offer `version` to `share_permille` (0 to 1000) of all tenants or orders; the others get `stable_version`."""

    template_id: str
    stable_version: int
    version: int
    share_permille: int
    unit: Unit = "order"


def chosen_version(rollout: Rollout, *, tenant: str, order_id: str) -> int:
    """The version for an order.

    Raising the share only adds tenants or orders: who had the new version keeps it.
    """
    key = tenant if rollout.unit == "tenant" else f"{tenant}\0{order_id}"
    seed = f"{rollout.template_id}\0{rollout.version}\0{key}".encode()
    place = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") % 1000
    return rollout.version if place < rollout.share_permille else rollout.stable_version


def offered_version(rollout: Rollout, tenant: str) -> int:
    """The version that a tenant is shown before there is an order: where orders decide, the stable one."""
    return chosen_version(rollout, tenant=tenant, order_id="") if rollout.unit == "tenant" else rollout.stable_version


def rolled_out(rollouts: Mapping[str, Rollout], artwork: LineArtwork, *, tenant: str, order_id: str) -> LineArtwork:
    """What a line of an order is printed by: its SKU's artwork, in the version that the order is offered.

    Only lines that are mapped to the stable version take part: a SKU that names another version means that one.
    """
    rollout = rollouts.get(artwork.template_id)
    if rollout is None or artwork.template_version != rollout.stable_version:
        return artwork
    version = chosen_version(rollout, tenant=tenant, order_id=order_id)
    return msgspec.structs.replace(artwork, template_version=version)

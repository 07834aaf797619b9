"""Puts together what claims need: the operator's rules, whose terms hold at a partner, and the payment system."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from psycopg_pool import AsyncConnectionPool

from infra.outbound_tables import PostgresGate
from infra.settings import Settings
from infra.vendors import vendors
from processors.claims.refunds import HttpRefunds
from processors.claims.rules import (
    RULES_BYTES_MAX,
    ClaimRules,
    ClaimRulesNotUsable,
    read_claim_rules,
    shipped_claim_rules,
)
from processors.outbound import OutboundClient, OutboundPolicy
from processors.workers.claim import ReviewClaim
from processors.workers.refund import GiveBack

GATEWAY: Final = "refunds"
HOUSE: Final = "house"


def claim_rules(settings: Settings) -> ClaimRules:
    """The operator's own rules where CLAIM_RULES names them, else the shipped ones. Raises ClaimRulesNotUsable."""
    if not settings.claim_rules:
        return shipped_claim_rules()
    path = Path(settings.claim_rules)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(RULES_BYTES_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ClaimRulesNotUsable(f"{path}: {error}. {ClaimRulesNotUsable.__doc__}") from error
    return read_claim_rules(text, str(path))


def review_claim(settings: Settings) -> ReviewClaim:
    """The worker that applies the rules; a house print shop has the terms that an operator gives it as `house`.

    Raises ClaimRulesNotUsable, VendorsInvalid.
    """
    adapters = {partner_id: str(type(setup).__struct_config__.tag) for partner_id, setup in vendors(settings).items()}
    return ReviewClaim(rules=claim_rules(settings), vendor_of=lambda partner_id: adapters.get(partner_id, HOUSE))


def give_back(settings: Settings, pool: AsyncConnectionPool, opened: AsyncExitStack) -> GiveBack:
    """The worker that gives money back; without a payment system it shows each refund to a person."""
    if not settings.refund_base_url:
        return GiveBack(gateway=None)
    headers = {"authorization": f"Bearer {settings.refund_api_key.get_secret_value()}"}
    gate = PostgresGate(pool, GATEWAY)
    client = OutboundClient(GATEWAY, settings.refund_base_url, OutboundPolicy(), headers=headers, gate=gate)
    gateway = HttpRefunds(client)
    opened.push_async_callback(gateway.aclose)
    return GiveBack(gateway=gateway)

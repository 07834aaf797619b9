"""Which rules a tenant's lines are routed by: its own where it has published some, else the shipped ones."""

from __future__ import annotations

from typing import Final, Protocol

import structlog

from processors.routing.judge import Judge
from processors.routing.rules import Rules, RulesNotUsable, read_rules, shipped_rules

log = structlog.get_logger("routing")

#: So many different published rules are kept ready; the rest are read again when they are asked for.
BOOKS_MAX: Final = 1_000


class PublishedRules(Protocol):
    """Reads what tenants have published. May block."""

    def routing_rules(self, tenant: str) -> str:
        """The tenant's rules as JSON; empty where it has none of its own."""
        ...


class Rulebook:
    """Gives each tenant its judge. One for a process; every decision asks anew, so published rules count at once."""

    def __init__(self, published: PublishedRules) -> None:
        self._published = published
        self._judges: dict[str, Judge] = {}

    def judge_for(self, tenant: str) -> Judge:
        """The judge by the rules in force. Rules that this release cannot read leave the shipped ones in force.

        They were checked when they were published; orders must not stand still because a release forgot a field.
        """
        body = self._published.routing_rules(tenant)
        judge = self._judges.get(body)
        if judge is None:
            if len(self._judges) >= BOOKS_MAX:
                self._judges.clear()
            judge = self._judges[body] = Judge(self._read(tenant, body))
        return judge

    @staticmethod
    def _read(tenant: str, body: str) -> Rules:
        if not body:
            return shipped_rules()
        try:
            return read_rules(body, f"the rules that {tenant} has published")
        except RulesNotUsable as error:
            log.error("published routing rules are not usable; the shipped ones count", tenant=tenant, error=str(error))
            return shipped_rules()

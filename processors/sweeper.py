"""Removes from the object store what its lifecycle rules no longer keep. It decides by the rules alone, and removes
nothing that an open order still needs: an order's files go only some time after its end.

Removing is safe to repeat and to interrupt; a sweep that removes nothing changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

DAY_MS: Final = 86_400_000
#: So many keys are decided with one question to the read model, and removed with one request.
BATCH_KEYS: Final = 500
_PART: Final = "[^/]+"
_PLACES: Final = {
    "<order>": "(?P<order>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    "<digest>": "(?P<digest>[0-9a-f]{64})",
    "*": _PART,
}
Days: TypeAlias = int | Literal["forever"]


class SweepRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which objects, and for how many days."""

    name: str
    keys: tuple[str, ...]
    days: Days

    def matcher(self, tenant: str) -> Callable[[str], re.Match[str] | None]:
        """Matches a key of this tenant; the groups `order` and `digest` are those that the pattern names."""
        patterns = [re.compile(_expression(pattern, tenant)) for pattern in self.keys]

        def matched(key: str) -> re.Match[str] | None:
            return next((found for pattern in patterns if (found := pattern.fullmatch(key))), None)

        return matched


def _expression(pattern: str, tenant: str) -> str:
    places = {**_PLACES, "<tenant>": re.escape(tenant)}
    return "/".join(places.get(part) or re.escape(part) for part in pattern.split("/"))


class StoredVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object as the store lists it; `changed_at` in epoch milliseconds. A mark hides the others."""

    key: str
    version_id: str
    size_bytes: int
    changed_at: int
    is_newest: bool
    is_mark: bool = False


class Objects(Protocol):
    """The object store. All calls block."""

    def all_versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Every version below a prefix, keys in order, newest version first."""
        ...

    def remove_versions(self, versions: Sequence[tuple[str, str]]) -> int:
        """Remove these (key, version id) for good; returns how many. Removing what is gone is no error."""
        ...


class Orders(Protocol):
    """What the read model knows of orders. All calls block."""

    def ended_orders(self, tenant: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        """When those of these orders ended that have ended and wait for nobody; epoch milliseconds."""
        ...

    def designs_in_use(self, tenant: str) -> frozenset[str]:
        """The digests of the shared renders that open orders name."""
        ...


class RuleCount(msgspec.Struct, kw_only=True):
    """What a sweep did by one rule. `kept` are those that are old enough by themselves, but that an order needs."""

    looked_at: int = 0
    removed: int = 0
    removed_bytes: int = 0
    kept: int = 0


class SweepReport(msgspec.Struct, kw_only=True):
    """What a sweep did, or with `dry_run` what it would do, by the names of the rules."""

    dry_run: bool
    by_rule: dict[str, RuleCount] = {}
    daily_keys_ended: int = 0
    idempotency_keys_ended: int = 0

    def count(self, rule: str) -> RuleCount:
        """The numbers of one rule."""
        return self.by_rule.setdefault(rule, RuleCount())


NONCURRENT: Final = "versions that are no longer the newest"
UNNAMED: Final = "kept, because no rule names them"


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Applies the rules to a tenant's objects. `noncurrent_days` is None where the store itself sees to those."""

    objects: Objects
    orders: Orders
    rules: Sequence[SweepRule]
    noncurrent_days: int | None

    def sweep(self, tenant: str, now: int, report: SweepReport) -> None:
        """Look at every object of the tenant, remove what is due, and add to the report. Blocks."""
        matchers = [(rule, rule.matcher(tenant)) for rule in self.rules]
        limited = any("<digest>" in key and rule.days != "forever" for rule in self.rules for key in rule.keys)
        in_use = self.orders.designs_in_use(tenant) if limited else frozenset()
        for batch in _batches(self.objects.all_versions(f"{tenant}/")):
            named = [(group, *_rule_of(group[0].key, matchers)) for group in batch]
            order_ids = sorted({place.order for _, _, place in named if place.order})
            ended = self.orders.ended_orders(tenant, order_ids) if order_ids else {}
            due: list[StoredVersion] = []
            for group, rule, place in named:
                needed = (place.order and place.order not in ended) or place.digest in in_use
                start = ended.get(place.order, 0)
                due += self._due(group, rule, start=start, is_needed=bool(needed), now=now, report=report)
            if due and not report.dry_run:
                self.objects.remove_versions([(version.key, version.version_id) for version in due])

    def _due(
        self,
        group: Sequence[StoredVersion],
        rule: SweepRule | None,
        *,
        start: int,
        is_needed: bool,
        now: int,
        report: SweepReport,
    ) -> Iterator[StoredVersion]:
        """The versions of one key that are to go, newest first; `start` is when its order ended."""
        newer_at: int | None = None
        for version in group:
            if version.is_newest and not version.is_mark:
                name = rule.name if rule else UNNAMED
                days = rule.days if rule else "forever"
                since = max(version.changed_at, start)
            else:
                name, days = NONCURRENT, "forever" if self.noncurrent_days is None else self.noncurrent_days
                # A mark that covers nothing any more has no newer version: it counts from itself.
                since = newer_at if newer_at is not None else version.changed_at
            newer_at = version.changed_at
            count = report.count(name)
            count.looked_at += 1
            if days == "forever" or since + days * DAY_MS > now:
                continue
            if is_needed:
                count.kept += 1
                continue
            count.removed += 1
            count.removed_bytes += version.size_bytes
            yield version


class _Place(msgspec.Struct, frozen=True):
    """The order and the digest that a key names; empty where it names none."""

    order: str = ""
    digest: str = ""


def _rule_of(
    key: str, matchers: Iterable[tuple[SweepRule, Callable[[str], re.Match[str] | None]]]
) -> tuple[SweepRule | None, _Place]:
    for rule, matched in matchers:
        found = matched(key)
        if found is not None:
            places = found.groupdict()
            return rule, _Place(places.get("order") or "", places.get("digest") or "")
    return None, _Place(_order_of(key))


def _order_of(key: str) -> str:
    """The order in whose folder an object lies that no rule names: its older versions are the order's too."""
    parts = key.split("/")
    return parts[1] if len(parts) > 2 and re.fullmatch(_PLACES["<order>"], parts[1]) else ""


def _batches(versions: Iterable[StoredVersion]) -> Iterator[list[list[StoredVersion]]]:
    """The versions of so many keys at a time, each key's together."""
    batch: list[list[StoredVersion]] = []
    for _, group in groupby(versions, key=lambda version: version.key):
        batch.append(list(group))
        if len(batch) == BATCH_KEYS:
            yield batch
            batch = []
    if batch:
        yield batch

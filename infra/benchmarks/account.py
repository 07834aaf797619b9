"""The account from outside of what became of each order and effect, made of other people's books alone.

What was sent is compared with the presses' jobs, the carriers' labels, the bucket's versions and the mails that went
out. No word is taken from the ledger but how the orders ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from infra.benchmarks.desks import labels_wrong

#: A job that ends so became no goods, although its press had begun: it jammed, or was stopped.
SPOILED: Final = frozenset({"failed", "cancelled"})


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody outside has written down.

    `jobs` are the rows of the presses' books, `labels` those of the carriers', `versions` the keys of all objects,
    each as often as it has versions, `mails` the message ids of all mails that went out.
    """

    jobs: Sequence[Mapping[str, Any]]
    labels: Sequence[Mapping[str, Any]]
    versions: Iterable[str]
    mails: Iterable[str]


class Account(msgspec.Struct, kw_only=True):
    """What was sent and what became of it. All lists name what is wrong, and are empty where nothing is.

    `crashes` are ends of processes that nobody killed: each was started again, and should not have been needed.
    """

    orders: int
    kills: dict[str, int]
    crashes: list[str]
    seconds: float
    statuses: dict[str, int]
    lost_orders: list[str]
    units_not_printed_once: list[str]
    submissions_accepted_twice: list[str]
    labels_not_bought_once: list[str]
    objects_with_versions: list[str]
    mails_sent_twice: list[str]
    verify: dict[str, Any]
    audit: dict[str, Any]

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong, in words."""
        wrong = [f"{name}: {len(found)}, first {found[0]}" for name, found in self._lists().items() if found]
        wrong += [f"{name}: {told}" for name, told in (("verify", self.verify), ("audit", self.audit)) if _bad(told)]
        return wrong

    def _lists(self) -> dict[str, list[str]]:
        return {name: getattr(self, name) for name in self.__struct_fields__ if isinstance(getattr(self, name), list)}


def _bad(told: dict[str, Any]) -> bool:
    return bool(told.get("violations"))


def wrong_in(books: Books, sent: Sequence[str], statuses: Mapping[str, str]) -> dict[str, list[str]]:
    """The lists of an `Account` where each of the orders that were sent is one piece in one parcel that arrives.

    `statuses` are the orders' last ones by id; an order of which nothing is known is lost.
    """
    printed = [job for job in books.jobs if job["prints"]]
    goods = [job for job in printed if job["status"] not in SPOILED]
    ends = {one: statuses.get(one, "unknown") for one in sent}
    return {
        "lost_orders": [f"{one}: {status}" for one, status in ends.items() if status != "delivered"],
        "units_not_printed_once": [f"{len(goods)} jobs became goods for {len(sent)} orders"] * (len(goods) != len(sent))
        + [job["external_id"] for job in printed if job["prints"] != job["quantity"]],
        "submissions_accepted_twice": _twice(job["external_id"] for job in books.jobs),
        "labels_not_bought_once": labels_wrong(books.labels, len(sent)),
        "objects_with_versions": _twice(books.versions),
        "mails_sent_twice": _twice(books.mails),
    }


def _twice(found: Iterable[str]) -> list[str]:
    return [one for one, count in Counter(found).items() if count > 1]

"""What a sweep removes: by age, never what an open order needs, and nothing at all on a dry run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pytest

from infra.lifecycle import Lifecycle, lifecycle
from processors.sweeper import (
    BATCH_KEYS,
    DAY_MS,
    NONCURRENT,
    UNNAMED,
    StoredVersion,
    Sweeper,
    SweepReport,
    SweepRule,
)

NOW = 1_000 * DAY_MS
ENDED, OPEN = "0c4b5f6e-1111-5111-8111-111111111111", "0c4b5f6e-2222-5222-8222-222222222222"
USED, UNUSED = "a" * 64, "b" * 64
RULES = (
    SweepRule(name="proofs", keys=("<tenant>/<order>/*/*/*/proof.webp",), days=30),
    SweepRule(name="labels", keys=("<tenant>/<order>/labels/*",), days=90),
    SweepRule(name="shared", keys=("<tenant>/designs/rendered/<digest>/*",), days=30),
)


class Listing:
    """A prepared listing that notes what was removed."""

    def __init__(self, *versions: StoredVersion) -> None:
        self.versions = versions
        self.removed: list[tuple[str, str]] = []

    def all_versions(self, prefix: str) -> Iterator[StoredVersion]:
        return iter([version for version in self.versions if version.key.startswith(prefix)])

    def remove_versions(self, versions: Sequence[tuple[str, str]]) -> int:
        self.removed += versions
        return len(versions)


class Known:
    """One order that ended 40 days ago, one that is open and uses a shared render."""

    def __init__(self, ended_at: int = NOW - 40 * DAY_MS) -> None:
        self.ended_at = ended_at
        self.asked: list[list[str]] = []

    def ended_orders(self, tenant: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(order_ids))
        return {ENDED: self.ended_at} if ENDED in order_ids else {}

    def designs_in_use(self, tenant: str) -> frozenset[str]:
        return frozenset({USED})


def version(
    key: str, days_old: float = 500, *, number: int = 1, newest: bool = True, mark: bool = False
) -> StoredVersion:
    return StoredVersion(
        key=key,
        version_id=str(number),
        size_bytes=0 if mark else 10,
        changed_at=NOW - round(days_old * DAY_MS),
        is_newest=newest,
        is_mark=mark,
    )


def swept(
    *versions: StoredVersion, known: Known | None = None, dry_run: bool = False, noncurrent_days: int | None = 30
) -> tuple[list[str], SweepReport]:
    listing, report = Listing(*versions), SweepReport(dry_run=dry_run)
    sweeper = Sweeper(objects=listing, orders=known or Known(), rules=RULES, noncurrent_days=noncurrent_days)
    sweeper.sweep("demo", NOW, report)
    return [f"{key}#{number}" for key, number in listing.removed], report


def proof(order: str) -> str:
    return f"demo/{order}/1/front/v1/proof.webp"


def test_a_file_goes_so_many_days_after_the_end_of_its_order() -> None:
    assert swept(version(proof(ENDED)))[0] == [f"{proof(ENDED)}#1"]
    assert swept(version(proof(ENDED)), known=Known(NOW - 30 * DAY_MS))[0] == [f"{proof(ENDED)}#1"]
    assert swept(version(proof(ENDED)), known=Known(NOW - 30 * DAY_MS + 1))[0] == []


def test_a_file_that_was_written_after_the_end_counts_from_then() -> None:
    assert swept(version(proof(ENDED), 29.9))[0] == []
    assert swept(version(proof(ENDED), 30))[0] == [f"{proof(ENDED)}#1"]


def test_what_an_open_or_an_unknown_order_needs_is_kept_and_counted() -> None:
    removed, report = swept(version(proof(OPEN)), version(f"demo/{OPEN}/labels/x.pdf"))
    assert removed == []
    assert (report.by_rule["proofs"].kept, report.by_rule["labels"].kept) == (1, 1)


def test_each_rule_has_its_own_days() -> None:
    assert swept(version(f"demo/{ENDED}/labels/x.pdf"))[0] == []
    assert swept(version(f"demo/{ENDED}/labels/x.pdf"), known=Known(NOW - 90 * DAY_MS))[0] != []


def test_what_no_rule_names_is_kept() -> None:
    removed, report = swept(version("demo/designs/x"), version(f"demo/{ENDED}/other"))
    assert removed == []
    assert report.by_rule[UNNAMED].looked_at == 2


def test_a_shared_render_is_kept_while_an_open_order_names_it() -> None:
    keys = [f"demo/designs/rendered/{digest}/print.png" for digest in (USED, UNUSED)]
    removed, report = swept(*map(version, keys))
    assert removed == [f"{keys[1]}#1"]
    assert report.by_rule["shared"].kept == 1


def test_an_older_version_goes_so_many_days_after_a_newer_one_came() -> None:
    key = "demo/designs/x"
    newer, older = version(key, 31, number=2), version(key, 400, newest=False)
    assert swept(newer, older)[0] == [f"{key}#1"]
    assert swept(msgspec.structs.replace(newer, changed_at=NOW - 29 * DAY_MS), older)[0] == []


def test_an_older_version_of_an_open_order_is_kept() -> None:
    key = f"demo/{OPEN}/1/front/v1/print.png"
    removed, report = swept(version(key, 31, number=2), version(key, 400, newest=False))
    assert removed == []
    assert report.by_rule[NONCURRENT].kept == 1


def test_a_mark_of_deletion_goes_with_what_it_covered() -> None:
    key = "demo/designs/x"
    assert swept(version(key, 31, number=2, mark=True), version(key, 400, newest=False))[0] == [f"{key}#2", f"{key}#1"]
    assert swept(version(key, 2, number=2, mark=True), version(key, 400, newest=False))[0] == []


def test_older_versions_are_left_alone_where_the_store_sees_to_them() -> None:
    key = "demo/designs/x"
    assert swept(version(key, 31, number=2), version(key, 400, newest=False), noncurrent_days=None)[0] == []


def test_a_dry_run_counts_and_removes_nothing() -> None:
    removed, report = swept(version(proof(ENDED)), dry_run=True)
    assert removed == []
    assert (report.by_rule["proofs"].removed, report.by_rule["proofs"].removed_bytes) == (1, 10)


def test_many_keys_are_asked_for_together() -> None:
    known = Known()
    keys = [f"demo/{ENDED}/{line}/front/v1/proof.webp" for line in range(BATCH_KEYS + 1)]
    removed, _ = swept(*map(version, sorted(keys)), known=known)
    assert len(removed) == BATCH_KEYS + 1
    assert known.asked == [[ENDED], [ENDED]]


def test_another_tenants_files_are_not_looked_at() -> None:
    _, report = swept(version(f"demo2/{ENDED}/1/front/v1/proof.webp"), version("shared/template-art/x"))
    assert report.by_rule == {}


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (f"acme/{ENDED}/1/front/original/{'c' * 32}", "originals"),
        (f"acme/{ENDED}/1/upload/{USED}", "originals"),
        (f"acme/{ENDED}/x00/back/v3-deadbeef/print.png", "print files"),
        (f"acme/{ENDED}/1/front/v1/print.pdf", "print files"),
        (f"acme/{ENDED}/1/front/v1/proof.webp", "proofs"),
        (f"acme/{ENDED}/1/front/v1/mockup.webp", "mock-ups"),
        (f"acme/{ENDED}/1/inspection/{'c' * 32}-0-difference", "photographs of prints"),
        (f"acme/{ENDED}/labels/{'c' * 32}.png", "labels"),
        (f"acme/{ENDED}/claims/picture/{USED}", "pictures of claims"),
        (f"acme/{ENDED}/sheets/sheet-001.pdf", "gang sheets"),
        (f"acme/designs/rendered/{USED}/print.png", "renders of the stores' own designs"),
        (f"acme/designs/{USED}", ""),
        (f"shared/template-art/{USED}", ""),
        ("acme/not-an-order/1/front/v1/proof.webp", ""),
    ],
)
def test_every_object_that_workers_write_has_its_rule(key: str, rule: str) -> None:
    matching = [one.name for one in lifecycle().rules if one.matcher("acme")(key)]
    assert matching == ([rule] if rule else [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": [{"name": "x", "keys": ["demo/*"], "days": 3}]},
        {"rules": [{"name": "x", "keys": ["<tenant>/*"], "days": 0}]},
        {"rules": [{"name": "x", "keys": [], "days": 3}]},
        {"rules": [{"name": "x", "keys": ["<tenant>/*"], "days": "never"}]},
        {"rules": [{"name": "x", "keys": ["<tenant>/*"], "days": 3}] * 2},
        {"noncurrent_days": 0},
    ],
)
def test_a_list_that_would_remove_too_much_is_refused(wrong: dict[str, object]) -> None:
    good = {"rules": [], "noncurrent_days": 30, "idempotency_key_days": 30}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good | wrong, Lifecycle)

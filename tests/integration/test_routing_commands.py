"""`printledger routing` and `printledger simulate routing` as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from infra import postgres
from infra.cli import build
from infra.settings import Settings
from processors.routing.judge import Judge
from processors.routing.rules import canonical, read_rules, shipped_rules, shipped_text
from tests.unit.routing.test_propose import JUNE
from tests.unit.routing.test_replay import FAR, NEAR, decided

pytestmark = pytest.mark.stack

NEARER = (
    shipped_text().replace("version: shipped-2", "version: nearer-1").replace("per_1000_km: 20", "per_1000_km: 900")
)


def typed(stack: Settings, *arguments: str) -> Result:
    """The command with the stack's data folder."""
    return CliRunner().invoke(build(arguments), [*arguments, "--data", str(stack.data_dir)])


@pytest.fixture
def tenant(stack: Settings, unique: str) -> Iterator[str]:
    """A tenant of whom two decisions are known, a day apart."""
    encode = msgspec.msgpack.encode
    with postgres.connect(stack.database_url) as connection:
        for number in range(2):
            decision = decided(f"{unique}-{number}", NEAR, FAR, at=JUNE + number * 86_400_000)
            row = (unique, decision.order_id, encode(decision.request), encode(decision.candidates))
            connection.execute(
                "INSERT INTO routing_decisions VALUES (%s, %s, '1', 1, %s, %s, %s, %s)",
                (*row, decision.partner_id, decision.decided_at),
            )
    yield unique
    with postgres.connect(stack.database_url) as connection:
        connection.execute("DELETE FROM routing_decisions WHERE tenant = %s", (unique,))
        connection.execute("DELETE FROM catalogue_routing_rules WHERE tenant = %s", (unique,))


@pytest.fixture
def nearer(tmp_path: Path) -> str:
    """A file of rules that find distance dear."""
    file = tmp_path / "nearer.yaml"
    file.write_text(NEARER, encoding="utf-8")
    return str(file)


def test_other_rules_are_tried_and_the_difference_is_printed_and_drawn(
    stack: Settings, tenant: str, nearer: str, tmp_path: Path
) -> None:
    chart = tmp_path / "difference.svg"
    common = ("simulate", "routing", "--rules", nearer, "--tenant", tenant, "--chart", str(chart))

    shown = typed(stack, *common)
    counted = json.loads(typed(stack, *common, "--json").stdout)

    assert shown.exit_code == 0, shown.output
    assert "2 of 2 decisions differ" in shown.output
    assert (counted["decisions"], counted["changed"]) == (2, 2)
    assert counted["after"]["cost_minor"] > counted["before"]["cost_minor"]
    assert counted["rule_version"] == Judge(read_rules(NEARER)).version
    assert counted["decisions_per_second"] > 0
    assert chart.read_text(encoding="utf-8").startswith("<svg")


def test_only_the_time_that_is_asked_for_is_tried(stack: Settings, tenant: str, nearer: str, tmp_path: Path) -> None:
    common = (
        "simulate",
        "routing",
        "--rules",
        nearer,
        "--tenant",
        tenant,
        "--chart",
        str(tmp_path / "c.svg"),
        "--json",
    )

    assert json.loads(typed(stack, *common, "--from", "2026-06-04").stdout)["decisions"] == 1
    assert json.loads(typed(stack, *common, "--to", "2026-06-03T12:00+02:00").stdout)["decisions"] == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--from", "yesterday"), "a date such as 2026-06-01"),
        (("--from", "2026-06-02", "--to", "2026-06-01"), "must come after"),
        (("--from", "2031-01-01"), "No line of this tenant was routed"),
    ],
)
def test_what_cannot_be_tried_is_told_by_name(
    stack: Settings, tenant: str, nearer: str, options: tuple[str, ...], told: str
) -> None:
    refused = typed(stack, "simulate", "routing", "--rules", nearer, "--tenant", tenant, *options)

    assert refused.exit_code == 1
    assert told in str(refused.exception)


def test_a_rules_file_that_is_none_is_refused_with_the_place(stack: Settings, tenant: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: x\ncurrency: USD\nstandard: {promise_days: soon}\n", encoding="utf-8")

    for arguments in (("simulate", "routing", "--rules", str(file)), ("routing", "publish", str(file))):
        refused = typed(stack, *arguments, "--tenant", tenant)
        assert refused.exit_code == 1
        assert "$.standard.promise_days" in str(refused.exception)


def test_the_shipped_rules_are_in_force_until_a_tenant_has_its_own_and_can_be_printed_and_read_again(
    stack: Settings, tenant: str
) -> None:
    assert typed(stack, "routing", "rules", "--tenant", tenant).stdout == shipped_text()

    own = read_rules(NEARER)
    with postgres.connect(stack.database_url) as connection:
        connection.execute(
            "INSERT INTO catalogue_routing_rules VALUES (%s, %s, %s, 1)", (tenant, own.version, canonical(own).decode())
        )

    assert read_rules(typed(stack, "routing", "rules", "--tenant", tenant).stdout) == own
    assert read_rules(typed(stack, "routing", "rules", "--shipped").stdout) == shipped_rules()


def test_published_rules_are_sent_under_their_version(stack: Settings, tenant: str, nearer: str) -> None:
    published = typed(stack, "routing", "publish", nearer, "--tenant", tenant, "--json")

    assert published.exit_code == 0, published.output
    assert json.loads(published.stdout)["rule_version"] == Judge(read_rules(NEARER)).version

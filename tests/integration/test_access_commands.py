"""`printledger key` and `printledger store` as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra import intake, postgres
from infra.cli import build
from infra.settings import Settings

pytestmark = pytest.mark.stack


def typed(stack: Settings, *arguments: str, text: str | None = None) -> Result:
    """The command with the stack's data folder."""
    return CliRunner().invoke(build(arguments), [*arguments, "--data", str(stack.data_dir)], input=text)


def test_a_key_is_shown_once_works_and_is_revoked(stack: Settings) -> None:
    made = typed(stack, "key", "create", "tests", "--scope", "orders:read", "--days", "1", "--json")
    assert made.exit_code == 0, made.output
    presented = json.loads(made.stdout)["key"]
    with postgres.pool(stack.database_app_url, stack, name="tests") as pool:
        found = intake.api_keys(stack, pool).authenticate(presented)
        assert found is not None
        assert (found.tenant, found.scopes) == (stack.tenants[0], frozenset({"orders:read"}))
        assert typed(stack, "key", "revoke", found.prefix).exit_code == 0
        assert intake.api_keys(stack, pool).authenticate(presented) is None
        again = typed(stack, "key", "revoke", found.prefix)
    assert again.exit_code == 1
    assert "no living key" in str(again.exception)


def test_a_key_with_a_scope_that_does_not_exist_is_refused(stack: Settings) -> None:
    refused = typed(stack, "key", "create", "tests", "--scope", "everything")
    assert refused.exit_code == 1
    assert "orders:read" in str(refused.exception)


def test_a_store_is_connected_with_its_secret_and_options(stack: Settings, tmp_path: Path, unique: str) -> None:
    options = tmp_path / "options.json"
    options.write_text('{"policy": {"approval": "when_clean"}, "shopify": {"print_test_orders": true}}')
    arguments = ("store", "connect", unique, "--platform", "shopify", "--options", str(options))
    connected = typed(stack, *arguments, "--secret", "-", text="hush\n")
    assert connected.exit_code == 0, connected.output
    assert f"/webhooks/shopify/{unique}" in connected.output
    with postgres.pool(stack.database_app_url, stack, name="tests") as pool:
        found = intake.stores(stack, pool).find(unique)
    assert found is not None
    assert found.secret == b"hush"
    assert found.options["policy"] == {"approval": "when_clean"}


def test_a_store_whose_secret_changes_keeps_its_options(stack: Settings, tmp_path: Path, unique: str) -> None:
    options = tmp_path / "options.json"
    options.write_text('{"policy": {"approval": "when_clean"}, "shopify": {"print_test_orders": true}}')
    again = ("store", "connect", unique, "--platform", "shopify", "--secret", "-")
    assert typed(stack, *again, "--options", str(options), text="hush\n").exit_code == 0
    assert typed(stack, *again, text="other\n").exit_code == 0
    with postgres.pool(stack.database_app_url, stack, name="tests") as pool:
        found = intake.stores(stack, pool).find(unique)
    assert found is not None
    assert found.secret == b"other"
    assert found.options == {"policy": {"approval": "when_clean"}, "shopify": {"print_test_orders": True}}


def test_a_platform_that_is_not_known_is_refused_with_those_that_are(stack: Settings, unique: str) -> None:
    refused = typed(stack, "store", "connect", unique, "--platform", "foo")
    assert refused.exit_code == 1
    assert "foo: " in str(refused.exception)
    assert "shopify, kafka, rest" in str(refused.exception)


@pytest.mark.parametrize(
    ("content", "says"),
    [("{", "JSON object"), ("[]", "JSON object"), ('{"policy": {"attempts_max": "x"}}', "attempts_max")],
)
def test_options_that_cannot_be_read_are_refused_before_anything_is_changed(
    stack: Settings, tmp_path: Path, unique: str, content: str, says: str
) -> None:
    options = tmp_path / "options.json"
    options.write_text(content)
    refused = typed(stack, "store", "connect", unique, "--platform", "rest", "--options", str(options))
    assert refused.exit_code == 1
    assert says in str(refused.exception)
    with postgres.pool(stack.database_app_url, stack, name="tests") as pool:
        assert intake.stores(stack, pool).find(unique) is None


@pytest.mark.parametrize("text", ["", "\n", "x" * 5000])
def test_a_secret_that_is_none_is_refused(stack: Settings, unique: str, text: str) -> None:
    refused = typed(stack, "store", "connect", unique, "--platform", "shopify", "--secret", "-", text=text)
    assert refused.exit_code == 1
    assert "4096" in str(refused.exception)

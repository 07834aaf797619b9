"""What `printledger` says where a part of the system is away or a file cannot be used: what to do, and exit code 1."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException

from infra import bootstrap, lock, outages, postgres
from infra.cli import main
from infra.commands import proof
from infra.commands.preview import KEY_SETTING
from infra.kafka import KafkaUnreachable
from infra.ports import free_ports
from infra.postgres import DatabaseUnreachable
from infra.settings import ensure_secrets, prepare_test
from infra.system_state import STATUS, SystemState
from processors.ports import NamedError
from tests.unit.artwork.pictures import encoded, noisy

Told = Callable[..., str]
ORDER_ID = "0190b6f2-6a1c-7e3a-9f00-000000000001"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Types `printledger` in the test's data folder; what standard error has once it ended with exit code 1."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def type_it(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["printledger", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 1, said
        assert "Traceback" not in said
        return said

    return type_it


@pytest.fixture
def everything_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder whose parts are all elsewhere, where nobody listens."""
    ensure_secrets(tmp_path)
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    for name in ("DATABASE_URL", "DATABASE_APP_URL"):
        monkeypatch.setenv(name, f"postgresql://{name.lower()}@{address}/printledger")
    for name in ("SCHEMA_REGISTRY_URL", "S3_ENDPOINT_URL", "PUBLIC_BASE_URL"):
        monkeypatch.setenv(name, f"http://{address}")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    monkeypatch.setenv("SMTP_URL", f"smtp://{address}")
    monkeypatch.setenv(KEY_SETTING, "pl_000000000000_" + "x" * 43)
    for module, name in (
        (postgres, "POOL_WAIT_SECONDS"),
        (bootstrap, "BROKER_SECONDS"),
        (proof, "BROKER_SECONDS"),
    ):
        monkeypatch.setattr(module, name, 0.2)


@pytest.mark.usefixtures("everything_is_away")
@pytest.mark.parametrize(
    "arguments",
    [
        ("orders",),
        ("timeline", ORDER_ID),
        ("scorecards",),
        ("claim", "list"),
        ("partner", "list"),
        ("batch", "list"),
        ("routing", "rules"),
        ("inspections", "report"),
        ("sku", "map", "TEE", "tee-white-m", "--store", "acme"),
        ("key", "revoke", "000000000000"),
        ("sweep",),
    ],
    ids=" ".join,
)
def test_a_command_whose_database_is_away_says_how_to_start_or_find_it(told: Told, arguments: tuple[str, ...]) -> None:
    assert "Start the stack with `printledger up`, or mend DATABASE_URL" in told(*arguments)


@pytest.mark.usefixtures("everything_is_away")
@pytest.mark.parametrize("arguments", [("verify",), ("audit",), ("dlq", "list")], ids=" ".join)
def test_a_command_whose_broker_is_away_says_how_to_start_or_find_it(told: Told, arguments: tuple[str, ...]) -> None:
    assert "Run `printledger up`, or mend KAFKA_BOOTSTRAP_SERVERS" in told(*arguments)


def test_the_demo_is_not_played_on_a_system_that_runs_in_production(told: Told, tmp_path: Path) -> None:
    # given
    state = SystemState(
        state="running",
        pid=os.getpid(),
        profile="production",
        data_dir=str(tmp_path),
        started_at=0,
        addresses={},
        processes=[],
    )
    (tmp_path / STATUS).write_bytes(msgspec.json.encode(state))
    # when
    with lock.held(tmp_path):
        said = told("demo", "--ci")
    # then
    assert f"{tmp_path}, profile production: What runs in this folder is no demo system" in said
    assert "Name another folder with --data" in said


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (psycopg.errors.AdminShutdown(), DatabaseUnreachable),
        (KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN)), KafkaUnreachable),
    ],
)
def test_a_part_that_goes_away_in_the_middle_is_told_like_one_that_never_was_there(
    raised: Exception, told: type[NamedError]
) -> None:
    assert isinstance(outages.named(raised), told)


@pytest.mark.parametrize(
    "raised",
    [
        psycopg.errors.QueryCanceled(),
        psycopg.errors.UndefinedTable(),
        KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)),
        OSError(),
    ],
    ids=repr,
)
def test_an_error_of_a_part_that_answers_is_not_told_as_an_outage(raised: Exception) -> None:
    assert outages.named(raised) is None


@pytest.mark.usefixtures("everything_is_away")
def test_a_preview_while_the_api_is_away_says_where_nothing_answers_and_where_to_look(
    told: Told, tmp_path: Path
) -> None:
    said = told("preview", "mug-11oz-white", "--out", str(tmp_path / "mug.webp"))
    assert "http://127.0.0.1:" in said
    assert "Look at `printledger status`" in said


def test_an_inspection_report_of_a_folder_in_which_nothing_runs_says_so_at_once(told: Told, tmp_path: Path) -> None:
    prepare_test(tmp_path)
    assert "Start it with `printledger up`" in told("inspections", "report")


@pytest.mark.usefixtures("everything_is_away")
def test_a_cursor_that_no_page_gave_is_refused_in_words(told: Told) -> None:
    assert "Ask for the first page again" in told("orders", "--cursor", "x")


@pytest.mark.usefixtures("everything_is_away")
@pytest.mark.parametrize("option", ["--secret", "--options"])
def test_a_store_is_not_connected_with_a_folder_for_a_file(told: Told, tmp_path: Path, option: str) -> None:
    said = told("store", "connect", "acme", "--platform", "shopify", option, str(tmp_path))
    assert f"{tmp_path}: Is a directory" in said
    assert "Name a file that is there" in said


@pytest.mark.usefixtures("everything_is_away")
def test_a_store_is_not_connected_with_a_secret_from_a_file_that_is_not_there(told: Told, tmp_path: Path) -> None:
    missing = tmp_path / "secret"
    said = told("store", "connect", "acme", "--platform", "shopify", "--secret", str(missing))
    assert f"{missing}: No such file" in said


def test_a_picture_for_a_folder_that_is_not_there_is_refused_with_the_name_that_was_given(
    told: Told, tmp_path: Path
) -> None:
    picture, out = tmp_path / "print.png", tmp_path / "missing" / "difference.webp"
    picture.write_bytes(encoded(noisy(400, 400)))
    said = told("inspections", "compare", str(picture), str(picture), "--out", str(out))
    assert f"{out}: No such file or directory" in said
    assert "Name a file in a folder that is there" in said

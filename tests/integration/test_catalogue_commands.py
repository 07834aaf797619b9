"""`printledger catalogue` as an operator types it, on a database of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra import postgres
from infra.cli import build
from infra.files import FileNotWritten
from infra.settings import Settings
from processors.catalogue.table import write_table
from projections.model import Topics
from projections.models import read_models
from projections.schema import create_missing
from tests.unit.catalogue.test_catalogue import OFFER, PARTNER, PRODUCT

pytestmark = pytest.mark.stack


@pytest.fixture
def typed(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Typed:
    with postgres.connect(database_url) as connection:
        create_missing(connection, tuple(read_models(Topics()).values()))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATABASE_APP_URL", settings.database_app_url)
    return Typed(settings.data_dir)


class Typed:
    """Commands with a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> Result:
        words = ("catalogue", *arguments)
        return CliRunner().invoke(build(words), [*words, "--data", str(self.folder)])


def test_a_dry_run_says_what_would_be_added_and_leaves_the_catalogue_empty(typed: Typed, tmp_path: Path) -> None:
    # given
    file, copy = tmp_path / "catalogue.csv", tmp_path / "copy.csv"
    file.write_bytes(write_table((PRODUCT, PARTNER, OFFER)))
    # when
    done = typed("import", str(file), "--dry-run", "--json")
    # then
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["counts"] == {"added": 3, "changed": 0, "unchanged": 0, "refused": 0}
    assert [row["line"] for row in told["rows"]] == [2, 3, 4]
    assert typed("export", str(copy)).exit_code == 0
    assert copy.read_bytes() == write_table([])


def test_an_export_into_a_folder_that_is_not_there_names_the_file_that_was_asked_for(
    typed: Typed, tmp_path: Path
) -> None:
    file = tmp_path / "missing" / "catalogue.csv"
    refused = typed("export", str(file))
    assert refused.exit_code == 1
    assert isinstance(refused.exception, FileNotWritten)
    assert f"{file}: No such file or directory" in str(refused.exception)


def test_a_table_with_a_fault_is_refused_whole_with_line_and_column(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.csv"
    file.write_bytes(write_table((PRODUCT, PARTNER, OFFER)).replace(b"EUR", b"euros"))
    done = typed("import", str(file))
    assert done.exit_code == 1
    assert "line 4, column currency: give an ISO 4217 code such as EUR" in str(done.exception)
    assert "Nothing was imported" in str(done.exception)


def test_a_row_that_names_what_nobody_described_refuses_the_whole_table(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.csv"
    file.write_bytes(write_table((PRODUCT, OFFER)))
    done = typed("import", str(file))
    assert done.exit_code == 1
    assert "nobody knows the partner press-east" in done.output


def test_an_empty_catalogue_has_nothing_wrong_with_it(typed: Typed) -> None:
    done = typed("exceptions")
    assert done.exit_code == 0, done.output
    assert "Nothing is wrong." in done.output

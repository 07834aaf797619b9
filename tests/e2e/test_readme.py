"""The README keeps its word: its commands run in their order, and its table of settings is the one of the code."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from infra.ports import free_ports
from infra.settings import DEFAULT_PORTS, Settings

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
THIS_RUN = "make test\n"


def test_the_readme_shows_the_two_commands_first() -> None:
    assert BLOCKS[:2] == ["make demo\n", THIS_RUN]


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_every_block_of_the_readme_runs_in_its_order(tmp_path: Path) -> None:
    """Given free ports and an empty folder, the blocks do what they say; `make test` is what runs here."""
    ports = zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True)
    environment = {
        **os.environ,
        "PATH": f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "DATA_DIR": str(tmp_path / "data"),
        "CI": "1",
        **{name.upper(): str(port) for name, port in ports},
    }
    script = "\n".join(["set -euxo pipefail", *(block for block in BLOCKS if block != THIS_RUN)])
    try:
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1_740,
            check=False,
        )
    finally:
        subprocess.run(
            ["printledger", "down"], cwd=PROJECT, env=environment, capture_output=True, timeout=60, check=False
        )
    assert ran.returncode == 0, f"{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"


def test_the_table_of_settings_names_every_setting_and_no_other() -> None:
    rows = re.findall(r"^\| (`[A-Z0-9_`, ]+`) \|", README, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}
    # Which parts are embedded follows from the addresses; nobody sets it.
    assert named == {name.upper() for name in Settings.model_fields} - {"EMBEDDED"}

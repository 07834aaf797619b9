"""The application's processes: each does work that its command knows."""

from pathlib import Path

import pytest

from infra.commands.worker import EFFECTS, SERVICES
from infra.processes import app_processes
from infra.settings import prepare


@pytest.mark.parametrize("profile", ["demo", "production"])
def test_every_worker_process_is_started_with_work_that_there_is(tmp_path: Path, profile: str) -> None:
    processes = app_processes(prepare(tmp_path, profile=profile))
    asked = [name for process in processes if process.arguments[0] == "worker" for name in process.arguments[1:]]
    assert sorted(asked) == sorted((*EFFECTS, *SERVICES))

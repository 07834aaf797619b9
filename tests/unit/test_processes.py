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


def test_the_demo_simulates_every_carrier_that_may_sell_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRIERS", "easypost,shippo,shipstation")
    settings = prepare(tmp_path, profile="demo")
    ports = [process.port for process in app_processes(settings) if process.arguments[0] == "simulate"]
    of_carriers = (settings.carrier_simulator_port, settings.shippo_simulator_port, settings.shipstation_simulator_port)
    assert {port: ports.count(port) for port in of_carriers} == dict.fromkeys(of_carriers, 1)


def test_production_simulates_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRIERS", "easypost,shippo")
    processes = app_processes(prepare(tmp_path, profile="production"))
    assert [process for process in processes if process.arguments[0] == "simulate"] == []

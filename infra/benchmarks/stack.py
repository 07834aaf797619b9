"""A stack for one benchmark: Kafka and PostgreSQL in a folder of their own, gone afterwards."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.ports import free_ports
from infra.settings import DEFAULT_PORTS, Settings, prepare
from infra.stack.runner import Stack, default_parts

STOP_SECONDS = 20


@contextmanager
def stack(parts: Sequence[str] = ("kafka", "postgres"), **overrides: Any) -> Iterator[Settings]:
    """Start these parts with the settings of a demonstration (nothing is tuned for speed), and end them."""
    with tempfile.TemporaryDirectory(prefix="printledger-bench-") as folder:
        ports = dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True))
        given: dict[str, Any] = {"profile": "demo", "log_level": "warning"}
        settings = prepare(Path(folder), **(ports | given | overrides))
        running = Stack(settings, [part for part in default_parts(settings) if part.name in parts])
        running.start()
        try:
            yield settings
        finally:
            running.stop()


@contextmanager
def process(settings: Settings, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the system, `printledger ARGUMENTS`, ended with the block; its log is in the data folder."""
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    log = settings.logs_dir / f"{'-'.join(arguments)}.log"
    argv = (sys.executable, "-m", "infra.cli", *arguments, "--data", str(settings.data_dir))
    with log.open("ab") as output:
        child = subprocess.Popen(argv, stdout=output, stderr=output)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def machine() -> dict[str, Any]:
    """Where a figure was measured."""
    return {
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()

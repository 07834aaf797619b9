"""`printledger serve` as a process: it serves, says that it is well, and ends in order when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from infra.ports import free_ports
from infra.settings import Settings
from tests.support import wait_until

pytestmark = pytest.mark.stack

ANSWER_SECONDS_MAX = 30
END_SECONDS_MAX = 30


@pytest.fixture
def server(stack: Settings) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A serving process on a port of its own, and its address."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "serve", "--data", str(stack.data_dir)],
        env={**os.environ, "API_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def test_the_api_serves_and_ends_in_order(server: tuple[subprocess.Popen[str], str]) -> None:
    process, address = server

    def answers(path: str) -> bool:
        try:
            answer = httpx.get(address + path, timeout=ANSWER_SECONDS_MAX)
        except httpx.TransportError:
            return False
        return bool(answer.json() == {"status": "ok", "not_ready": {}})

    wait_until(lambda: answers("/healthz"), 60, "the API is served")
    wait_until(lambda: answers("/readyz"), 60, "database and broker answer it")
    refused = httpx.get(f"{address}/v1/orders", timeout=ANSWER_SECONDS_MAX)
    assert refused.status_code == 401
    assert "server" not in refused.headers

    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=END_SECONDS_MAX)
    assert process.returncode == 0
    assert out == ""

"""What the contract suites need of the network: a simulator process, and a place where webhooks arrive."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec

START_LIMIT_S = 120.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Received(msgspec.Struct, frozen=True):
    """One webhook as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def says(self, document: object) -> bool:
        """Whether it is this JSON document; what comes to the same address from elsewhere need not be JSON at all."""
        try:
            return bool(json.loads(self.body) == document)
        except ValueError:
            return False


class QuietServer(ThreadingHTTPServer):
    """Simulators are killed in the middle of a request by some tests; that is no error of the receiver."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about a connection that its other side broke."""


class Receiver:
    """Takes webhooks and serves files; lets a test wait until what it expects has arrived."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.files: dict[str, bytes] = {}
        #: How many webhooks are still to be answered with 503; see `refuse`.
        self.refusals_left = 0
        self._refused_about = b""
        #: Answers a webhook with an HTTP status where it is set, such as our API behind this address; None passes.
        self.passed_on: Callable[[Received], int | None] | None = None
        self._arrived = threading.Condition()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                came = Received(self.path, dict(self.headers.items()), body)
                said = receiver.passed_on(came) if receiver.passed_on else None
                with receiver._arrived:
                    refused = receiver.refusals_left > 0 and receiver._refused_about in body
                    if refused:
                        receiver.refusals_left -= 1
                    else:
                        receiver.received.append(came)
                        receiver._arrived.notify_all()
                self._answer(503 if refused else said or 204, b"")

            def do_GET(self) -> None:
                content = receiver.files.get(self.path)
                self._answer(404 if content is None else 200, content or b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing: pytest shows what matters."""

        return Handler

    def refuse(self, count: int, about: bytes = b"") -> None:
        """Answer so many of the next webhooks with 503, where something is given only those in which it stands."""
        with self._arrived:
            self.refusals_left, self._refused_about = count, about

    def wait_for(self, found: Callable[[list[Received]], bool], limit_s: float = 60.0) -> list[Received]:
        """All that has arrived, once `found` is true of it."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: found(self.received), limit_s)
            assert arrived, f"not within {limit_s} s; arrived: {[r.body[:300] for r in self.received]}"
            return list(self.received)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class SimulatorProcess:
    """A simulator in a process of its own; it can be killed and started again with the same files."""

    def __init__(self, module: str, config: object, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._module = module
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "config.json"
        self._config.write_bytes(msgspec.json.encode(config))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        log = (self._folder / "simulator.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", self._module),
                    *("--port", str(self.port), "--data", str(self._folder), "--config", str(self._config)),
                ],
                stdout=log,
                stderr=log,
            )
        try:
            wait_for_url(f"{self.url}/control/health", self._died)
        except BaseException:
            self.kill()
            raise

    def _died(self) -> str | None:
        assert self._process is not None
        if self._process.poll() is None:
            return None
        return (self._folder / "simulator.log").read_text()[-2000:]

    def kill(self) -> None:
        """Stop it as a power cut of the process would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
            return
        self.kill()

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Ask the simulator's control desk."""
        content = None if body is None else msgspec.json.encode(body)
        response = httpx.request(method, f"{self.url}/control{path}", content=content, trust_env=False)
        assert response.status_code == 200, response.text
        return response.json()


def wait_for_url(url: str, died: Callable[[], str | None]) -> None:
    """Return when the address answers 200."""
    pause = threading.Event()
    ends_at = time.monotonic() + START_LIMIT_S
    while time.monotonic() < ends_at:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False, timeout=2).status_code == 200:
                return
        reason = died()
        assert reason is None, reason
        pause.wait(0.05)
    raise AssertionError(f"{url} did not answer within {START_LIMIT_S} s")


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()

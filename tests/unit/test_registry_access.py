"""A registry that asks who comes: the name and the password stand in its address, and nowhere else."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.registry import Registry, RegistryAnswer, RegistryUnreachable

EXPECTED = "Basic " + base64.b64encode(b"key:s@cret").decode()


class Door(BaseHTTPRequestHandler):
    """Answers an empty list of subjects to whoever shows the key."""

    def do_GET(self) -> None:
        known = self.headers.get("authorization") == EXPECTED
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b"[]" if known else b"who are you?")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """A test's server has no log."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_key_in_the_address_is_shown_to_the_registry(port: int) -> None:
    with Registry(f"http://key:s%40cret@127.0.0.1:{port}") as registry:
        assert registry.subjects() == []


def test_without_it_the_answer_says_so(port: int) -> None:
    with Registry(f"http://127.0.0.1:{port}") as registry, pytest.raises(RegistryAnswer, match="401 who are you"):
        registry.subjects()


def test_a_registry_that_is_away_is_named_without_the_password() -> None:
    with Registry("http://key:s%40cret@127.0.0.1:9", 1.0) as registry, pytest.raises(RegistryUnreachable) as away:
        registry.subjects()
    assert str(away.value).startswith("http://127.0.0.1:9:")
    assert "cret" not in str(away.value)

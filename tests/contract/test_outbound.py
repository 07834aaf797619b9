"""The bounded client on real sockets: what is retried, what is not, and what is said of an unknown outcome."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from processors.gate import PAUSE_MAX_MS
from processors.outbound import (
    AnswerLost,
    AnswerTooLarge,
    NotReached,
    OutboundClient,
    OutboundPolicy,
    RateLimited,
    ServerError,
    retry_after_ms,
)
from tests.contract.net import free_port

pytestmark = pytest.mark.anyio

PATIENT = OutboundPolicy(
    connect_timeout_s=3.0,
    read_timeout_s=3.0,
    total_timeout_s=5.0,
    attempts=3,
    retry_for_s=20.0,
    retry_wait_s=0.01,
    wait_max_s=0.5,
    circuit_failures=50,
    answer_max_bytes=1000,
)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(*scripts: Script) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that plays one script a request, the last one for all that follow; yields address and requests."""
    seen: list[bytes] = []
    playing: set[asyncio.Task[object]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        playing.add(task)
        try:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            await scripts[min(len(seen), len(scripts)) - 1](writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{port}", seen
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*playing)


def answering(raw: bytes) -> Script:
    """Answer with these bytes and close."""

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return play


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a byte again and again, so that no single silence is long."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")
    never = asyncio.Event()
    for _ in range(400):
        writer.write(b".")
        try:
            await writer.drain()
            await asyncio.wait_for(never.wait(), 0.05)
        except TimeoutError:
            continue
        except ConnectionError:
            return


@asynccontextmanager
async def client(address: str, **changes: object) -> AsyncIterator[OutboundClient]:
    """A client that is closed after the block."""
    made = OutboundClient("vendor", address, msgspec.structs.replace(PATIENT, **changes), auth=("key", ""))
    try:
        yield made
    finally:
        await made.aclose()


async def test_a_lost_answer_is_asked_for_again_when_the_work_is_done_once_anyway() -> None:
    async with serving(hang_up, answering(OK)) as (address, seen), client(address) as outbound:
        answer = await outbound.call("POST", "/jobs", json={}, idempotent=True)
    assert (answer.status, answer.body, len(seen)) == (200, b"ok", 2)


async def test_a_lost_answer_is_not_asked_for_again_when_the_work_would_be_done_twice() -> None:
    async with serving(hang_up, answering(OK)) as (address, seen), client(address) as outbound:
        with pytest.raises(AnswerLost) as lost:
            await outbound.call("POST", "/charge", json={}, idempotent=False)
    assert lost.value.outcome_unknown
    assert len(seen) == 1


async def test_the_outcome_stays_unknown_when_a_later_try_did_not_even_connect() -> None:
    async with serving(hang_up) as (address, _), client(address, attempts=1) as outbound:
        with pytest.raises(AnswerLost):
            await outbound.call("POST", "/jobs", idempotent=True)
    limited = b"HTTP/1.1 429 Too Many\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n"
    async with serving(hang_up, answering(limited)) as (address, _), client(address) as outbound:
        with pytest.raises(RateLimited) as error:
            await outbound.call("POST", "/jobs", idempotent=True)
    assert error.value.outcome_unknown
    assert error.value.deferred().retry_after_ms == 60_000


async def test_a_connection_that_never_came_about_is_tried_again_for_any_work() -> None:
    async with client(f"http://127.0.0.1:{free_port()}") as outbound:
        with pytest.raises(NotReached) as error:
            await outbound.call("POST", "/charge", idempotent=False)
    assert not error.value.outcome_unknown


async def test_a_dripping_answer_ends_with_the_total_time() -> None:
    started = time.monotonic()
    async with serving(drip) as (address, _), client(address, attempts=1, total_timeout_s=0.6) as outbound:
        with pytest.raises(AnswerLost):
            await outbound.call("GET", "/slow", idempotent=True)
    assert time.monotonic() - started < 10, "it drips for twenty seconds"


async def test_an_endless_answer_is_dropped_at_the_limit_and_not_asked_for_again() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 5000
    async with serving(answering(endless)) as (address, seen), client(address) as outbound:
        with pytest.raises(AnswerTooLarge):
            await outbound.call("GET", "/endless", idempotent=True)
    assert len(seen) == 1


async def test_a_redirect_is_an_answer_and_credentials_do_not_follow_it() -> None:
    away = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
    async with serving(answering(away)) as (address, seen), client(address) as outbound:
        answer = await outbound.call("GET", "/moved", idempotent=True)
    assert (answer.status, len(seen)) == (302, 1)


async def test_a_server_error_carries_its_retry_after_to_the_ledger() -> None:
    down = b"HTTP/1.1 503 Down\r\nretry-after: 120\r\ncontent-length: 4\r\n\r\ndown"
    async with serving(answering(down)) as (address, seen), client(address) as outbound:
        with pytest.raises(ServerError) as error:
            await outbound.call("GET", "/jobs", idempotent=True)
    assert (error.value.deferred().retry_after_ms, len(seen)) == (120_000, 3)
    assert "down" in error.value.detail


async def test_bytes_that_are_no_http_are_a_lost_answer() -> None:
    async with serving(answering(b"SSH-2.0-OpenSSH_9.2\r\n")) as (address, _), client(address) as outbound:
        with pytest.raises(AnswerLost):
            await outbound.call("GET", "/jobs", idempotent=True)


@pytest.mark.parametrize(
    ("value", "expected_ms"),
    [
        ("", 0),
        ("2", 2000),
        ("0.5", 500),
        ("-3", 0),
        ("inf", 0),
        ("nan", 0),
        ("soon", 0),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10_000),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0),
        ("Wed, 21 Oct 2035 07:28:10 GMT", PAUSE_MAX_MS),
        ("3601", PAUSE_MAX_MS),
        ("1795000000", PAUSE_MAX_MS),
        ("1e300", PAUSE_MAX_MS),
    ],
)
async def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, expected_ms: int) -> None:
    now_s = 1_445_412_480.0  # 2015-10-21T07:28:00Z
    assert retry_after_ms({"retry-after": value}, now_s) == expected_ms

"""The fetcher connects where it looked, and nowhere that is not public; real sockets on loopback, no mocks."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from processors import fetch
from processors.fetch import FetchRefused
from tests.unit.fetching import Names, fetched


async def send_picture(_head: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 6\r\n\r\npixels")


def test_a_picture_is_fetched_with_the_name_of_its_host() -> None:
    heads: list[str] = []

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await send_picture(head, writer)

    answer = fetched(respond, "http://pictures.example:PORT/a%20b.png?size=1")
    assert answer.content == b"pixels"
    assert answer.media_type == "image/png"
    assert heads[0].startswith("GET /a%20b.png?size=1 HTTP/1.1\r\n")
    assert "\r\nHost: pictures.example:" in heads[0]
    assert "Accept-Encoding: identity" in heads[0]


def test_a_file_that_says_it_is_too_large_is_refused_before_it_is_read() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")

    with pytest.raises(fetch.FileTooLarge, match="1001"):
        fetched(respond, "http://pictures.example:PORT/")


def test_a_file_that_does_not_say_its_size_is_cut_off_at_the_cap() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 500)
            await writer.drain()

    with pytest.raises(fetch.FileTooLarge):
        fetched(respond, "http://pictures.example:PORT/")


def test_a_file_of_exactly_the_cap_is_taken() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)

    assert len(fetched(respond, "http://pictures.example:PORT/").content) == 1000


def test_a_server_that_drips_bytes_is_cut_off_by_the_clock() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        for _ in range(900):
            writer.write(b"x")
            await writer.drain()
            await drip()

    with pytest.raises(fetch.FetchTooSlow) as caught:
        fetched(respond, "http://pictures.example:PORT/", seconds_max=0.3)
    assert caught.value.retryable


def test_a_server_that_never_answers_is_cut_off_by_the_clock() -> None:
    async def respond(_head: str, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    with pytest.raises(fetch.FetchTooSlow):
        fetched(respond, "http://pictures.example:PORT/", seconds_max=0.3)


async def drip() -> None:
    """Wait 50 ms, as a slow server does between two bytes."""
    try:
        async with asyncio.timeout(0.05):
            await asyncio.Event().wait()
    except TimeoutError:
        return


@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        ("404 Not Found", fetch.UnexpectedStatus, False),
        ("401 Unauthorized", fetch.UnexpectedStatus, False),
        ("204 No Content", fetch.UnexpectedStatus, False),
        ("206 Partial Content", fetch.UnexpectedStatus, False),
        ("429 Too Many Requests", fetch.HostOverloaded, True),
        ("503 Service Unavailable", fetch.HostOverloaded, True),
    ],
)
def test_a_bad_status_says_whether_later_can_help(status: str, error: type[FetchRefused], retryable: bool) -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with pytest.raises(error, match=status[:3]) as caught:
        fetched(respond, "http://pictures.example:PORT/")
    assert caught.value.retryable is retryable


def test_compressed_bytes_that_nobody_asked_for_are_refused() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")

    with pytest.raises(fetch.EncodingNotAllowed):
        fetched(respond, "http://pictures.example:PORT/")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
)
def test_a_server_that_breaks_the_protocol_is_a_failed_connection(raw: bytes) -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    with pytest.raises(fetch.ConnectionFailed) as caught:
        fetched(respond, "http://pictures.example:PORT/")
    assert caught.value.retryable


def test_the_next_address_is_tried_when_the_first_refuses_the_connection() -> None:
    names = Names(pictures_example=[["127.0.0.2", "127.0.0.1"]])
    assert fetched(send_picture, "http://pictures.example:PORT/", names=names).content == b"pixels"


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetched(send_picture, "http://pictures.example:PORT/").content == b"pixels"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and key for pictures.example that only the tests trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pictures.example")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "pictures.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_certificate_is_checked_against_the_host_and_not_the_address(certificate: Path) -> None:
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate)
    asked_for: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    client_tls = ssl.create_default_context(cafile=str(certificate))
    names = Names(pictures_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])

    answer = fetched(
        send_picture,
        "https://pictures.example:PORT/",
        names=names,
        server_tls=server_tls,
        client_tls=client_tls,
    )
    assert answer.content == b"pixels"
    assert asked_for == ["pictures.example"]

    with pytest.raises(fetch.ConnectionFailed):
        fetched(
            send_picture,
            "https://other.example:PORT/",
            names=names,
            server_tls=server_tls,
            client_tls=client_tls,
        )


def test_a_redirect_from_https_to_http_is_refused(certificate: Path) -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://pictures.example/\r\nContent-Length: 0\r\n\r\n")

    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate)
    with pytest.raises(fetch.SchemeNotAllowed):
        fetched(
            respond,
            "https://pictures.example:PORT/",
            server_tls=server_tls,
            client_tls=ssl.create_default_context(cafile=str(certificate)),
        )


def test_every_refusal_says_what_to_do() -> None:
    for error in (*FetchRefused.__subclasses__(), FetchRefused):
        assert len(str(error())) > 20
        assert error().reason == error().reason.lower()

"""The fetcher connects where it looked, and nowhere that is not public; real sockets on loopback, no mocks."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from processors import fetch
from processors.fetch import Fetched, FetchRefused, SafeFetcher, is_allowed

Respond = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Names:
    """A name server in memory that counts its questions; a list of answers is given one by one."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        lists = self.answers[host]
        return lists.pop(0) if len(lists) > 1 else lists[0]


def fetched(
    respond: Respond,
    url: str,
    *,
    names: Names | None = None,
    bytes_max: int = 1000,
    seconds_max: float = 5.0,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Serve on a free loopback port, fetch `url` (PORT is filled in), private addresses allowed."""

    async def scenario() -> Fetched:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await respond(head, writer)
                await writer.drain()
            except ConnectionError:
                return
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_tls)
        async with server:
            port = server.sockets[0].getsockname()[1]
            fetcher = SafeFetcher(
                allow_private=True,
                bytes_max=bytes_max,
                seconds_max=seconds_max,
                resolver=names or Names(pictures_example=[["127.0.0.1"]]),
                tls=client_tls,
            )
            return await fetcher.fetch(url.replace("PORT", str(port)))

    return asyncio.run(scenario())


def refusal(url: str, names: Names | None = None, *, allow_private: bool = False) -> FetchRefused:
    """Why a fetcher as in production refuses the address, before it connects anywhere."""
    fetcher = SafeFetcher(resolver=names or Names(), allow_private=allow_private)
    with pytest.raises(FetchRefused) as caught:
        asyncio.run(fetcher.fetch(url))
    return caught.value


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


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://example.com/a.png", fetch.SchemeNotAllowed),
        ("ftp://example.com/a.png", fetch.SchemeNotAllowed),
        ("file:///etc/passwd", fetch.SchemeNotAllowed),
        ("//example.com/a.png", fetch.SchemeNotAllowed),
        ("https://", fetch.UrlNotUnderstood),
        ("https:///a.png", fetch.UrlNotUnderstood),
        ("https://[example.com]/", fetch.UrlNotUnderstood),
        ("https://exa mple.com/", fetch.UrlNotUnderstood),
        ("https://example.com\\@127.0.0.1/", fetch.UrlNotUnderstood),
        ("https://exa%6dple.com/", fetch.UrlNotUnderstood),
        ("https://[fe80::1%25eth0]/", fetch.UrlNotUnderstood),
        ("https://example.com/\r\nHost: evil", fetch.UrlNotUnderstood),
        ("https://example.com/" + "a" * 2100, fetch.UrlNotUnderstood),
        ("https://user:secret@example.com/", fetch.UserinfoNotAllowed),
        ("https://example.com@127.0.0.1/", fetch.UserinfoNotAllowed),
        ("https://example.com:8443/", fetch.PortNotAllowed),
        ("https://example.com:22/", fetch.PortNotAllowed),
    ],
)
def test_an_address_that_is_not_plain_https_is_refused(url: str, error: type[FetchRefused]) -> None:
    names = Names(example_com=[["93.184.216.34"]])
    assert type(refusal(url, names)) is error
    assert names.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "1.1.1.1.",
        "127。0。0。1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b::808:808]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[2001:db8::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[100::1]",
    ],
)
def test_an_address_that_is_not_public_is_refused_in_every_spelling(host: str) -> None:
    # Some of these are not even understood as a URL, which serves as well.
    assert isinstance(refusal(f"https://{host}/"), (fetch.AddressNotPublic, fetch.UrlNotUnderstood))


def test_link_local_addresses_stay_refused_where_private_ones_are_allowed() -> None:
    for host in ("169.254.169.254", "[fe80::1]", "[::]", "[::ffff:127.0.0.1]", "224.0.0.1"):
        assert type(refusal(f"http://{host}/", allow_private=True)) is fetch.AddressNotPublic
    assert is_allowed(ip_address("127.0.0.1"), allow_private=True)
    assert is_allowed(ip_address("::1"), allow_private=True)


def test_a_public_address_is_allowed() -> None:
    for address in ("93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"):
        assert is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize(
    "answers",
    [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["93.184.216.34", "::1"], ["::ffff:10.0.0.1"]],
)
def test_a_host_is_refused_when_any_of_its_addresses_is_not_public(answers: list[str]) -> None:
    names = Names(trap_example=[answers])
    assert type(refusal("https://trap.example/a.png", names)) is fetch.AddressNotPublic


@pytest.mark.parametrize("answers", [[], ["nonsense"]])
def test_a_host_without_a_usable_address_is_not_found(answers: list[str]) -> None:
    error = refusal("https://empty.example/", Names(empty_example=[answers]))
    assert type(error) is fetch.HostNotFound
    assert error.retryable
    assert type(refusal("https://unknown.example/")) is fetch.HostNotFound


def test_a_name_server_that_answers_differently_the_second_time_is_asked_once() -> None:
    # 127.0.0.1 stands for the harmless first answer; the second would be the metadata service.
    names = Names(rebind_example=[["127.0.0.1"], ["169.254.169.254"]])
    answer = fetched(send_picture, "http://rebind.example:PORT/", names=names)
    assert answer.content == b"pixels"
    assert names.asked == ["rebind.example"]


def test_a_redirect_is_resolved_and_checked_like_a_first_address() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://inside.example/\r\nContent-Length: 0\r\n\r\n")

    names = Names(pictures_example=[["127.0.0.1"]], inside_example=[["169.254.169.254"]])
    with pytest.raises(fetch.AddressNotPublic):
        fetched(respond, "http://pictures.example:PORT/", names=names)
    assert names.asked == ["pictures.example", "inside.example"]


def test_a_host_that_changes_its_address_between_redirects_is_caught() -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 307 Again\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")

    names = Names(rebind_example=[["127.0.0.1"], ["169.254.169.254"]])
    with pytest.raises(fetch.AddressNotPublic):
        fetched(respond, "http://rebind.example:PORT/", names=names)


def test_a_relative_redirect_is_followed_and_a_loop_is_not() -> None:
    async def once(head: str, writer: asyncio.StreamWriter) -> None:
        if head.startswith("GET /moved"):
            await send_picture(head, writer)
        else:
            writer.write(b"HTTP/1.1 301 Moved\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n")

    async def forever(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    assert fetched(once, "http://pictures.example:PORT/").url.endswith("/moved")
    with pytest.raises(fetch.TooManyRedirects):
        fetched(forever, "http://pictures.example:PORT/")


@pytest.mark.parametrize("location", ["", "http://[", "gopher://pictures.example/"])
def test_a_redirect_to_nowhere_is_refused(location: str) -> None:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    with pytest.raises((fetch.UrlNotUnderstood, fetch.SchemeNotAllowed)):
        fetched(respond, "http://pictures.example:PORT/")


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

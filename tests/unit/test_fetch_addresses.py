"""Which addresses artwork may be fetched from, however they are spelled, resolved or redirected to."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from processors import fetch
from processors.fetch import FetchRefused, is_allowed
from tests.unit.fetching import Names, fetched, refusal
from tests.unit.test_fetch import send_picture


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

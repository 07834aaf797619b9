"""Fetching what a buyer's order points to, without letting the address choose where we connect.

The host is resolved once; every address of the answer must be public; the connection goes to one of the
addresses that were looked at, so that a name server cannot answer differently the second time. Host header
and TLS name stay those of the URL. Redirects are followed at most three times and each is checked like a
first address. Proxies and other settings of the environment are not used.

A second wall outside this process (an egress proxy or firewall) is still recommended in production.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

import httpx
import msgspec

from processors.ports import NamedError

URL_CHARACTERS_MAX = 2048
REDIRECTS_MAX = 3
ADDRESSES_TRIED_MAX = 3
BYTES_MAX = 50 * 1024 * 1024
SECONDS_MAX = 30.0

#: Only this block holds globally routed unicast addresses today (IANA IPv6 address space registry).
_IPV6_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: IPv6 forms that carry an IPv4 address inside (mapped, NAT64, Teredo, 6to4): they reach other networks
#: than they seem to, so they are refused whatever is inside.
_IPV6_CARRIERS = tuple(
    IPv6Network(block)
    for block in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "::/96")
)

Address: TypeAlias = IPv4Address | IPv6Address
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host name and a port, gives every address of it as text; raises OSError when there is none."""


class FetchRefused(NamedError):
    """The address was not fetched. `retryable` says whether trying again later can help."""

    retryable = False


class UrlNotUnderstood(FetchRefused):
    """The address is not a complete https URL of a host. Send one such as https://example.com/picture.png."""


class SchemeNotAllowed(FetchRefused):
    """Only https addresses are fetched. Send an address that begins with https://."""


class UserinfoNotAllowed(FetchRefused):
    """The address carries a user name or password. Send a link that works without."""


class PortNotAllowed(FetchRefused):
    """Only port 443 is fetched from. Send an address without a port."""


class AddressNotPublic(FetchRefused):
    """The host has an address that is not on the public internet. Send a link that everybody can reach."""


class HostNotFound(FetchRefused):
    """The host's name has no address. Check its spelling, or try again later."""

    retryable = True


class ConnectionFailed(FetchRefused):
    """The host could not be reached, or its certificate is not valid. Try again later."""

    retryable = True


class TooManyRedirects(FetchRefused):
    """The address leads on through too many redirects. Send the last address of the chain."""


class UnexpectedStatus(FetchRefused):
    """The host answered with an error status. Check that the link is still valid and needs no login."""


class HostOverloaded(FetchRefused):
    """The host answered that it is overloaded or broken for the moment. Try again later."""

    retryable = True


class EncodingNotAllowed(FetchRefused):
    """The host sent compressed bytes that were not asked for. Send a link that delivers the plain file."""


class FileTooLarge(FetchRefused):
    """The file is larger than is taken. Send a smaller file."""


class FetchTooSlow(FetchRefused):
    """The file did not arrive completely in time. Try again later, or send a faster link."""

    retryable = True


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What was fetched; `media_type` is what the host claims, so look at the bytes before using them."""

    content: bytes
    media_type: str
    url: str


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Every address that the system's resolver has for the host."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(answer[4][0]) for answer in answers]


class SafeFetcher:
    """Fetches one file an address; one connection each, so that no two hosts ever share one."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        bytes_max: int = BYTES_MAX,
        seconds_max: float = SECONDS_MAX,
        resolver: Resolver = resolve_by_system,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`allow_private` also allows loopback and private addresses, plain http and any port.

        It is for the demo and tests; the settings refuse it in production. Link-local addresses, where
        clouds keep their credentials, stay refused even then. `seconds_max` covers all redirects together.
        """
        self._allow_private = allow_private
        self._bytes_max = bytes_max
        self._seconds_max = seconds_max
        self._resolver = resolver
        self._tls = tls if tls is not None else httpx.create_ssl_context(trust_env=False)

    async def fetch(self, url: str) -> Fetched:
        """Fetch the file, or raise a FetchRefused that says why."""
        try:
            async with asyncio.timeout(self._seconds_max):
                return await self._follow(url)
        except TimeoutError:
            raise FetchTooSlow from None

    async def _follow(self, url: str) -> Fetched:
        secure = False
        for _ in range(REDIRECTS_MAX + 1):
            target = self._understood(url)
            if secure and target.scheme != "https":
                raise SchemeNotAllowed("A redirect leads from https to an address that is not.")
            secure = target.scheme == "https"
            addresses = await self._public_addresses(target)
            answer = await self._get_from_first(target, addresses)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise TooManyRedirects

    def _understood(self, url: str) -> httpx.URL:
        # The URL is parsed once, by the same parser that the connection uses: two parsers that read one
        # address differently are how checks of this kind are got round.
        if len(url) > URL_CHARACTERS_MAX or any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
            raise UrlNotUnderstood
        try:
            target = httpx.URL(url)
            host = target.raw_host.decode("ascii")
        except (httpx.InvalidURL, ValueError):
            raise UrlNotUnderstood from None
        if target.scheme not in (("https", "http") if self._allow_private else ("https",)):
            raise SchemeNotAllowed
        if not host or "%" in host:
            raise UrlNotUnderstood
        if target.userinfo:
            raise UserinfoNotAllowed
        if target.port not in (None, 443) and not self._allow_private:
            raise PortNotAllowed
        _refuse_odd_literals(host, bracketed="[" in target.netloc.decode("ascii"))
        return target

    async def _public_addresses(self, target: httpx.URL) -> list[Address]:
        host = target.raw_host.decode("ascii")
        literal = _literal(host)
        if literal is not None:
            addresses = [literal]
        else:
            try:
                answers = await self._resolver(host, target.port or (443 if target.scheme == "https" else 80))
                addresses = [ip_address(answer) for answer in dict.fromkeys(answers)]
            except UnicodeError:
                raise UrlNotUnderstood from None
            except (OSError, ValueError):
                raise HostNotFound from None
        if not addresses:
            raise HostNotFound
        # Every address counts, not only the one used: a host that mixes public and private is a trap.
        if not all(is_allowed(address, allow_private=self._allow_private) for address in addresses):
            raise AddressNotPublic
        return addresses[:ADDRESSES_TRIED_MAX]

    async def _get_from_first(self, target: httpx.URL, addresses: Sequence[Address]) -> Fetched | str:
        """Fetch from the first address that takes the connection; a string is where a redirect leads."""
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._get(target, address)
            except httpx.ConnectError:
                if number == len(addresses):
                    raise ConnectionFailed from None
            except httpx.TimeoutException:
                raise FetchTooSlow from None
            except httpx.HTTPError:
                raise ConnectionFailed("The host broke the connection off. Try again later.") from None
        raise HostNotFound

    async def _get(self, target: httpx.URL, address: Address) -> Fetched | str:
        host = target.raw_host.decode("ascii")
        request = httpx.Request(
            "GET",
            target.copy_with(host=str(address)),
            headers={
                "Host": target.netloc.decode("ascii"),
                "Accept": "image/*,*/*;q=0.5",
                # Compressed transfer would let a few bytes become many before the cap sees them.
                "Accept-Encoding": "identity",
                "User-Agent": "printledger",
            },
            extensions={"sni_hostname": host, "timeout": httpx.Timeout(self._seconds_max).as_dict()},
        )
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, retries=0) as transport:
            response = await transport.handle_async_request(request)
            try:
                if response.status_code in (301, 302, 303, 307, 308):
                    return _redirect_target(target, response)
                _refuse_bad_status(response)
                content = await self._read_capped(response)
            finally:
                await response.aclose()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Fetched(content=content, media_type=media_type[:127], url=str(target))

    async def _read_capped(self, response: httpx.Response) -> bytes:
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._bytes_max:
            raise FileTooLarge(f"The file has {declared} bytes; at most {self._bytes_max} are taken.")
        content = bytearray()
        # A transport's response is not bound to its request, so its stream is read as it is: raw bytes.
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise ConnectionFailed
        async for chunk in stream:
            content += chunk
            if len(content) > self._bytes_max:
                raise FileTooLarge(f"The file is larger than {self._bytes_max} bytes.")
        return bytes(content)


def is_allowed(address: Address, *, allow_private: bool) -> bool:
    """Whether a connection to this address may be made."""
    if allow_private and (address.is_loopback or (address.is_private and not address.is_link_local)):
        return not address.is_unspecified and not _carries_ipv4(address)
    if address.is_multicast or not address.is_global or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv6Address):
        return address in _IPV6_GLOBAL_UNICAST and not _carries_ipv4(address)
    return True


def _carries_ipv4(address: Address) -> bool:
    if not isinstance(address, IPv6Address) or address.is_loopback:
        return False
    return any(address in block for block in _IPV6_CARRIERS)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refuse_odd_literals(host: str, *, bracketed: bool) -> None:
    """Refuse spellings that some resolvers take for an IPv4 address: 127.1, 2130706433, 0x7f.1, 0177.0.0.1."""
    literal = _literal(host)
    if bracketed and not isinstance(literal, IPv6Address):
        raise UrlNotUnderstood("Only an IPv6 address may stand in brackets.")
    if literal is not None:
        return
    last_label = host.rstrip(".").rpartition(".")[2].lower()
    # No top-level domain is a number, so a host whose last label is one was meant as an address.
    if not last_label or last_label.isdigit() or last_label.startswith("0x"):
        raise AddressNotPublic("The host is an IP address in an unusual spelling. Send a host name.")


def _refuse_bad_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        raise HostOverloaded(f"The host answered with status {status}. Try again later.")
    if status != 200:
        raise UnexpectedStatus(
            f"The host answered with status {status}. Check that the link is still valid and needs no login."
        )
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise EncodingNotAllowed


def _redirect_target(target: httpx.URL, response: httpx.Response) -> str:
    location = response.headers.get("location", "")
    if not location or len(location) > URL_CHARACTERS_MAX:
        raise UrlNotUnderstood("The host redirects without saying where to.")
    try:
        return str(target.join(location))
    except (httpx.InvalidURL, ValueError):
        raise UrlNotUnderstood("The host redirects to something that is not an address.") from None

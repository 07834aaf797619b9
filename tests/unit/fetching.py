"""What the tests of fetching share: a name server of one's own, a server that answers as told, and the refusals."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence

import pytest

from processors.fetch import Fetched, FetchRefused, SafeFetcher

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

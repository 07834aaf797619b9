"""How simulated presses fetch the files that they are to print, and what they look at before they print them."""

from __future__ import annotations

import asyncio
import hashlib
import io

import httpx
from PIL import Image

#: A print file larger than this is not downloaded; the renderer's own limit is 25 MB.
FILE_MAX_BYTES = 64 * 1024 * 1024
FILE_TIMEOUT_S = 30.0
FILE_TRIES = 3


async def check_file(client: httpx.AsyncClient, url: str, sha256: str | None) -> str | None:
    """Download a print file; say what is wrong with it, or None when it is the right PNG. No digest, any PNG."""
    content = await fetch_file(client, url)
    return content if isinstance(content, str) else await judge_file(content, sha256)


async def fetch_file(client: httpx.AsyncClient, url: str) -> bytes | str:
    """Download a print file; in words why it cannot be had."""
    for _ in range(FILE_TRIES):
        try:
            async with client.stream("GET", url) as response:
                if response.status_code != 200:
                    continue
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > FILE_MAX_BYTES:
                        return "file_too_large"
        except httpx.HTTPError:
            continue
        return bytes(content)
    return "file_unreachable"


async def judge_file(content: bytes, sha256: str | None) -> str | None:
    """What is wrong with a print file, or None when it is the right PNG."""
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        return "file_digest_differs"
    return None if await asyncio.to_thread(opens_as_png, content) else "file_is_no_png"


def opens_as_png(content: bytes) -> bool:
    """Whether the bytes are a PNG whose chunks are whole; the pixels are not decoded."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True

"""The embedded mail server: takes every mail and keeps it as one .eml file. For demo and tests.

Run as `python -m infra.stack.mail PORT FOLDER`. The envelope is kept in the headers X-Envelope-From and
X-Envelope-To, because a mail's own headers may say something else.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

MAIL_BYTES_MAX = 10 * 1024 * 1024


class EmlFolder:
    """Writes what arrives into a folder, named by time and content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one mail. The sender hears `250` only when the file is there under its final name."""
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content or "").encode()
        head = [f"X-Envelope-From: {envelope.mail_from}", *(f"X-Envelope-To: {to}" for to in envelope.rcpt_tos)]
        digest = hashlib.sha256(content).hexdigest()[:12]
        name = f"{time.time_ns() // 1_000_000:013}-{digest}.eml"
        partial = self._folder / f".{name}"
        await asyncio.to_thread(partial.write_bytes, "\r\n".join([*head, ""]).encode() + content)
        partial.replace(self._folder / name)
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Listen on loopback until a signal to end comes; `folder` exists."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    handler = EmlFolder(folder)
    server = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=MAIL_BYTES_MAX, enable_SMTPUTF8=True, hostname="printledger", loop=loop),
        "127.0.0.1",
        port,
    )
    async with server:
        await ended.wait()


def main(port: str, folder: str) -> None:
    """Make the folder and serve."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(int(port), Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

"""What of a call to a vendor may be kept: no credentials, no links that open files, and no more than is useful."""

import re
from typing import Final

import msgspec

from processors.outbound import Exchange

#: Of each body so much is kept: a refusal and its reason fit, a catalogue of a vendor's does not.
BODY_BYTES_MAX: Final = 64 * 1024

REMOVED: Final = b"[removed]"

#: Links to our files, and what other hosts' links carry behind the question mark: whoever reads them holds the file.
#: In JSON some vendors write a slash as `\/` and an ampersand as `\u0026`; JSON as text within JSON escapes once more.
_LINKS: Final = re.compile(
    rb"(/v1\\{0,3}/assets\\{0,3}/)[A-Za-z0-9_.~-]+"
    rb"|(https?:\\{0,3}/\\{0,3}/[^\s\"'?\\]{1,2000}+(?:\\{1,3}/[^\s\"'?\\]{0,2000}+){0,50}+\?)"
    rb"(?:[^\s\"'\\]|\\{1,3}[/u])+"
)
#: A JSON member whose name says that nobody else should know its value.
_SECRETS: Final = re.compile(
    rb'("[^"]{0,60}(?:secret|token|api[_-]?key|password|authorization|signature)[^"]{0,60}"\s*:\s*")(?:[^"\\]|\\.)*',
    re.IGNORECASE,
)


class KeptExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One try as it is kept. Bodies are text; bytes that are none are shown as replacement characters."""

    vendor: str
    about: str
    method: str
    path: str
    status: int | None
    duration_ms: int
    sent: str
    answered: str
    #: Epoch milliseconds; 0 before it is kept.
    kept_at: int = 0


def for_keeping(exchange: Exchange) -> KeptExchange:
    """The exchange without what must not be kept."""
    return KeptExchange(
        vendor=exchange.vendor,
        about=exchange.about,
        method=exchange.method,
        path=_cleaned(exchange.path.encode()),
        status=exchange.status,
        duration_ms=exchange.duration_ms,
        sent=_cleaned(exchange.sent),
        answered=_cleaned(exchange.answered),
    )


def _cleaned(body: bytes) -> str:
    # A link or secret that the cut goes through would be left half; what is cut off is not kept at all.
    cut = body[:BODY_BYTES_MAX]
    without_links = _LINKS.sub(lambda found: (found[1] or found[2]) + REMOVED, cut)
    return _SECRETS.sub(rb"\1" + REMOVED, without_links).decode("utf-8", errors="replace")

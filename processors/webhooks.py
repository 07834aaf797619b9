"""What partners' and carriers' webhooks have in common: what is believed, and how what is not is named.

Verifying and parsing are two steps on purpose. The raw body is verified when it arrives and stored before
parsing; parsing is pure, so that a mapping mended later can be replayed over the stored bytes.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from events.decoding import from_json

T = TypeVar("T")

#: No print partner's webhook is nearly as large.
BODY_MAX_BYTES: Final = 256 * 1024


class WebhookError(Exception):
    """A webhook could not be used."""

    def __init__(self, detail: str = "") -> None:
        """`detail` says what was found; the class's docstring says what it means and what to do."""
        message = self.__doc__ or type(self).__name__
        super().__init__(f"{message} {detail}".strip())
        self.detail = detail


class WebhookNotGenuine(WebhookError):
    """The webhook's signature does not prove its sender: check the secret on both sides, then send again."""


class WebhookTooOld(WebhookNotGenuine):
    """The webhook was signed outside the tolerated time: check both clocks, then sign and send it anew."""


class WebhookUnreadable(WebhookError):
    """The webhook's body has not the documented shape: compare it with the adapter's description."""


def read_body(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """A webhook's JSON as `kind`. `WebhookUnreadable` for anything else, a bottomless nesting included."""
    try:
        return from_json(body, kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WebhookUnreadable(str(error)) from error


def with_address_secret(headers: Mapping[str, str], secret: str) -> Mapping[str, str]:
    """HTTP headers in which a secret from the webhook's address stands as a bearer token, where they have none.

    Senders that neither sign nor send headers of our choice are told an address that has the secret in its query.
    """
    if not secret or any(name.lower() == "authorization" for name in headers):
        return headers
    return {**headers, "authorization": f"Bearer {secret}"}


def header_of(headers: Mapping[str, str], name: str) -> str | None:
    """A header, whatever its case."""
    return next((value for found, value in headers.items() if found.lower() == name.lower()), None)


def refuse_large(body: bytes, bytes_max: int = BODY_MAX_BYTES) -> None:
    """WebhookNotGenuine when a body is larger than is read."""
    if len(body) > bytes_max:
        raise WebhookNotGenuine(f"{len(body)} bytes, at most {bytes_max} are read")


def require_bearer(headers: Mapping[str, str], secrets: Sequence[str], where: str) -> None:
    """WebhookNotGenuine unless the Authorization header has one of the secrets, which were set `where`.

    A secret that came in the webhook's address stands in the same header when an adapter sees it.
    """
    presented = (header_of(headers, "authorization") or "").encode()
    if not any(hmac.compare_digest(f"Bearer {secret}".encode(), presented) for secret in secrets):
        raise WebhookNotGenuine(f"it does not carry the secret that is set {where}")


def require_signature(headers: Mapping[str, str], name: str, fitting: Sequence[str]) -> None:
    """WebhookNotGenuine unless the header `name` has one of the signatures that fit the body."""
    signature = header_of(headers, name)
    if signature is None:
        raise WebhookNotGenuine(f"{name} is missing")
    if not any(hmac.compare_digest(one.encode(), signature.encode()) for one in fitting):
        raise WebhookNotGenuine(f"{name} does not fit the body")

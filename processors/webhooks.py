"""What partners' and carriers' webhooks have in common: how a body that cannot be trusted or read is named.

Verifying and parsing are two steps on purpose. The raw body is verified when it arrives and stored before
parsing; parsing is pure, so that a mapping mended later can be replayed over the stored bytes.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")


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
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WebhookUnreadable(str(error)) from error


def with_address_secret(headers: Mapping[str, str], secret: str) -> Mapping[str, str]:
    """HTTP headers in which a secret from the webhook's address stands as a bearer token, where they have none.

    Senders that neither sign nor send headers of our choice are told an address that has the secret in its query.
    """
    if not secret or any(name.lower() == "authorization" for name in headers):
        return headers
    return {**headers, "authorization": f"Bearer {secret}"}

"""Signed links to files: who holds one gets that file, until the link expires, and nothing else.

A partner needs the print file and a person the proof; neither has an account here. The token names tenant,
order, object and expiry, signed with HMAC-SHA256, so that it needs no table and cannot be changed. The file
itself is decrypted while it is sent, with the order's key: after an erasure a link opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

import msgspec

from processors.ports import NamedError

TOKEN_VERSION = 1
#: A print job may wait for its press over a long weekend.
VALID_MS_DEFAULT = 7 * 86_400_000
TOKEN_CHARACTERS_MAX = 2_048


class LinkNotGenuine(NamedError):
    """The link was changed or cut off. Copy it completely, or ask for a new one."""


class LinkExpired(NamedError):
    """The link has expired. Ask for a new one."""


class AssetLink(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a link gives: one object of an order, until `expires_at` (epoch milliseconds).

    `order_id` is empty for a design that the store owns: such an object is not sealed under an order's key.
    """

    version: int
    tenant: str
    order_id: str
    object_key: str
    media_type: str
    expires_at: int


class LinkSigner:
    """Makes and opens links. `key` has 32 bytes; `now_ms` gives epoch milliseconds."""

    def __init__(self, key: bytes, public_base_url: str, now_ms: Callable[[], int]) -> None:
        self._key = key
        self._base_url = public_base_url.rstrip("/")
        self._now_ms = now_ms

    def link(
        self,
        tenant: str,
        order_id: str,
        object_key: str,
        media_type: str,
        *,
        valid_ms: int = VALID_MS_DEFAULT,
    ) -> str:
        """A complete URL of `GET /v1/assets/{token}` for one object."""
        asset = AssetLink(
            version=TOKEN_VERSION,
            tenant=tenant,
            order_id=order_id,
            object_key=object_key,
            media_type=media_type,
            expires_at=self._now_ms() + valid_ms,
        )
        return f"{self._base_url}/v1/assets/{self.token(asset)}"

    def token(self, asset: AssetLink) -> str:
        """The signed token of a link."""
        payload = msgspec.json.encode(asset)
        return f"{_encoded(payload)}.{_encoded(self._signature(payload))}"

    def open(self, token: str) -> AssetLink:
        """What the token stands for. LinkNotGenuine or LinkExpired."""
        payload_text, _, signature_text = token.partition(".")
        if len(token) > TOKEN_CHARACTERS_MAX or not signature_text:
            raise LinkNotGenuine
        try:
            payload, signature = _decoded(payload_text), _decoded(signature_text)
        except (binascii.Error, ValueError):
            raise LinkNotGenuine from None
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise LinkNotGenuine
        try:
            asset = msgspec.json.decode(payload, type=AssetLink)
        except msgspec.MsgspecError:
            raise LinkNotGenuine from None
        if asset.version != TOKEN_VERSION:
            raise LinkNotGenuine
        if asset.expires_at <= self._now_ms():
            raise LinkExpired
        return asset

    def _signature(self, payload: bytes) -> bytes:
        return hmac.new(self._key, b"asset link\x00" + payload, hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not base64")
    # Characters that base64 skips over would give one token many spellings.
    decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encoded(decoded) != text:
        raise ValueError("not the one spelling of these bytes")
    return decoded

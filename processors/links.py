"""Signed links: who holds one gets that file, or may answer that proof, until the link expires, and nothing else.

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
from typing import TypeVar

import msgspec

from events.decoding import from_json
from processors.ports import NamedError

TOKEN_VERSION = 1
#: A print job may wait for its press over a long weekend.
VALID_MS_DEFAULT = 7 * 86_400_000
TOKEN_CHARACTERS_MAX = 2_048
#: A proof is answered within the reminders that policy allows; each reminder brings a new link.
PROOF_VALID_MS = 14 * 86_400_000

_ASSET, _PROOF = b"asset link", b"proof link"


Link = TypeVar("Link", "AssetLink", "ProofLink")


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


class ProofLink(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a link to a proof lets its holder do: look at one version of a line's proof, and answer it.

    `audience` ('buyer' or 'store') is who was sent it; what the holder does is recorded as theirs.
    """

    version: int
    tenant: str
    order_id: str
    line_id: str
    proof_version: int
    audience: str
    expires_at: int

    @property
    def actor(self) -> str:
        """Who acts, as facts name it."""
        return f"{self.audience}:proof-link"


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
        return self.url(f"/v1/assets/{self.token(asset)}")

    def proof_link(self, tenant: str, order_id: str, line_id: str, proof_version: int, audience: str) -> str:
        """A complete URL of `GET /v1/proofs/{token}`: whoever holds it may answer this version of the proof."""
        proof = ProofLink(
            version=TOKEN_VERSION,
            tenant=tenant,
            order_id=order_id,
            line_id=line_id,
            proof_version=proof_version,
            audience=audience,
            expires_at=self._now_ms() + PROOF_VALID_MS,
        )
        return self.url(f"/v1/proofs/{self._token(_PROOF, proof)}")

    def url(self, path: str) -> str:
        """A path of the API as a complete URL."""
        return f"{self._base_url}{path}"

    def token(self, asset: AssetLink) -> str:
        """The signed token of a link to a file."""
        return self._token(_ASSET, asset)

    def open(self, token: str) -> AssetLink:
        """The file that the token stands for. LinkNotGenuine or LinkExpired."""
        return self._opened(_ASSET, token, AssetLink)

    def open_proof(self, token: str) -> ProofLink:
        """The proof that the token stands for. LinkNotGenuine or LinkExpired."""
        return self._opened(_PROOF, token, ProofLink)

    def _token(self, purpose: bytes, link: AssetLink | ProofLink) -> str:
        payload = msgspec.json.encode(link)
        return f"{_encoded(payload)}.{_encoded(self._signature(purpose, payload))}"

    def _opened(self, purpose: bytes, token: str, kind: type[Link]) -> Link:
        payload_text, _, signature_text = token.partition(".")
        if len(token) > TOKEN_CHARACTERS_MAX or not signature_text:
            raise LinkNotGenuine
        try:
            payload, signature = _decoded(payload_text), _decoded(signature_text)
        except (binascii.Error, ValueError):
            raise LinkNotGenuine from None
        if not hmac.compare_digest(signature, self._signature(purpose, payload)):
            raise LinkNotGenuine
        try:
            link = from_json(payload, kind)
        except msgspec.MsgspecError:
            raise LinkNotGenuine from None
        if link.version != TOKEN_VERSION:
            raise LinkNotGenuine
        if link.expires_at <= self._now_ms():
            raise LinkExpired
        return link

    def _signature(self, purpose: bytes, payload: bytes) -> bytes:
        # The purpose is signed too: a link to a file never passes for one to a proof.
        return hmac.new(self._key, purpose + b"\x00" + payload, hashlib.sha256).digest()


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

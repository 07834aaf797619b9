"""ShipStation's refusals sorted into ours, and its public keys read."""

import base64
import binascii

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from events.decoding import from_json
from processors.carriers import shipstation_wire as wire
from processors.carriers.common import refused_by_status
from processors.carriers.protocol import LabelRefused
from processors.outbound import Answer


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One JSON Web Key (RFC 7517) of an RSA key."""

    kid: str
    kty: str
    n: str = ""
    e: str = ""


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON Web Key Set."""

    keys: tuple[Key, ...]


def public_keys(key_set: bytes | str) -> dict[str, RSAPublicKey]:
    """The RSA keys of a JSON Web Key Set, by their id. `ValueError` for anything else."""
    try:
        found = from_json(key_set, KeySet)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"this is no JSON Web Key Set: {error}") from error
    return {
        key.kid: RSAPublicNumbers(e=_number(key.e), n=_number(key.n)).public_key()
        for key in found.keys
        if key.kty == "RSA"
    }


def _number(text: str) -> int:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except binascii.Error as error:
        raise ValueError("a key's number is not base64") from error


def said(errors: tuple[wire.Problem, ...]) -> str:
    """All errors as one text, bounded."""
    return "; ".join(f"{e.error_source or ''} {e.error_code or ''}: {e.message or ''}".strip() for e in errors)[:1000]


def refused(answer: Answer) -> LabelRefused:
    """A refusal in our words, with everything that ShipStation wrote about it."""
    body = answer.read_as(wire.Refusal)
    by_status = refused_by_status(answer)
    if body is None or not body.errors:
        return by_status
    words = said(body.errors)
    if by_status.reason in ("credentials", "funds"):
        return msgspec.structs.replace(by_status, detail=words)
    codes = {error.error_code or "" for error in body.errors}
    sources = {error.error_source or "" for error in body.errors}
    lowered = words.casefold()
    if "insufficient_funds" in codes or "funds" in lowered:
        return LabelRefused(reason="funds", retryable=True, needs_person=True, detail=words)
    if "carrier" in sources:
        # The transporting company said no this time; nothing was paid.
        return LabelRefused(reason="carrier_error", retryable=True, detail=words)
    if any("address" in code for code in codes):
        return LabelRefused(reason="address_not_found", retryable=False, needs_person=True, detail=words)
    return msgspec.structs.replace(by_status, detail=words)

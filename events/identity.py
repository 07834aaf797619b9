"""Ids that everybody derives alike, so that the same thing, told twice, meets itself.

All are uuid5 over a JSON array of their parts: JSON keeps ("a", "bc") apart from ("ab", "c").
"""

import hashlib
from uuid import UUID

import msgspec

NAMESPACE_ORDER = UUID("0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f01")
NAMESPACE_COMMAND = UUID("0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f02")
NAMESPACE_EFFECT = UUID("0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f03")


# A copy of a hash that has begun costs half of a new one, and every second fact carries a derived id.
_BEGUN = {
    namespace: hashlib.sha1(namespace.bytes, usedforsecurity=False)
    for namespace in (NAMESPACE_ORDER, NAMESPACE_COMMAND, NAMESPACE_EFFECT)
}
_encode = msgspec.json.Encoder().encode


def _derived(namespace: UUID, parts: tuple[object, ...]) -> str:
    """The 32 hex digits of uuid5(namespace, JSON array of parts), without building a UUID object for each id."""
    named = _BEGUN[namespace].copy()
    named.update(_encode(parts))
    digest = bytearray(named.digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return digest.hex()


def _hyphenated(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def order_id(tenant: str, store: str, external_id: str) -> str:
    """Id of a store's order: from tenant, store connection and the platform's immutable order id."""
    return _hyphenated(_derived(NAMESPACE_ORDER, (tenant, store, external_id)))


def command_id(*parts: str | int) -> str:
    """Id of a command that its sender can derive again, such as ('demo', 'shopify', 'orders/create', event id)."""
    return _hyphenated(_derived(NAMESPACE_COMMAND, parts))


def effect_key(order: str, kind: str, subject: str, who: str, run: int) -> str:
    """32 hex digits for one effect in the outside world; the same over every retry of that effect.

    `kind` is the work ('submit', 'label' …), `subject` the lines and units or the parcel, `who` the partner or carrier.
    Printful takes external ids of at most 32 characters, so the hyphens are left out.
    """
    return _derived(NAMESPACE_EFFECT, (order, kind, subject, who, run))


def request_id(effect: str, attempt: int) -> str:
    """Id of one attempt at an effect."""
    return f"{effect}.{attempt}"


def report_id(request: str, outcome: bytes) -> str:
    """Command id of a worker's report: the same outcome of the same attempt, told again, is the same command."""
    return command_id("report", request, hashlib.sha256(outcome).hexdigest())


def drawn_for_a_person(order: str, line_id: str, run: int, per_mille: int) -> bool:
    """Whether this print run is looked at by a person: by a hash, so that replay draws the same lines."""
    digest = hashlib.sha256(f"{order}|{line_id}|{run}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 1000 < per_mille

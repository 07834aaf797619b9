"""A buyer's personal data in the clear, and the names of the fields under which the vault seals it.

Only these shapes are ever sealed into a record, so that whoever opens one knows what comes out. They live in
memory: nothing here may be written to a topic, a table or a log.
"""

from __future__ import annotations

from typing import TypedDict

import msgspec

from events.decoding import from_json
from processors.ports import Vault

RECIPIENT_FIELD = "recipient"


class Recipient(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who gets the parcel and where; sealed as JSON. `country` is ISO 3166-1 alpha-2, or empty."""

    name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""

    def is_deliverable(self) -> bool:
        """Whether there is enough to write on a label at all; the carrier judges the rest."""
        return bool(self.address1 and self.city and len(self.country) == 2 and (self.name or self.company))


POSTAL_PREFIX_CHARACTERS = 3
"""Enough of a postal code to route by, too little to find a door."""

REGION_CODE_CHARACTERS_MAX = 3
"""ISO 3166-2 codes of a country's regions have at most so many characters."""


def postal_prefix_of(recipient: Recipient) -> str:
    """The beginning of the postal code, as routing may read it."""
    return recipient.postal_code.replace(" ", "")[:POSTAL_PREFIX_CHARACTERS].upper()


def region_of(recipient: Recipient) -> str:
    """The region where it is a code, as routing may read it; a written-out one may name a small place."""
    return recipient.region if len(recipient.region) <= REGION_CODE_CHARACTERS_MAX else ""


def text_field(line_id: str, area: str = "") -> str:
    """Field name of the text printed on an area of a line; empty: the template's first area."""
    return _of_area("text", line_id, area)


def artwork_url_field(line_id: str, area: str = "") -> str:
    """Field name of the address of the picture on an area of a line."""
    return _of_area("artwork_url", line_id, area)


def instructions_field(line_id: str) -> str:
    """Field name of a line's instructions."""
    return f"instructions:{line_id}"


def note_field(line_id: str) -> str:
    """Field name of what a person wrote when asking for changes of a line's proof."""
    return f"note:{line_id}"


def claim_field() -> str:
    """Field name of what a buyer wrote when opening a claim."""
    return "claim"


def _of_area(name: str, line_id: str, area: str) -> str:
    # A line's id holds no slash, so that no line and area together read like another line.
    return f"{name}:{line_id}/{area}" if area else f"{name}:{line_id}"


def seal_recipient(vault: Vault, tenant: str, order_id: str, recipient: Recipient) -> bytes:
    """The recipient as sealed JSON."""
    return vault.seal(tenant, order_id, RECIPIENT_FIELD, msgspec.json.encode(recipient))


class MendedAddress(TypedDict):
    """An address as commands carry it: sealed, with as much beside it as routing may read."""

    recipient: bytes
    country: str
    region: str
    postal_prefix: str


def mended_address(vault: Vault, tenant: str, order_id: str, recipient: Recipient) -> MendedAddress:
    """The fields of a command that brings another address."""
    return MendedAddress(
        recipient=seal_recipient(vault, tenant, order_id, recipient),
        country=recipient.country.upper(),
        region=region_of(recipient),
        postal_prefix=postal_prefix_of(recipient),
    )


def open_recipient(vault: Vault, tenant: str, order_id: str, sealed: bytes) -> Recipient:
    """What `seal_recipient` sealed."""
    return from_json(vault.open(tenant, order_id, RECIPIENT_FIELD, sealed), Recipient)


def seal_text(vault: Vault, tenant: str, order_id: str, field: str, text: str | None) -> bytes | None:
    """A text as sealed UTF-8; None where there is none."""
    return vault.seal(tenant, order_id, field, text.encode()) if text else None


def open_text(vault: Vault, tenant: str, order_id: str, field: str, sealed: bytes | None) -> str | None:
    """What `seal_text` sealed."""
    return vault.open(tenant, order_id, field, sealed).decode() if sealed is not None else None

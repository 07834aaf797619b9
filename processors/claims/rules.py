"""The claim rules as data: what can be claimed for how long, with what, and what becomes of it without a person."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import yaml

from events.decoding import convert
from events.order.claims import COMPLAINT_REASONS, REFUSAL_TEXTS, RETURNED_TO_SENDER
from processors.ports import NamedError

RULES_BYTES_MAX: Final = 64 * 1024

Days: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=3_650)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
Amount: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class ClaimRulesNotUsable(NamedError):
    """This is no usable file of claim rules. Mend the place that is named; the shipped file shows every field."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a rules file: a field that nobody knows is a typing error, and is told as such."""


class ReasonRule(_Part, frozen=True, kw_only=True):
    """What becomes of claims with one reason."""

    outcome: Literal["refund", "reprint", "refuse", "keep", "person"]
    wishes: tuple[Literal["refund", "reprint"], ...] = ()
    refusal: str = ""
    needs_picture: bool = False
    #: Days after delivery; 0 for no end.
    window_days: Days = 0
    undelivered: bool = False
    partner_fault: bool = False


class VendorTerms(_Part, frozen=True, kw_only=True):
    """What a vendor accepts from us: until when, and in which words."""

    #: Days after delivery; 0 where the vendor states none.
    window_days: Days = 0
    words: dict[Name, Word] = {}


class ClaimRules(_Part, frozen=True, kw_only=True):
    """A whole rules file."""

    version: Name
    reprints_max: Annotated[int, msgspec.Meta(ge=0, le=50)]
    refund_max_minor: dict[Currency, Amount] = {}
    reasons: dict[Name, ReasonRule]
    vendors: dict[Name, VendorTerms] = {}

    def __post_init__(self) -> None:
        """Refuse words that mean nothing here: a misspelt reason would silently leave its claims to people."""
        known = {*COMPLAINT_REASONS, RETURNED_TO_SENDER}
        used = {*self.reasons, *(word for terms in self.vendors.values() for word in terms.words)}
        if unknown := sorted(used - known):
            raise ValueError(f"no such reasons: {', '.join(unknown)}")
        for reason, rule in self.reasons.items():
            if rule.outcome == "refuse" and rule.refusal not in REFUSAL_TEXTS:
                raise ValueError(f"{reason}: refusal is one of {', '.join(REFUSAL_TEXTS)}")


def read_claim_rules(content: str, where: str) -> ClaimRules:
    """Rules from YAML or JSON. Raises ClaimRulesNotUsable, which says where and why."""
    if len(content) > RULES_BYTES_MAX:
        raise ClaimRulesNotUsable(f"{where} is larger than {RULES_BYTES_MAX // 1024} KiB.")
    try:
        # With aliases a small file becomes an endless one.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader=yaml.SafeLoader)):
            raise ValueError("a rules file refers to no other place of itself (`*name`)")
        return convert(yaml.safe_load(content), ClaimRules)
    except (msgspec.ValidationError, ValueError, RecursionError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise ClaimRulesNotUsable(f"{where}: {told}. {ClaimRulesNotUsable.__doc__}") from error


def shipped_claim_rules() -> ClaimRules:
    """The rules that come with the system."""
    text = files("processors.claims").joinpath("rules.yaml").read_text(encoding="utf-8")
    return read_claim_rules(text, "processors/claims/rules.yaml")

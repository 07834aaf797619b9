"""Sentences for returns and claims."""

from typing import TypeAlias, assert_never

from events.order.claims import ClaimedUnits, PartnerFault
from events.order.facts import (
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    ClaimReviewRequested,
    PartnerClaimNoted,
    RefundFailed,
    RefundMade,
    RefundRequested,
    ReturnOpened,
)
from projections.sentences.wording import Entry, Link, again, counted, link, moment, units_of

ClaimFact: TypeAlias = (
    ClaimOpened
    | ReturnOpened
    | ClaimReviewRequested
    | ClaimReferred
    | ClaimGranted
    | ClaimRefused
    | PartnerClaimNoted
    | RefundRequested
    | RefundMade
    | RefundFailed
)

OUTCOMES = {
    "refund": "the money is given back",
    "reprint": "it is printed again",
    "reship": "it is sent again",
    "keep": "the goods are kept",
}


def describe_claim(fact: ClaimFact) -> Entry:
    """Title, detail and links of a fact about a return or a claim."""
    claim = f"Claim {fact.claim_id}"
    match fact:
        case ClaimOpened():
            wish = f" The buyer would like a {fact.wish}." if fact.wish else ""
            written = " With a text." if fact.note is not None else ""
            return Entry(
                f"{claim} opened: {_words(fact.reason)}", f"{_about(fact.items)}.{wish}{written}", _shown(fact)
            )
        case ReturnOpened():
            return Entry(f"Return {fact.claim_id} opened: parcel {fact.parcel_id} came back", f"{_about(fact.items)}.")
        case ClaimReviewRequested():
            return Entry(f"{claim}: the rules are to be applied{again(fact.attempt)}", f"{_about(fact.items)}.")
        case ClaimReferred():
            return Entry(f"{claim}: left to a person", f"{_words(fact.reason)}. {_rules(fact.rules_version)}".strip())
        case ClaimGranted():
            return Entry(f"{claim}: {OUTCOMES.get(fact.outcome, fact.outcome)}", _why(fact))
        case ClaimRefused():
            return Entry(f"{claim}: refused", f"{fact.detail} {_rules(fact.rules_version)} By {fact.by}.")
        case PartnerClaimNoted():
            return Entry(f"{claim}: to be filed with {fact.fault.partner_id}", _filed(fact.fault))
        case RefundRequested():
            title = f"{claim}: refund asked for{again(fact.attempt)}"
            return Entry(title, f"{fact.amount_minor} {fact.currency} in minor units.")
        case RefundMade():
            return Entry(
                f"{claim}: money given back", f"{fact.amount_minor} {fact.currency} in minor units, {fact.reference}."
            )
        case RefundFailed():
            after = "It is tried again." if fact.retryable else "It is not tried again."
            return Entry(f"{claim}: no money given back: {fact.reason}", f"{fact.detail} {after}".strip())
        case _:
            assert_never(fact)


def _words(code: str) -> str:
    return code.replace("_", " ")


def _rules(version: str) -> str:
    return f"By the rules {version}." if version else ""


def _about(items: tuple[ClaimedUnits, ...]) -> str:
    return ", ".join(
        f"{units_of(item.units)} of line {item.line_id}, run {item.run} of {item.partner_id}, parcel {item.parcel_id}"
        for item in items
    )


def _shown(fact: ClaimOpened) -> tuple[Link, ...]:
    several = len(fact.pictures) > 1
    return tuple(
        found
        for number, picture in enumerate(fact.pictures, 1)
        for found in link(f"picture {number}" if several else "picture", picture)
    )


def _why(fact: ClaimGranted) -> str:
    parts = [f"{_about(fact.items)}."]
    if fact.amount_minor:
        parts.append(f"{fact.amount_minor} {fact.currency} in minor units.")
    if fact.parcel_id:
        address = " to a mended address" if fact.recipient is not None else ""
        parts.append(f"In parcel {fact.parcel_id}{address}.")
    if fact.reason:
        parts.append(f"{_words(fact.reason)}.")
    return " ".join((*parts, _rules(fact.rules_version), f"By {fact.by}.")).replace("  ", " ")


def _filed(fault: PartnerFault) -> str:
    word = f"Its word for it is {fault.vendor_reason}." if fault.vendor_reason else "It has no word for it."
    time = f"It takes claims until {moment(fault.file_by)}." if fault.file_by else "Until when is not known."
    late = "" if fault.in_time else " That was over when the claim was opened."
    units = counted(len(fault.units), "unit")
    return f"{units} of line {fault.line_id}, run {fault.run}, by the terms of {fault.vendor}. {word} {time}{late}"

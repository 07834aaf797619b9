"""Sentences for production."""

from typing import TypeAlias, assert_never

from events.order.facts import (
    GoodsReady,
    LinePrinted,
    LineRouted,
    PartnerGaveUp,
    PartnerStatusObserved,
    ProductionStarted,
    RoutingFailed,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.values import Candidate
from projections.sentences.wording import Entry, again, links, photographs, units_of

ProductionFact: TypeAlias = (
    RoutingRequested
    | LineRouted
    | RoutingFailed
    | SubmissionRequested
    | SubmissionAccepted
    | SubmissionRefused
    | PartnerGaveUp
    | PartnerStatusObserved
    | ProductionStarted
    | LinePrinted
    | GoodsReady
)
PRESS_WORDS = {
    "queued": "queued",
    "printing": "printing",
    "finishing": "finishing",
    "quality_check": "quality check",
    "printed": "ready for shipment",
    "handed_over": "handed over",
    "on_hold": "on hold",
}
"""Stages as presses call them."""


def describe_production(fact: ProductionFact) -> Entry:
    """Title, detail and links of a fact about a print run."""
    run = f"Line {fact.line_id}, run {fact.run}"
    match fact:
        case RoutingRequested():
            return Entry(f"{run}: looking for a partner{again(fact.attempt)}", f"{fact.variant_id} to {fact.country}.")
        case LineRouted():
            return Entry(f"{run}: {fact.partner_id} is to print {units_of(fact.units)}", _why(fact.candidates))
        case RoutingFailed():
            return Entry(f"{run}: no partner can print it", f"{fact.reason} {_why(fact.candidates)}".strip())
        case SubmissionRequested():
            title = f"{run}: to be given to {fact.partner_id}{again(fact.attempt)}"
            return Entry(title, fact.partner_variant, links("print file", fact.print_files))
        case SubmissionAccepted():
            return Entry(f"{run}: accepted by {fact.partner_id}", f"Their number is {fact.partner_order_id}.")
        case SubmissionRefused():
            after = "It is tried again." if fact.retryable else "It is not tried again there."
            return Entry(f"{run}: not taken by {fact.partner_id}: {fact.reason}", f"{fact.detail} {after}".strip())
        case PartnerGaveUp():
            return Entry(f"{run}: {fact.partner_id} will not print it", fact.reason)
        case PartnerStatusObserved():
            word = PRESS_WORDS.get(fact.canonical, fact.canonical) or "a word that is not known here"
            applied = "" if fact.applied else " It says less than is known already."
            sent = photographs(fact.quality.photos) if fact.quality else ()
            return Entry(f"{run}: {fact.partner_id} reports {fact.raw}", f"This means {word}.{applied}", sent)
        case ProductionStarted():
            return Entry(f"{run}: on the press", f"In batch {fact.batch_id}." if fact.batch_id else "")
        case GoodsReady():
            title = f"{run}: {units_of(fact.units)} packed at {fact.partner_id}"
            return Entry(title, "Ready-made: nothing is printed on it.")
        case LinePrinted():
            return Entry(f"{run}: {units_of(fact.units)} printed")
        case _:
            assert_never(fact)


def _why(candidates: tuple[Candidate, ...]) -> str:
    """Every candidate with its points and the reason, the fewest points first."""
    ranked = sorted(candidates, key=lambda candidate: (-candidate.eligible, candidate.score, candidate.partner_id))
    return " ".join(
        f"{candidate.partner_id} {candidate.score} points: {candidate.reason}."
        if candidate.eligible
        else f"{candidate.partner_id} not eligible: {candidate.reason}."
        for candidate in ranked
    )

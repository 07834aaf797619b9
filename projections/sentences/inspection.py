"""Sentences for inspection and what comes of it."""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from events.order.facts import (
    InspectionFailed,
    InspectionPassed,
    InspectionPhotoAdded,
    InspectionRequested,
    PrintCompared,
    ReprintRequested,
)
from events.order.values import Defect, PhotoComparison
from projections.sentences.wording import Entry, Link, again, counted, link, links, photographs, units_of

InspectionFact: TypeAlias = (
    InspectionRequested | InspectionPhotoAdded | PrintCompared | InspectionPassed | InspectionFailed | ReprintRequested
)


def describe_inspection(fact: InspectionFact) -> Entry:
    """Title, detail and links of a fact about the quality of a print run."""
    run = f"Line {fact.line_id}, run {fact.run}"
    match fact:
        case InspectionRequested():
            photos = counted(len(fact.photos), "photograph")
            rules = f"the partner's quality report and {photos}" if fact.photos else "the partner's quality report"
            who = "a person" if fact.mode == "person" else rules
            sent = fact.quality.photos if fact.quality else ()
            files = (*links("proof", fact.proofs), *links("print file", fact.print_files))
            pictures = (*files, *photographs(sent), *photographs(fact.photos))
            return Entry(f"{run}: to be inspected by {who}{again(fact.attempt)}", "", pictures)
        case InspectionPhotoAdded():
            photo = link("photograph", fact.photo.file)
            return Entry(f"{run}: unit {fact.photo.unit} photographed", f"By {fact.by}.", photo)
        case PrintCompared():
            worst = [one for one in fact.comparisons if one.defects or one.problem]
            title = f"{run}: {counted(len(fact.comparisons), 'photograph')} compared with what was to be printed"
            detail = " ".join(map(_compared, worst)) or "They agree."
            return Entry(title, f"{detail} By rules {fact.rules_version}.", tuple(_pictures(fact.comparisons)))
        case InspectionPassed():
            return Entry(f"{run}: {units_of(fact.units)} good", f"By {fact.by}.")
        case InspectionFailed():
            defects = " ".join(map(_defect, fact.defects))
            return Entry(f"{run}: {units_of(fact.units)} not good", f"{defects} By {fact.by}.".strip())
        case ReprintRequested():
            title = f"{run}: {units_of(fact.units)} printed again by {fact.partner_id}"
            return Entry(title, f"{fact.reason_code}, instead of run {fact.of_run}. By {fact.by}.")
        case _:
            assert_never(fact)


def _defect(defect: Defect) -> str:
    return f"{defect.code}: {defect.description}".strip(": ")


def _compared(one: PhotoComparison) -> str:
    """What is wrong with one photograph, with the numbers that say so."""
    if one.problem:
        return f"Unit {one.unit}: not compared, {one.problem}"
    found = (f"{defect.code} ({defect.measured:.3g} against {defect.threshold:.3g})" for defect in one.defects)
    return f"Unit {one.unit}: {', '.join(found)}."


def _pictures(comparisons: tuple[PhotoComparison, ...]) -> Iterator[Link]:
    """The difference pictures, each before its photograph."""
    for one in comparisons:
        label = f"unit {one.unit}, {one.area}" if one.area else f"unit {one.unit}"
        yield from link(f"difference ({label})", one.difference)
        yield from link(f"photograph ({label})", one.photo)

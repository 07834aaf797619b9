"""Lineage: each printed thing is followed from what was given for it to the parcel that it left in."""

from typing import Any

import msgspec

from events.order.commands import OrderCommandUnion, ReplaceArtwork, ReportInspected, ReportRendered
from events.order.facts import InspectionRequested, OrderEvent, SubmissionRequested
from events.order.values import AreaContent, AreaDesign, Defect
from projections.lineage import SourceStep, lineage_of
from tests.order_life import MUG, World, a_file, a_line, a_store_order, live, placed


def rendered_with_digests(fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
    """The healthy world, whose files have digests of their own."""
    answers = World().answer(fact)
    if not (answers and isinstance(answers[0], ReportRendered)):
        return answers
    report = answers[0]
    areas = tuple(
        msgspec.structs.replace(
            area,
            print_file=msgspec.structs.replace(a_file("print.png"), sha256=f"print of version {report.version}"),
            original_digest="keyed original",
            text_digest="keyed text",
        )
        for area in report.areas
    )
    return (msgspec.structs.replace(report, areas=areas, renderer_version="7"),)


def test_a_delivered_unit_is_followed_from_the_upload_to_its_parcel() -> None:
    # given
    order, facts, _ = live([placed()], rendered_with_digests)
    # when
    (line,) = lineage_of(order)
    # then
    assert [source.kind for source in line.sources] == ["text", "address"]
    (area,) = line.areas
    assert (area.original_digest, area.text_digest) == ("keyed original", "keyed text")
    assert (line.template_id, line.template_version, line.renderer_version) == ("mug-11oz", 1, "7")
    (run,) = line.runs
    submitted = next(fact for fact in facts if isinstance(fact, SubmissionRequested))
    assert (run.effect_key, run.version) == (submitted.effect_key, submitted.version)
    assert run.print_digests == tuple(one.file.sha256 for one in submitted.print_files) == ("print of version 1",)
    assert run.parcel is not None
    assert (run.parcel.parcel_id, run.parcel.units, run.parcel.status) == ("P1", (1,), "delivered")


def test_a_reprint_names_the_very_same_bytes_as_the_run_that_it_replaces() -> None:
    # given a first inspection that fails every unit
    def first_fails(fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        if isinstance(fact, InspectionRequested) and fact.run == 1:
            ids: Any = {"request_id": fact.request_id, "line_id": fact.line_id, "run": fact.run}
            return (
                ReportInspected(**ids, passed_units=(), failed_units=fact.units, defects=(Defect(code="misprint"),)),
            )
        return rendered_with_digests(fact)

    # when
    (line,) = lineage_of(live([placed()], first_fails)[0])
    # then
    first, reprint = line.runs
    assert reprint.reason == "reprint"
    assert first.print_digests == reprint.print_digests == ("print of version 1",)
    assert (first.parcel, reprint.parcel is not None) == (None, True)


def test_an_upload_and_a_design_of_the_stores_are_told_apart() -> None:
    # given
    designed = msgspec.structs.replace(MUG, designs=(AreaDesign(area="back", design_key="demo/designs/abc"),))
    line = msgspec.structs.replace(a_line(artwork=designed), contents=())
    upload = ReplaceArtwork(
        line_id="1", contents=(AreaContent(design_key="demo/order/1/upload/x"),), content_digest="n"
    )
    # when
    order, _, _ = live([placed(a_store_order(lines=(line,))), upload], lambda fact: ())
    # then
    assert lineage_of(order)[0].sources == (
        SourceStep(area="", kind="upload", key="demo/order/1/upload/x"),
        SourceStep(area="back", kind="design", key="demo/designs/abc"),
    )


def test_a_design_that_gave_way_to_a_buyers_picture_is_not_among_the_sources() -> None:
    # given designs for two areas, one of which is printed
    designs = (
        AreaDesign(area="front", design_key="demo/designs/gone"),
        AreaDesign(area="back", design_key="demo/order/original"),
    )
    line = a_line(artwork=msgspec.structs.replace(MUG, designs=designs))
    # when
    order, _, _ = live([placed(a_store_order(lines=(line,)))], World().answer)
    # then
    assert [one.key for one in lineage_of(order)[0].sources if one.kind == "design"] == ["demo/order/original"]


def test_a_line_of_which_nothing_is_known_yet_has_an_empty_lineage() -> None:
    order, _, _ = live([placed(a_store_order(lines=(a_line(artwork=None),)))], lambda fact: ())
    (line,) = lineage_of(order)
    assert (line.template_id, line.areas, line.runs) == ("", (), ())

"""Inspections through the API: photographs of prints, a person's verdict, the report on the rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.order.commands import ReportInspected
from events.order.facts import InspectionRequested
from events.order.inspection_commands import AddInspectionPhoto
from events.order.values import Defect, OrderPolicy
from projections.inspection_verdicts import InspectionView, PrintPicture
from tests.order_life import World as Outside
from tests.order_life import live
from tests.unit.api_world import FOREIGN, OWN, World, problem

JPEG = b"\xff\xd8\xff" + b"pixels" * 100
PHOTO = f"/v1/orders/{OWN}/lines/1/runs/1/photo"
VERDICT = f"/v1/orders/{OWN}/lines/1/runs/1/verdict"


def inspecting() -> World:
    """An order whose print run waits for its inspection, as it came about by real decisions."""
    world = World()
    world.post_order()
    placed = world.commands.sent.pop()[0]
    policy = OrderPolicy(approval="when_clean", spot_check_per_mille=0)
    placed = msgspec.structs.replace(placed, order=msgspec.structs.replace(placed.order, policy=policy))
    outside = Outside()
    order, _, _ = live(
        [placed], lambda fact: () if isinstance(fact, InspectionRequested) else outside.answer(fact), "A-1"
    )
    world.reads.states["demo", OWN] = order
    return world


def units_of(world: World) -> tuple[int, ...]:
    return world.reads.states["demo", OWN].lines["1"].runs[0].units


def sent(world: World) -> Any:
    return world.commands.sent[-1][0]


def test_a_photograph_is_stored_sealed_and_named_in_the_command() -> None:
    world = inspecting()
    answer = world.call("PUT", f"{PHOTO}?unit=1&area=front&area_share=0.8", content=JPEG)
    assert answer.status_code == 202
    command = sent(world)
    assert isinstance(command, AddInspectionPhoto)
    assert (command.line_id, command.run) == ("1", 1)
    photo = command.photo
    assert (photo.unit, photo.area, photo.area_share_permille, photo.url) == (1, "front", 800, "")
    assert photo.file is not None
    assert photo.file.key.startswith(f"demo/{OWN}/1/")
    assert photo.file.media_type == "image/jpeg"
    assert JPEG not in world.objects.stored[photo.file.key]


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"%PDF-1.7"])
def test_what_is_no_picture_is_not_taken(content: bytes) -> None:
    world = inspecting()
    answer = world.call("PUT", f"{PHOTO}?unit=1", content=content)
    assert answer.status_code == 422
    assert not world.commands.sent


@pytest.mark.parametrize("query", ["", "unit=0", "unit=1001", "unit=1&area=../x", "unit=1&area_share=1.1"])
def test_a_photograph_is_described_within_bounds(query: str) -> None:
    assert inspecting().call("PUT", f"{PHOTO}?{query}", content=JPEG).status_code == 422


def test_a_verdict_passes_every_unit_that_it_does_not_name() -> None:
    world = inspecting()
    verdict = {"failed_units": [1], "defects": [{"code": "part_missing", "description": "no text"}]}
    assert world.call("POST", VERDICT, json=verdict).status_code == 202
    command = sent(world)
    assert isinstance(command, ReportInspected)
    assert (command.failed_units, command.passed_units) == ((1,), units_of(world)[1:])
    assert [(defect.code, defect.description) for defect in command.defects] == [("part_missing", "no text")]


def test_a_verdict_without_defects_passes_all() -> None:
    world = inspecting()
    assert world.call("POST", VERDICT, json={}).status_code == 202
    assert sent(world).passed_units == units_of(world)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ({"failed_units": [99], "defects": [{"code": "banding"}]}, "unit_not_in_run"),
        ({"failed_units": [1]}, "defect_missing"),
        ({"defects": [{"code": "banding"}]}, "defect_missing"),
    ],
)
def test_a_verdict_that_contradicts_itself_is_not_taken(verdict: dict[str, Any], reason: str) -> None:
    world = inspecting()
    problem(world.call("POST", VERDICT, json=verdict), 422, reason)
    assert not world.commands.sent


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/orders/{OWN}/lines/1/runs/7/verdict",
        f"/v1/orders/{OWN}/lines/9/runs/1/verdict",
        f"/v1/orders/{FOREIGN}/lines/1/runs/1/verdict",
    ],
)
def test_another_run_line_or_tenant_is_not_known(path: str) -> None:
    problem(inspecting().call("POST", path, json={}), 404, "run_not_known")


def test_a_key_that_may_only_read_gives_no_verdict_and_adds_no_photograph() -> None:
    world = inspecting()
    assert world.call("POST", VERDICT, json={}, key="demo/orders:read").status_code == 403
    assert world.call("PUT", f"{PHOTO}?unit=1", content=JPEG, key="demo/orders:read").status_code == 403


def test_the_report_says_how_rules_and_people_agree() -> None:
    world = World()
    answer = world.call("GET", "/v1/inspections/report?days=30").json()
    assert answer["defects"] == [{"code": "", "hits": 3, "false_alarms": 1, "misses": 2, "agreed_good": 94}]
    assert answer["days"] == 30
    assert world.reads.asked[-1]["tenant"] == "demo"


LIST = f"/v1/orders/{OWN}/inspections"
BANDING = Defect(code="banding", description="Stripes.", measured=2.5, threshold=1.1)


def compared(unit: int, *defects: Defect, **changes: Any) -> InspectionView:
    folder = f"demo/{OWN}/1/inspection"
    view = InspectionView(
        line_id="1",
        run=1,
        unit=unit,
        area="front",
        partner_id="press-east",
        rules_version="rules-1",
        defects=defects,
        problem="",
        photo=PrintPicture(key=f"{folder}/{unit}-photo", media_type="image/jpeg"),
        difference=PrintPicture(key=f"{folder}/{unit}-difference", media_type="image/webp"),
        compared_at=1_800_000_000_000,
        person_codes=None,
    )
    return msgspec.structs.replace(view, **changes)


def test_compared_photographs_are_listed_with_numbers_thresholds_and_links() -> None:
    world = inspecting()
    world.reads.inspections_known = (compared(1, BANDING),)
    (shown,) = world.call("GET", LIST).json()["inspections"]
    assert shown["defects"] == [{"code": "banding", "description": "Stripes.", "measured": 2.5, "threshold": 1.1}]
    assert (shown["rules"], shown["decision"], shown["person_defects"]) == ("failed", "", None)
    for link, kind in (("photo_url", "image/jpeg"), ("difference_url", "image/webp")):
        opened = world.links.open(shown[link].rpartition("/")[2])
        assert (opened.tenant, opened.order_id, opened.media_type) == ("demo", OWN, kind)
    assert world.reads.asked[-1] == {"tenant": "demo", "order_id": OWN}


def test_a_photograph_that_agrees_has_passed_and_one_that_cannot_be_used_says_why() -> None:
    world = inspecting()
    lost = compared(2, problem="It cannot be opened.", photo=None, difference=None, person_codes=("banding",))
    world.reads.inspections_known = (compared(1, person_codes=()), lost)
    good, unusable = world.call("GET", LIST).json()["inspections"]
    assert (good["rules"], good["person_defects"]) == ("passed", [])
    assert (unusable["rules"], unusable["problem"]) == ("not_compared", "It cannot be opened.")
    assert (unusable["photo_url"], unusable["difference_url"]) == ("", "")
    assert unusable["person_defects"] == ["banding"]


def test_the_decision_is_what_became_of_the_unit_in_its_run() -> None:
    world = inspecting()
    world.reads.inspections_known = (compared(1), compared(2))
    order = world.reads.states["demo", OWN]
    line = order.lines["1"]
    run = msgspec.structs.replace(line.runs[0], units=(1, 2), stage="passed", passed_units=(1,))
    decided = msgspec.structs.replace(line, runs=(run, *line.runs[1:]))
    world.reads.states["demo", OWN] = msgspec.structs.replace(order, lines={**order.lines, "1": decided})
    shown = world.call("GET", LIST).json()["inspections"]
    assert [one["decision"] for one in shown] == ["passed", "failed"]


def test_a_picture_that_lies_elsewhere_gets_no_link() -> None:
    world = inspecting()
    world.reads.inspections_known = (compared(1, photo=PrintPicture(key=f"other/{FOREIGN}/photo", media_type="a/b")),)
    (shown,) = world.call("GET", LIST).json()["inspections"]
    assert shown["photo_url"] == ""


def test_photographs_of_another_tenants_order_are_not_listed() -> None:
    problem(inspecting().call("GET", f"/v1/orders/{FOREIGN}/inspections"), 404, "order_not_known")
    assert inspecting().call("GET", LIST, key="").status_code == 401

"""Inspections through the API: photographs of prints, a person's verdict, the report on the rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.order.commands import ReportInspected
from events.order.facts import InspectionRequested
from events.order.inspection_commands import AddInspectionPhoto
from events.order.values import OrderPolicy
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

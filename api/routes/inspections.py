"""Inspections: photographs of printed units, a person's verdict on them, and how the automatic rules do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.answers import ORDER_PROBLEMS, SUBMISSION, LineIdPath, OrderId, order_state
from api.dependencies import ApiDependencies, Approver, Dependencies, Reader
from api.models import AnswerModel, AsOfOut, RequestModel
from api.problems import Problem
from api.submission import submit
from events.order import commands
from events.order.inspection_commands import AddInspectionPhoto
from events.order.state import Line, Order, Run
from events.order.values import Defect, PrintPhoto
from processors.inbound.reading import AREA_NAME, LINE_ID
from processors.inspection.rules import RULES
from processors.ports import ApiKey
from processors.uploads import keep_upload
from processors.workers.files import OrderFiles
from projections.inspection_verdicts import InspectionView, PrintPicture

router = APIRouter(prefix="/v1", tags=["inspections"])

DAY_MS = 86_400_000
UNITS_MAX = 1_000
DEFECTS_MAX = 20


RunPath = Annotated[int, Path(ge=1, le=1_000, description="Number of the print run, as the order shows it.")]
Unit = Annotated[int, Field(ge=1, le=UNITS_MAX)]

#: What of a comparison is shown under another name.
_LINKED = frozenset({"photo", "difference", "person_codes"})


class DefectIn(RequestModel):
    """What is wrong with the units that failed."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    description: Annotated[str, Field(max_length=500)] = ""


class VerdictIn(RequestModel):
    """A person's verdict: every unit of the run passes that is not named here.

    `defects` name what is wrong, in the rules' own words where they fit: the report compares the two.
    """

    failed_units: Annotated[tuple[Unit, ...], Field(max_length=UNITS_MAX)] = ()
    defects: Annotated[tuple[DefectIn, ...], Field(max_length=DEFECTS_MAX)] = ()


class DefectAgreementOut(AnswerModel):
    """How rules and people agree on one defect; an empty code is any defect at all."""

    code: str
    hits: int
    false_alarms: int
    misses: int
    agreed_good: int


class AgreementOut(AnswerModel):
    """The report on the automatic rules: what people found on the units that were drawn for them."""

    rules_version: str
    days: int
    defects: tuple[DefectAgreementOut, ...]


class DefectOut(AnswerModel):
    """What is wrong with a unit, with the number that says so and the threshold that it crossed."""

    code: str
    description: str
    measured: float
    threshold: float


class InspectionOut(AnswerModel):
    """One photograph of a printed unit, compared with what was to be printed.

    `rules` is what the rules say of it: `passed`, `failed` or `not_compared` (`problem` says why). `decision` is what
    became of the unit in the end: `passed`, `failed`, or empty while that is open. `person_defects` is what a person
    named on the unit, empty for a good one, and null where none judged it. Addresses are signed and end with time.
    """

    line_id: str
    run: int
    unit: int
    area: str
    partner_id: str
    rules: Literal["passed", "failed", "not_compared"]
    rules_version: str
    defects: tuple[DefectOut, ...]
    problem: str
    decision: Literal["passed", "failed", ""]
    person_defects: tuple[str, ...] | None
    photo_url: str
    difference_url: str
    compared_at: int


class InspectionsOut(AnswerModel):
    """The photographs of an order's prints, by line, run and unit, and how far the answer reaches."""

    inspections: tuple[InspectionOut, ...]
    more: bool
    as_of: AsOfOut


@router.get("/orders/{order_id}/inspections", response_model=InspectionsOut, responses=ORDER_PROBLEMS)
async def list_inspections(order_id: OrderId, deps: Dependencies, key: Reader) -> InspectionsOut:
    """What was photographed of an order's prints, what the rules measured, and what was decided."""
    state = await order_state(deps, key, order_id)
    page = await deps.orders.inspections(key.tenant, order_id)
    shown = [_inspection_shown(deps, key.tenant, order_id, state, one) for one in page.inspections]
    return InspectionsOut.model_validate({"inspections": shown, "more": page.more, "as_of": page.as_of})


@router.put(
    "/orders/{order_id}/lines/{line_id}/runs/{run}/photo",
    **SUBMISSION,
    openapi_extra={"requestBody": {"required": True, "content": {"image/*": {}}}},
)
async def add_photo(
    request: Request,
    order_id: OrderId,
    line_id: LineIdPath,
    run: RunPath,
    deps: Dependencies,
    key: Approver,
    unit: Annotated[int, Query(ge=1, le=UNITS_MAX)],
    area: Annotated[str, Query(pattern=rf"^$|{AREA_NAME.pattern}")] = "",
    area_share: Annotated[float, Query(ge=0, le=1)] = 0,
) -> JSONResponse:
    """Add a photograph (the body: PNG, JPEG or WebP) of a printed unit that waits for a person's verdict.

    It is compared with the print file; the timeline shows what the rules say of it, with a picture of the difference.
    `area_share` is the share of the photograph's width that the print area takes in its right size, where the camera
    stands fixed; without it the size is not judged.
    """
    await _run(deps, key, order_id, line_id, run)
    content = await request.body()

    def prepare() -> tuple[str, commands.OrderCommand]:
        files = OrderFiles(deps.objects, deps.vault)
        stored = keep_upload(files, deps.vault, key.tenant, order_id, line_id, content)
        photo = PrintPhoto(
            unit=unit,
            area=area,
            file=files.known(key.tenant, stored),
            area_share_permille=round(area_share * 1000),
        )
        return order_id, AddInspectionPhoto(line_id=line_id, run=run, photo=photo)

    return await submit(request, deps, key, prepare)


@router.post(
    "/orders/{order_id}/lines/{line_id}/runs/{run}/verdict",
    **SUBMISSION,
)
async def give_verdict(
    request: Request,
    order_id: OrderId,
    line_id: LineIdPath,
    run: RunPath,
    verdict: VerdictIn,
    deps: Dependencies,
    key: Approver,
) -> JSONResponse:
    """Pass or fail the units of a print run that waits for a person; those that fail are printed again."""
    found = await _run(deps, key, order_id, line_id, run)
    failed = tuple(sorted(set(verdict.failed_units)))
    if unknown := sorted(set(failed) - set(found.units)):
        raise Problem(422, "unit_not_in_run", f"Unit {unknown[0]} is not of this run. The order shows its units.")
    if bool(failed) != bool(verdict.defects):
        raise Problem(422, "defect_missing", "Name units that failed together with at least one defect, or neither.")
    command = commands.ReportInspected(
        request_id="",
        line_id=line_id,
        run=run,
        passed_units=tuple(unit for unit in found.units if unit not in failed),
        failed_units=failed,
        defects=tuple(Defect(code=one.code, description=one.description) for one in verdict.defects),
    )
    return await submit(request, deps, key, lambda: (order_id, command))


@router.get("/inspections/report", response_model=AgreementOut, responses=ORDER_PROBLEMS)
async def show_report(
    deps: Dependencies, key: Reader, days: Annotated[int, Query(ge=1, le=3_650)] = 90
) -> AgreementOut:
    """How often the automatic rules and people agreed on units that both judged, a row a defect."""
    found = await deps.orders.inspection_agreement(key.tenant, deps.now_ms() - days * DAY_MS)
    defects = tuple(DefectAgreementOut.model_validate(one) for one in found)
    return AgreementOut(rules_version=RULES.version, days=days, defects=defects)


async def _run(deps: ApiDependencies, key: ApiKey, order_id: str, line_id: str, number: int) -> Run:
    """The print run; a Problem where this tenant has none such."""
    state = await deps.orders.state(key.tenant, order_id)
    line: Line | None = state.line(line_id) if state is not None and LINE_ID.match(line_id) else None
    run = line.run_of(number) if line is not None else None
    if run is None:
        # The same answer for an order of another tenant: whether it exists is not told.
        raise Problem(404, "run_not_known", "No print run with this number is known for your account.")
    return run


def _inspection_shown(
    deps: ApiDependencies, tenant: str, order_id: str, state: Order, one: InspectionView
) -> dict[str, Any]:
    said = "not_compared" if one.problem else "failed" if one.defects else "passed"
    fields = {name: getattr(one, name) for name in one.__struct_fields__ if name not in _LINKED}
    return fields | {
        "rules": said,
        "decision": _decision(state, one),
        "person_defects": one.person_codes,
        "photo_url": _link(deps, tenant, order_id, one.photo),
        "difference_url": _link(deps, tenant, order_id, one.difference),
    }


def _decision(state: Order, one: InspectionView) -> str:
    """What became of the unit in its print run; empty while the inspection is open."""
    line = state.line(one.line_id)
    run = line.run_of(one.run) if line is not None else None
    if run is None or run.stage not in ("passed", "failed"):
        return ""
    return "passed" if one.unit in run.passed_units else "failed"


def _link(deps: ApiDependencies, tenant: str, order_id: str, picture: PrintPicture | None) -> str:
    """A signed link to a picture of the order; empty where there is none."""
    if picture is None or not picture.key.startswith(f"{tenant}/{order_id}/"):
        return ""
    return deps.links.link(tenant, order_id, picture.key, picture.media_type)

"""Inspections: photographs of printed units, a person's verdict on them, and how the automatic rules do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.dependencies import ApiDependencies, Approver, Dependencies, Reader
from api.models import AnswerModel, ProblemOut, RequestModel, SubmissionOut
from api.problems import Problem
from api.submission import submit
from events.order import commands
from events.order.inspection_commands import AddInspectionPhoto
from events.order.state import Line, Run
from events.order.values import Defect, PrintPhoto
from processors.inbound.reading import AREA_NAME, LINE_ID
from processors.inspection.rules import RULES
from processors.ports import ApiKey
from processors.uploads import keep_upload
from processors.workers.files import OrderFiles

router = APIRouter(prefix="/v1", tags=["inspections"])

DAY_MS = 86_400_000
UNITS_MAX = 1_000
DEFECTS_MAX = 20

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "content": {"application/problem+json": {}}}
    for status in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}
_SUBMISSION: dict[int | str, dict[str, Any]] = {
    200: {"model": SubmissionOut, "description": "Decided while the caller waited (`Prefer: wait=N`)."},
    202: {"model": SubmissionOut, "description": "Stored; it will be decided."},
    **_PROBLEMS,
}

OrderId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
LineIdPath = Annotated[str, Path(min_length=1, max_length=64)]
RunPath = Annotated[int, Path(ge=1, le=1_000, description="Number of the print run, as the order shows it.")]
Unit = Annotated[int, Field(ge=1, le=UNITS_MAX)]


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


@router.put(
    "/orders/{order_id}/lines/{line_id}/runs/{run}/photo",
    response_model=SubmissionOut,
    status_code=202,
    responses=_SUBMISSION,
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
    response_model=SubmissionOut,
    status_code=202,
    responses=_SUBMISSION,
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


@router.get("/inspections/report", response_model=AgreementOut, responses=_PROBLEMS)
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

"""Proofs by signed link: whoever holds one looks at the proof and answers it, without an account.

Browsers get a page with forms, programs get and send JSON; both are the same four addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import pydantic
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from api.answers import ANSWERED, WAITS, Answers, problems
from api.artwork import replacement, uploaded
from api.dependencies import ApiDependencies, Dependencies, limits_of
from api.models import ChangesIn, ProofOut, ReplaceArtworkIn, RequestModel, SubmissionOut
from api.problems import Problem
from api.proof_page import message_page, proof_page
from api.shown import areas_shown
from api.submission import Prepare, submit
from events.order import commands
from events.order.state import Line
from processors import personal
from processors.links import TOKEN_CHARACTERS_MAX, LinkExpired, LinkNotGenuine, ProofLink
from projections.rows import LineView, OrderView

router = APIRouter(prefix="/v1/proofs", tags=["proofs"])

#: A person who answers a form sees at once what came of it.
PAGE_WAIT_SECONDS = 10
FORM_FIELDS_MAX = 8

_PROBLEMS = problems(403, 404, 409, 410, 413, 422, 429, 503)
_ANSWERED: Answers = {**ANSWERED, **_PROBLEMS}
#: Line statuses in which a proof is being made anew: the one that the link shows is superseded.
_BEING_MADE = frozenset({"received", "unmapped", "checking", "checked", "rendering", "rendered", "blocked"})

Token = Annotated[str, Path(max_length=TOKEN_CHARACTERS_MAX)]
Given = TypeVar("Given", bound=RequestModel)


def _takes(model: type[RequestModel], **files: dict[str, str]) -> dict[str, Any]:
    """How the description of the API tells a body that is read here, as JSON or as a form with these files."""
    fields = model.model_json_schema()
    form = {**fields, "properties": fields["properties"] | files}
    content = {"application/json": {"schema": fields}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"content": content}}


@dataclass(frozen=True)
class Shown:
    """What a link shows: the line, and how its proof stands."""

    link: ProofLink
    order: OrderView
    line: LineView

    @property
    def state(self) -> str:
        """One of the states of `ProofOut`."""
        status = self.line.status
        if status == "cancelled":
            return "cancelled"
        if self.line.version != self.link.proof_version or status in _BEING_MADE:
            return "superseded"
        return {"awaiting_approval": "waiting", "changes_requested": "changes_requested"}.get(status, "approved")


@router.get("/{token}", responses=_PROBLEMS, response_model=ProofOut)
async def show_proof(request: Request, token: Token, deps: Dependencies) -> Response:
    """The proof with its findings, as a page or as JSON."""
    try:
        shown = await _shown(request, deps, token)
    except Problem as problem:
        if not _wants_page(request):
            raise
        return _page(deps, message_page(problem.detail), problem.status)
    proof = _proof(deps, shown)
    if _wants_page(request):
        return _page(deps, proof_page(proof, request.url.path, told=request.query_params.get("told", "")[:40]))
    return JSONResponse(proof.model_dump(mode="json"), headers=_PRIVATE)


@router.post("/{token}/approve", responses=_ANSWERED, response_model=SubmissionOut, dependencies=WAITS)
async def approve(request: Request, token: Token, deps: Dependencies) -> Response:
    """Let the line be printed as this proof shows it."""
    shown = await _shown(request, deps, token)
    command = commands.ApproveProof(line_id=shown.link.line_id, version=shown.link.proof_version)
    return await _answered(request, deps, shown, lambda: (shown.link.order_id, command), "approved")


@router.post(
    "/{token}/request-changes",
    responses=_ANSWERED,
    response_model=SubmissionOut,
    dependencies=WAITS,
    openapi_extra=_takes(ChangesIn),
)
async def request_changes(request: Request, token: Token, deps: Dependencies) -> Response:
    """Refuse the proof and say what should change."""
    shown = await _shown(request, deps, token)
    link, (given, _) = shown.link, await _given(request, ChangesIn)

    def prepare() -> tuple[str, commands.OrderCommand]:
        note = personal.seal_text(deps.vault, link.tenant, link.order_id, personal.note_field(link.line_id), given.note)
        command = commands.RequestProofChanges(line_id=link.line_id, version=link.proof_version, note=note)
        return link.order_id, command

    return await _answered(request, deps, shown, prepare, "changes_requested")


@router.post(
    "/{token}/replace",
    responses=_ANSWERED,
    response_model=SubmissionOut,
    dependencies=WAITS,
    openapi_extra=_takes(ReplaceArtworkIn, file={"type": "string", "format": "binary"}),
)
async def replace_artwork(request: Request, token: Token, deps: Dependencies) -> Response:
    """Print another text or picture: JSON, or a form with a `file`. The line is checked and proofed anew."""
    shown = await _shown(request, deps, token)
    if shown.state not in {"waiting", "changes_requested"}:
        raise Problem(409, "proof_outdated", "This proof was answered or replaced already. Open the newest link.")
    link, (given, file) = shown.link, await _given(request, ReplaceArtworkIn)
    state = await deps.orders.state(link.tenant, link.order_id)
    line: Line | None = state.line(link.line_id) if state is not None else None
    if line is None:
        raise _gone()
    known = line

    def prepare() -> tuple[str, commands.OrderCommand]:
        if file is not None:
            return link.order_id, uploaded(deps, link.tenant, link.order_id, known, given.area, file)
        return link.order_id, replacement(deps, link.tenant, link.order_id, known, given)

    return await _answered(request, deps, shown, prepare, "replaced")


async def _shown(request: Request, deps: ApiDependencies, token: str) -> Shown:
    limits_of(request).count("proof", request.client.host if request.client else "")
    try:
        link = deps.links.open_proof(token)
    except LinkNotGenuine as error:
        raise Problem(403, error.reason, str(error)) from None
    except LinkExpired as error:
        raise Problem(410, error.reason, str(error)) from None
    order = await deps.orders.order(link.tenant, link.order_id)
    line = next((one for one in order.lines if one.line_id == link.line_id), None) if order else None
    if order is None or line is None:
        raise _gone()
    if await run_in_threadpool(deps.vault.is_erased, link.tenant, link.order_id):
        raise Problem(
            410, "order_erased", "The order's personal data was erased; there is nothing to look at any more."
        )
    return Shown(link, order, line)


def _gone() -> Problem:
    return Problem(404, "proof_not_known", "This proof is not known here (yet). Try again in a moment.")


def _proof(deps: ApiDependencies, shown: Shown) -> ProofOut:
    link, line = shown.link, shown.line
    # A superseded proof is not shown: what would be seen is not what would be approved.
    current = shown.state in {"waiting", "approved", "changes_requested"}
    return ProofOut.model_validate(
        {
            "order_number": shown.order.order_number,
            "title": line.title,
            "line_id": line.line_id,
            "version": link.proof_version,
            "state": shown.state,
            "findings": line.findings if current else (),
            "areas": areas_shown(deps.links, link.tenant, link.order_id, line.areas) if current else (),
        }
    )


async def _answered(request: Request, deps: ApiDependencies, shown: Shown, prepare: Prepare, told: str) -> Response:
    """Send the command; a person with a browser is led back to the page, which says what came of it."""
    if not _wants_page(request):
        return await submit(request, deps, shown.link, prepare, keyed=False)
    try:
        answer = await submit(request, deps, shown.link, prepare, keyed=False, wait_seconds=PAGE_WAIT_SECONDS)
    except Problem as problem:
        return _page(deps, message_page(problem.detail), problem.status)
    if answer.status_code >= 400:
        return _page(deps, message_page("This proof was answered or replaced already."), answer.status_code)
    return RedirectResponse(f"{request.url.path.rpartition('/')[0]}?told={told}", 303, headers=_PRIVATE)


async def _given(request: Request, model: type[Given]) -> tuple[Given, bytes | None]:
    """The fields of a JSON body or a form, and the file of a form where there is one."""
    body, file = await request.body(), None
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            return model.model_validate_json(body), None
        form = await request.form(max_files=1, max_fields=FORM_FIELDS_MAX)
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        picture = form.get("file")
        if isinstance(picture, UploadFile) and picture.size:
            file = await picture.read()
        await form.close()
        return model.model_validate(fields), file
    except (pydantic.ValidationError, MultiPartException, HTTPException, LookupError, UnicodeError):
        # What was sent is not repeated: it may be personal.
        detail = "Send the fields of this form, or JSON as /openapi.json describes it."
        raise Problem(422, "fields_not_usable", detail) from None


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


_PRIVATE = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}


def _page(deps: ApiDependencies, content: str, status: int = 200) -> HTMLResponse:
    base = urlsplit(deps.links.url(""))
    origin = f"{base.scheme}://{base.netloc}"
    policy = (
        f"default-src 'none'; img-src 'self' {origin}; style-src 'unsafe-inline'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {**_PRIVATE, "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(content, status, headers=headers)

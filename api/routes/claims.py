"""Returns and complaints: opened by a store, listed, decided by a person."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.answers import ORDER_PROBLEMS, SUBMISSION, OrderId, order_not_known
from api.claim_models import ClaimOut, ClaimsOut, DecideClaimIn, OpenClaimIn, PictureOut, RefundedIn
from api.dependencies import ApiDependencies, Claimant, Dependencies, Reader
from api.problems import Problem
from api.submission import submit
from events.order import commands
from events.order.claim_commands import DecideClaim, ReportRefunded
from events.order.claims import Claim
from events.order.values import LineUnits
from processors.claims.evidence import ClaimEvidence
from processors.personal import Recipient
from processors.ports import ApiKey, ObjectMissing
from projections.claim_rows import ClaimsPage, ClaimView

router = APIRouter(prefix="/v1", tags=["claims"])

CLAIMS_MAX = 1_000


ClaimId = Annotated[str, Path(pattern=r"^C[0-9]{1,3}$")]
Stage = Literal["reviewing", "referred", "refunding", "refunded", "reprinted", "reshipped", "kept", "refused"]


@router.get("/claims", response_model=ClaimsOut, responses=ORDER_PROBLEMS)
async def list_claims(
    deps: Dependencies,
    key: Reader,
    stage: Annotated[Stage | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=CLAIMS_MAX)] = 200,
) -> ClaimsOut:
    """Returns and complaints of all orders, the oldest first; `stage=referred` are those that wait for a person."""
    return await _shown(deps, key, await deps.orders.claims(key.tenant, stage=stage, limit=limit))


@router.get("/orders/{order_id}/claims", response_model=ClaimsOut, responses=ORDER_PROBLEMS)
async def list_claims_of_order(order_id: OrderId, deps: Dependencies, key: Reader) -> ClaimsOut:
    """Returns and complaints of one order."""
    await _known(deps, key, order_id)
    return await _shown(deps, key, await deps.orders.claims(key.tenant, order_id=order_id))


@router.put(
    "/orders/{order_id}/claims/pictures",
    response_model=PictureOut,
    responses=ORDER_PROBLEMS,
    openapi_extra={"requestBody": {"required": True, "content": {"image/*": {}}}},
)
async def keep_picture(request: Request, order_id: OrderId, deps: Dependencies, key: Claimant) -> PictureOut:
    """Keep the picture that is the body (PNG, JPEG, WebP or TIFF), sealed, for a claim that is about to be opened."""
    await _known(deps, key, order_id)
    content = await request.body()
    name = await run_in_threadpool(_evidence(deps).keep, key.tenant, order_id, content)
    return PictureOut(picture=name)


@router.post("/orders/{order_id}/claims", **SUBMISSION)
async def open_claim(
    request: Request, order_id: OrderId, opened: OpenClaimIn, deps: Dependencies, key: Claimant
) -> JSONResponse:
    """Complain for a buyer about units that were sent. The claim rules or a person decide it."""
    await _known(deps, key, order_id)

    def prepare() -> tuple[str, commands.OrderCommand]:
        try:
            return order_id, _evidence(deps).complaint(
                key.tenant,
                order_id,
                lines=[LineUnits(line_id=part.line_id, units=tuple(part.units)) for part in opened.lines],
                reason=opened.reason,
                wish=opened.wish,
                text=opened.text,
                pictures=opened.pictures,
            )
        except ObjectMissing:
            detail = "A picture has none of the names that this order's pictures got. Send it first."
            raise Problem(422, "picture_not_known", detail) from None

    return await submit(request, deps, key, prepare)


@router.post(
    "/orders/{order_id}/claims/{claim_id}/decide",
    **SUBMISSION,
)
async def decide_claim(
    request: Request, order_id: OrderId, claim_id: ClaimId, decided: DecideClaimIn, deps: Dependencies, key: Claimant
) -> JSONResponse:
    """Decide a claim: refund, print again or refuse a complaint; refund, print or send again, or keep a return."""
    await _claim(deps, key, order_id, claim_id)

    def prepare() -> tuple[str, commands.OrderCommand]:
        command = DecideClaim(
            claim_id=claim_id, outcome=decided.outcome, reason=decided.reason, amount_minor=decided.amount_minor
        )
        if decided.recipient is None:
            return order_id, command
        recipient = Recipient(**decided.recipient.model_dump())
        return order_id, _evidence(deps).sent_to(key.tenant, order_id, command, recipient)

    return await submit(request, deps, key, prepare)


@router.post(
    "/orders/{order_id}/claims/{claim_id}/refunded",
    **SUBMISSION,
)
async def report_refunded(
    request: Request, order_id: OrderId, claim_id: ClaimId, refunded: RefundedIn, deps: Dependencies, key: Claimant
) -> JSONResponse:
    """Say that a claim's money was given back by hand: it is not asked of the payment system any more."""
    claim = await _claim(deps, key, order_id, claim_id)
    if claim.stage != "refunding":
        raise Problem(409, "no_refund_waiting", "No money is waited for here. The order's claims say how far each is.")
    command = ReportRefunded(
        request_id=f"{claim.effect_key}.{claim.attempt}", claim_id=claim_id, reference=refunded.reference
    )
    return await submit(request, deps, key, lambda: (order_id, command))


def _evidence(deps: ApiDependencies) -> ClaimEvidence:
    return ClaimEvidence(objects=deps.objects, vault=deps.vault, links=deps.links)


async def _shown(deps: ApiDependencies, key: ApiKey, page: ClaimsPage) -> ClaimsOut:
    shown = await run_in_threadpool(lambda: [_claim_shown(deps, key, claim) for claim in page.claims])
    return ClaimsOut.model_validate({"claims": shown, "more": page.more, "as_of": page.as_of})


def _claim_shown(deps: ApiDependencies, key: ApiKey, claim: ClaimView) -> ClaimOut:
    fields = {name: getattr(claim, name) for name in ClaimOut.model_fields if name not in {"text", "picture_urls"}}
    if "orders:personal" in key.scopes:
        evidence = _evidence(deps)
        fields |= {"text": evidence.text(key.tenant, claim), "picture_urls": evidence.picture_urls(key.tenant, claim)}
    return ClaimOut.model_validate(fields)


async def _known(deps: ApiDependencies, key: ApiKey, order_id: str) -> None:
    if await deps.orders.order(key.tenant, order_id) is None:
        raise order_not_known()


async def _claim(deps: ApiDependencies, key: ApiKey, order_id: str, claim_id: str) -> Claim:
    state = await deps.orders.state(key.tenant, order_id)
    claim = state.claims.get(claim_id) if state is not None else None
    if claim is None:
        raise Problem(404, "claim_not_known", "No claim with this number is known for your account.")
    return claim

"""The catalogue: what is wrong with what can be made, before an order trips on it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.answers import problems
from api.catalogue_models import CatalogueExceptionsOut
from api.dependencies import Dependencies, Reader

router = APIRouter(prefix="/v1/catalogue", tags=["catalogue"])

EXCEPTIONS_MAX = 1_000

_PROBLEMS = problems(401, 403, 422, 429, 503)


@router.get("/exceptions", response_model=CatalogueExceptionsOut, responses=_PROBLEMS)
async def list_exceptions(
    deps: Dependencies,
    key: Reader,
    kind: Annotated[Literal["no_partner", "variant_vanished", "out_of_stock", "price_changed"] | None, Query()] = None,
    resolved: Annotated[bool, Query()] = False,
    limit: Annotated[int, Query(ge=1, le=EXCEPTIONS_MAX)] = 200,
) -> CatalogueExceptionsOut:
    """SKUs that nobody can make first, then what changed at partners; with `resolved` also what was mended."""
    page = await deps.orders.catalogue_exceptions(key.tenant, kind=kind, resolved=resolved, limit=limit)
    return CatalogueExceptionsOut.model_validate(page)

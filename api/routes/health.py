"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.dependencies import Dependencies
from api.models import HealthOut

router = APIRouter(tags=["health"])
_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": HealthOut}}


@router.get("/healthz", response_model=HealthOut)
async def healthz() -> HealthOut:
    """Answers as long as the process lives."""
    return HealthOut(status="ok")


@router.get("/readyz", response_model=HealthOut, responses=_NOT_READY)
async def readyz(response: Response, deps: Dependencies) -> HealthOut:
    """503 while something that requests need cannot be reached; says what."""
    missing = dict(await deps.not_ready())
    if missing:
        response.status_code = 503
        return HealthOut(status="not_ready", not_ready=missing)
    return HealthOut(status="ok")

"""Files behind signed links: fetched, decrypted and sent piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.answers import problems
from api.dependencies import ApiDependencies, Dependencies, limits_of
from api.problems import Problem
from processors.links import TOKEN_CHARACTERS_MAX, AssetLink, LinkExpired, LinkNotGenuine
from processors.ports import KeyDestroyed, ObjectMissing

router = APIRouter(prefix="/v1/assets", tags=["assets"])

#: Types that a browser may show; everything else is offered for saving.
_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf"})
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "application/pdf": "pdf"}
_PROBLEMS = problems(403, 404, 410, 429)

Token = Annotated[str, Path(max_length=TOKEN_CHARACTERS_MAX)]


@router.head("/{token}", include_in_schema=False)
@router.get("/{token}", response_class=Response, responses=_PROBLEMS)
async def get_asset(request: Request, token: Token, deps: Dependencies) -> Response:
    """The file that the link stands for. 403 for a changed link, 410 for an expired one or an erased file."""
    limits_of(request).count("asset", request.client.host if request.client else "")
    try:
        asset = deps.links.open(token)
        headers, pieces = await run_in_threadpool(_opened, deps, asset, request.method == "GET")
    except LinkNotGenuine as error:
        raise Problem(403, error.reason, str(error)) from None
    except LinkExpired as error:
        raise Problem(410, error.reason, str(error)) from None
    except ObjectMissing as error:
        raise Problem(404, error.reason, ObjectMissing.__doc__ or "") from error
    except KeyDestroyed as error:
        raise Problem(410, error.reason, str(error)) from None
    if request.method == "HEAD":
        return Response(None, 200, headers=headers, media_type=asset.media_type)
    return StreamingResponse(pieces, 200, headers=headers, media_type=asset.media_type)


def _opened(deps: ApiDependencies, asset: AssetLink, with_content: bool) -> tuple[dict[str, str], Iterator[bytes]]:
    """Headers and content. The first piece is opened here: what does not open is an error and not half a file."""
    if not with_content:
        stored = deps.objects.head(asset.object_key)
        pieces: Iterator[bytes] = iter(())
    else:
        stored, pieces = deps.objects.stream(asset.object_key)
    size_bytes = stored.size_bytes
    if asset.order_id:
        size_bytes = deps.vault.object_bytes(stored.size_bytes)
        if deps.vault.is_erased(asset.tenant, asset.order_id):
            raise KeyDestroyed
        if with_content:
            pieces = deps.vault.stream_object(asset.tenant, asset.order_id, asset.object_key, pieces)
    if with_content:
        first = next(pieces, b"")
        pieces = chain((first,), pieces)
    return _headers(asset, size_bytes, stored.version_id), pieces


def _headers(asset: AssetLink, size_bytes: int, version_id: str | None) -> dict[str, str]:
    shown = "inline" if asset.media_type in _SHOWN else "attachment"
    name = asset.object_key.rpartition("/")[2] or "file"
    suffix = _SUFFIXES.get(asset.media_type)
    if suffix and not name.endswith(f".{suffix}"):
        name = f"{name}.{suffix}"
    headers = {
        "Content-Length": str(size_bytes),
        "Content-Disposition": f'{shown}; filename="{name}"',
        "Cache-Control": "private, max-age=300",
        "Accept-Ranges": "none",
        # A buyer's file is shown as what it claims to be and runs nothing.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Referrer-Policy": "no-referrer",
    }
    return headers | ({"ETag": f'"{version_id}"'} if version_id else {})

"""Errors as RFC 9457 problem documents: what is wrong, and what the caller can do about it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from processors.claims.evidence import AddressNotUsable
from processors.ports import BrokerUnreachable, KeyDestroyed, NamedError, RecordTooLarge
from processors.uploads import UploadNotUsable

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
#: A caller that sends a thousand wrong fields learns of the first ones.
ERRORS_MAX = 20
NOT_JSON = (
    "The body is no JSON object that can be read. "
    "Send application/json in UTF-8, neither deeply nested nor with numbers of thousands of digits."
)

_TITLES = {
    400: "The request cannot be read",
    401: "Not recognised",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "No form of the answer fits",
    408: "Too slow",
    409: "Refused",
    410: "Gone",
    413: "Too large",
    415: "Media type not supported",
    422: "The request does not fit",
    429: "Too many requests",
    500: "Something broke here",
    503: "Not available at the moment",
}
#: Errors of lower layers that may reach a route, with the status that tells the caller what to do.
_STATUS_OF: Mapping[type[NamedError], int] = {
    BrokerUnreachable: 503,
    RecordTooLarge: 413,
    KeyDestroyed: 410,
    UploadNotUsable: 422,
    AddressNotUsable: 422,
}


class Problem(Exception):
    """An answer that is an error. `reason` is stable and in snake case, `detail` says what to do."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """`extra` are further members of the document."""
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"urn:printledger:problem:{self.reason}",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "reason": self.reason,
            "detail": self.detail,
            **self.extra,
        }

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse(self.document(), self.status, headers=self.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(NamedError, _named)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    return error.response() if isinstance(error, Problem) else await _unexpected(_request, error)


async def _named(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in _STATUS_OF.items() if isinstance(error, kind)), 0)
    if not status or not isinstance(error, NamedError):
        return await _unexpected(request, error)
    headers = {"Retry-After": "2"} if status == 503 else {}
    return Problem(status, error.reason, str(error), headers=headers).response()


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        return await _unexpected(_request, error)
    found = error.errors()
    # The value that was sent is left out: it may be personal, and the caller knows it.
    errors = [
        {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"]} for one in found[:ERRORS_MAX]
    ]
    unreadable = any(one["type"] in ("json_invalid", "missing") and one["loc"] == ("body",) for one in found) or any(
        one["type"] == "json_invalid" for one in found
    )
    reason = "body_not_json" if unreadable else "fields_not_usable"
    detail = (
        NOT_JSON
        if unreadable
        else "Some fields cannot be used: correct those listed in `errors` and send the request again."
    )
    return Problem(400 if unreadable else 422, reason, detail, extra={"errors": errors}).response()


async def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return await _unexpected(_request, error)
    details = {
        # What the framework does not get to the end of; everything else that is no JSON comes to `_invalid`.
        400: ("body_not_json", NOT_JSON),
        404: ("no_such_path", "Nothing is at this address. The paths are listed at /openapi.json."),
        405: ("method_not_allowed", "This address does not take this method. See the Allow header."),
    }
    reason, detail = details.get(error.status_code, ("http_error", str(error.detail)))
    return Problem(error.status_code, reason, detail, headers=error.headers).response()


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The trace as text and without local variables: those of a request hold personal data.
    trace = "".join(traceback.format_exception(error))
    # The route and not the path: a path may hold a signed link.
    route = getattr(request.scope.get("route"), "path", "")
    log.error("api.unexpected", route=route, trace=trace)
    detail = "The request was not carried out, or its outcome is not known. Sending it again is safe."
    return Problem(500, "unexpected", detail).response()

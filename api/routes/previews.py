"""Live previews: a picture of a product with a designer's text and picture on it, and what a check would find."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal

import msgspec
import pydantic
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BeforeValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from api.answers import Answers, problems
from api.dependencies import ApiDependencies, Dependencies, Writer, limits_of
from api.models import AnswerModel, FindingOut, RequestModel
from api.problems import NOT_JSON, Problem
from events.decoding import from_json
from processors.artwork.background import RemoverNotUsable
from processors.artwork.live import PREVIEW_WIDTH_PX_MAX, PREVIEW_WIDTH_PX_MIN, PictureFormat, Preview
from processors.artwork.placement import Crop
from processors.artwork.sandbox import ChildKilled, ChildNotStarted, JobRefused, SandboxBusy, SandboxClosed
from processors.artwork.template import AreaUnknown, Template, TemplateInvalid
from processors.links import LinkExpired, LinkNotGenuine
from processors.ports import ObjectMissing
from processors.previews import ColourUnknown, PreviewStudio, TemplateUnknown, Wanted
from processors.workers.art import TemplateArtMissing
from processors.workers.files import OrderFiles, is_store_design

router = APIRouter(prefix="/v1/previews", tags=["previews"])

#: Pictures larger than this are placed as an order; a preview of them would not be live.
PICTURE_BYTES_MAX: Final = 25 * 1024 * 1024
#: A body with the largest picture as base64, and the other fields.
BODY_BYTES_MAX: Final = PICTURE_BYTES_MAX * 4 // 3 + 65_536
#: So many bodies are held at once, and so many of one tenant; who comes later waits a little, then is asked to come
#: again.
AT_ONCE: Final = 8
OF_ONE_TENANT: Final = 4
WAIT_SECONDS: Final = 5.0
#: A body that is sent more slowly keeps its place from others.
BODY_SECONDS_MAX: Final = 20.0
TEXT_CHARACTERS_MAX: Final = 1_000
FORM_FIELDS_MAX: Final = 16
RATE_LIMITS_PER_MINUTE: Final = {"preview": 1_200}

_PNG, _WEBP, _JSON = "image/png", "image/webp", "application/json"
_FORMATS: Final[Mapping[str, PictureFormat]] = {_PNG: "png", _WEBP: "webp"}
_ACCEPTED: Final = {
    "image/webp": _WEBP, "image/png": _PNG, "application/json": _JSON,
    "image/*": _WEBP, "application/*": _JSON, "*/*": _WEBP,
}  # fmt: skip
_NOT_DRAWN: Final = (
    "This product cannot be drawn, with or without a picture. Ask for the other `view` or a smaller `width_px`. If "
    "that does not help, mend the template's own files and publish a new version."
)
_PROBLEMS = problems(400, 401, 403, 404, 406, 408, 410, 413, 415, 422, 429, 503)


def _numbers(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


Permille = Annotated[int, Field(ge=0, le=1000)]


class PreviewIn(RequestModel):
    """What to draw: a template, and what a buyer gives. At most one of `picture`, `design_key` and `asset`.

    `picture` is the file as base64 (a form sends it as the file `picture`), `design_key` the object key of a design of
    the store's own, `asset` a signed link of ours. `crop` is left, top, width and height of the part of the picture
    that is used, in thousandths. `colour` is one of the blank's colours by name or as #rrggbb.
    """

    template_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    template_version: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    area: Annotated[str | None, Field(max_length=64)] = None
    colour: Annotated[str | None, Field(max_length=64)] = None
    text: Annotated[str | None, Field(max_length=TEXT_CHARACTERS_MAX)] = None
    picture: Annotated[str | None, Field(max_length=BODY_BYTES_MAX)] = None
    design_key: Annotated[str | None, Field(max_length=1024)] = None
    asset: Annotated[str | None, Field(max_length=4096)] = None
    crop: Annotated[tuple[Permille, Permille, Permille, Permille] | None, BeforeValidator(_numbers)] = None
    width_px: Annotated[int, Field(ge=PREVIEW_WIDTH_PX_MIN, le=PREVIEW_WIDTH_PX_MAX)] = 600
    view: Literal["mockup", "print"] = "mockup"


class PreviewOut(AnswerModel):
    """A preview: the picture as base64, what was shown, and what a check would find of it."""

    template_id: str
    template_version: int
    area: str
    colour: str
    media_type: str
    width_px: int
    height_px: int
    verdict: Literal["block", "review", "pass"]
    findings: tuple[FindingOut, ...]
    picture: str


_FIELDS: Final = PreviewIn.model_json_schema()
_FORM: Final = {**_FIELDS, "properties": {**_FIELDS["properties"], "picture": {"type": "string", "format": "binary"}}}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {_JSON: {"schema": _FIELDS}, "multipart/form-data": {"schema": _FORM}},
    }
}
_ANSWERS: Answers = {
    200: {"model": PreviewOut, "content": {_WEBP: {}, _PNG: {}}, "description": "The picture, or all as JSON."},
    **_PROBLEMS,
}


class Places:
    """Places for bodies: pictures are large and children few, and no tenant may take all of them."""

    def __init__(self, at_once: int, of_one_tenant: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._of_one_tenant = of_one_tenant
        self._wait_seconds = wait_seconds
        self._taken: Counter[str] = Counter()

    @asynccontextmanager
    async def one_for(self, tenant: str) -> AsyncIterator[None]:
        """Hold a place. A Problem says to come again where none becomes free in time."""
        if self._taken[tenant] >= self._of_one_tenant:
            raise _busy(
                f"At most {self._of_one_tenant} previews of one account are drawn at once. Try again in a moment."
            )
        self._taken[tenant] += 1
        try:
            try:
                await asyncio.wait_for(self._free.acquire(), self._wait_seconds)
            except TimeoutError:
                raise _busy("Too many previews are being drawn. Try again in a moment.") from None
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]


def mount(app: FastAPI, studio: PreviewStudio) -> None:
    """Add the route to an application."""
    app.state.preview_studio = studio
    app.state.preview_places = Places(AT_ONCE, OF_ONE_TENANT)
    app.include_router(router)


@router.post("", response_class=Response, responses=_ANSWERS, openapi_extra=_BODY)
async def draw_preview(request: Request, deps: Dependencies, key: Writer) -> Response:
    """Draw a product with a text and a picture on it; nothing is kept.

    The answer is the picture as WebP or PNG, with findings in the header `Printledger-Findings`, or JSON with both, by
    the Accept header. A file that does not open is a finding; the product is then shown without it.
    """
    media_type = _accepted(request.headers.get("accept", ""))
    limits_of(request).count("preview", key.tenant)
    studio: PreviewStudio = request.app.state.preview_studio
    places: Places = request.app.state.preview_places
    async with places.one_for(key.tenant):
        given, file = await _given_in_time(request)
        template, drawn = await run_in_threadpool(_drawn, deps, studio, key.tenant, given, file, media_type)
    shown = media_type if media_type in _FORMATS else _WEBP
    area, colour = template.area(given.area).name, template.product.colour
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
        "Printledger-Template": f"{template.template_id};version={template.version};area={area}",
        "Printledger-Verdict": drawn.verdict,
        # A list of tokens with parameters (RFC 9651): words for programs; the sentences are in the JSON.
        "Printledger-Findings": ", ".join(f"{one.code};severity={one.severity}" for one in drawn.findings),
    }
    if media_type in _FORMATS:
        return Response(drawn.picture, headers=headers, media_type=shown)
    answer = PreviewOut(
        template_id=template.template_id,
        template_version=template.version,
        area=area,
        colour=(template.product.colour_named(given.colour) if given.colour else None) or colour,
        media_type=shown,
        width_px=drawn.width_px,
        height_px=drawn.height_px,
        verdict=drawn.verdict,
        findings=tuple(FindingOut.model_validate(msgspec.structs.replace(one, area=area)) for one in drawn.findings),
        picture=base64.b64encode(drawn.picture).decode("ascii"),
    )
    return JSONResponse(answer.model_dump(mode="json"), headers=headers)


def _accepted(accept: str) -> str:
    """The media type to answer with: of those that the caller takes, the one that it prefers."""
    if not accept.strip():
        return _WEBP
    preferred, best = "", 0.0
    for part in accept.lower().split(",")[:32]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            continue
        if name in _ACCEPTED and weight > best:
            preferred, best = _ACCEPTED[name], weight
    if not preferred:
        raise Problem(
            406, "media_type_not_offered", "A preview comes as image/webp, image/png or application/json: accept one."
        )
    return preferred


def _busy(detail: str) -> Problem:
    return Problem(503, "previews_busy", detail, headers={"Retry-After": "2"})


async def _given_in_time(request: Request) -> tuple[PreviewIn, bytes | None]:
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _given(request)
    except TimeoutError:
        raise Problem(
            408,
            "body_too_slow",
            f"The body did not arrive within {BODY_SECONDS_MAX:g} seconds. Send a smaller picture.",
        ) from None


async def _given(request: Request) -> tuple[PreviewIn, bytes | None]:
    """The fields of a JSON body or of a form, and the picture's bytes where they came with it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _JSON:
        return _from_json(await request.body())
    if kind != "multipart/form-data":
        raise Problem(
            415, "media_type_not_taken", "Send application/json, or multipart/form-data with the file `picture`."
        )
    try:
        async with request.form(max_files=1, max_fields=FORM_FIELDS_MAX) as form:
            fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
            files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
            if any(name != "picture" for name, _ in files) or "picture" in fields:
                raise Problem(422, "fields_not_usable", "The one file of the form is called `picture`.")
            content = await files[0][1].read() if files else None
    except (HTTPException, MultiPartException, LookupError, UnicodeError):
        raise Problem(400, "form_not_readable", "The form cannot be read. Send multipart/form-data.") from None
    return _checked(fields), content


def _from_json(body: bytes) -> tuple[PreviewIn, bytes | None]:
    try:
        fields = from_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "body_not_json", NOT_JSON) from None
    given = _checked(fields)
    if given.picture is None:
        return given, None
    try:
        return given, base64.b64decode(given.picture, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(
            422, "picture_not_base64", "`picture` is the file as base64. Encode it, or send a form."
        ) from None


def _checked(fields: Any) -> PreviewIn:
    try:
        return PreviewIn.model_validate(fields)
    except pydantic.ValidationError as error:
        errors = [
            {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"]} for one in error.errors()[:20]
        ]
        detail = "Some fields cannot be used: correct those listed in `errors` and send the request again."
        raise Problem(422, "fields_not_usable", detail, extra={"errors": errors}) from None


def _drawn(
    deps: ApiDependencies, studio: PreviewStudio, tenant: str, given: PreviewIn, file: bytes | None, media_type: str
) -> tuple[Template, Preview]:
    """Draw it in a child process, with errors as problems. Blocks."""
    picture = _picture(deps, tenant, given, file)
    wanted = Wanted(
        area=given.area,
        colour=given.colour,
        text=given.text,
        picture=picture,
        crop=Crop(**dict(zip(Crop.__struct_fields__, given.crop, strict=True))) if given.crop else None,
        width_px=given.width_px,
        view=given.view,
        format=_FORMATS.get(media_type, "webp"),
    )
    try:
        template = studio.template(tenant, given.template_id, given.template_version)
        return template, studio.draw(tenant, template, wanted)
    except TemplateUnknown as error:
        raise Problem(404, error.reason, str(error)) from None
    except (AreaUnknown, ColourUnknown, TemplateInvalid, TemplateArtMissing) as error:
        raise Problem(422, error.reason, str(error)) from None
    except RemoverNotUsable as error:
        raise Problem(503, error.reason, str(error)) from None
    except (JobRefused, ChildKilled) as error:
        raise Problem(422, "preview_not_drawn", _NOT_DRAWN) from error
    except (SandboxBusy, SandboxClosed, ChildNotStarted) as error:
        raise _busy("No process is free to draw. Try again in a moment.") from error


def _picture(deps: ApiDependencies, tenant: str, given: PreviewIn, file: bytes | None) -> bytes | None:
    """The picture's bytes, wherever they are. What is not this tenant's is not known."""
    if sum(one is not None for one in (file, given.design_key, given.asset)) > 1:
        raise Problem(422, "several_pictures_given", "Send one of the file, `design_key` and `asset`.")
    if file is not None:
        return _bounded(file)
    if given.design_key is not None:
        if not is_store_design(tenant, given.design_key):
            raise _picture_unknown()
        return _stored(deps, tenant, "", given.design_key)
    if given.asset is None:
        return None
    try:
        asset = deps.links.open(given.asset.rstrip("/").rpartition("/")[2])
    except LinkNotGenuine as error:
        raise Problem(403, error.reason, str(error)) from None
    except LinkExpired as error:
        raise Problem(410, error.reason, str(error)) from None
    if asset.tenant != tenant:
        raise _picture_unknown()
    return _stored(deps, tenant, asset.order_id, asset.object_key)


def _stored(deps: ApiDependencies, tenant: str, order_id: str, key: str) -> bytes:
    try:
        if deps.objects.head(key).size_bytes > PICTURE_BYTES_MAX:
            raise _picture_too_large()
        if not order_id:
            return deps.objects.get(key)
        return OrderFiles(deps.objects, deps.vault).read(tenant, order_id, key)
    except ObjectMissing:
        raise _picture_unknown() from None


def _bounded(content: bytes) -> bytes:
    if len(content) > PICTURE_BYTES_MAX:
        raise _picture_too_large()
    return content


def _picture_too_large() -> Problem:
    limit = PICTURE_BYTES_MAX // 1024**2
    return Problem(413, "picture_too_large", f"A preview takes pictures of at most {limit} MiB. Save it as JPEG.")


def _picture_unknown() -> Problem:
    return Problem(404, "picture_not_known", "You have no such picture here. Upload it with the request instead.")

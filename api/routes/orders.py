"""Orders: taking them in, showing them, and what people decide about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.answers import ORDER_PROBLEMS, SUBMISSION, LineIdPath, OrderId, order_not_known
from api.artwork import replacement, uploaded
from api.dependencies import ApiDependencies, Approver, Canceller, Dependencies, Reader, Writer
from api.intake import intake_records
from api.lineage_models import LineageOut
from api.models import (
    MINOR_MAX,
    ApproveIn,
    AreaIn,
    CancelIn,
    LineIn,
    OrderIn,
    OrderOut,
    OrdersOut,
    ReplaceArtworkIn,
    RequestChangesIn,
    TimelineOut,
    WithoutNul,
)
from api.problems import Problem
from api.shown import areas_shown, sealed_under
from api.submission import submit
from events.order import commands
from events.order.facts import OrderPlaced
from events.order.state import Line
from events.order.values import CropBox
from processors import personal
from processors.inbound.reading import AREA_NAME, LINE_ID, NothingToDo, ReadArea, ReadLine, ReadOrder
from processors.personal import Recipient
from processors.ports import ApiKey, StoreConnection
from projections.rows import LineView, OrderView, TimelineEntry

router = APIRouter(prefix="/v1/orders", tags=["orders"])

PAGE_MAX = 200
NO_RECORDS: Mapping[str, Mapping[str, Any]] = {}
TIMELINE_MAX = 1_000


@router.post("", **SUBMISSION)
async def place_order(request: Request, order: OrderIn, deps: Dependencies, key: Writer) -> JSONResponse:
    """Take in an order, or a newer version of one.

    Send an `Idempotency-Key` and repeat the request until it is answered: it counts once. Without `updated_at` the
    order is as it is sent from now on. `Prefer: wait=10` waits for the decision.
    """
    connection = await run_in_threadpool(deps.stores.find, order.store)
    if connection is None or connection.tenant != key.tenant:
        raise Problem(
            422, "store_not_connected", "This store is not connected for your account. Connect it, then send again."
        )
    if len({line.line_id for line in order.lines}) != len(order.lines):
        raise Problem(422, "line_id_twice", "Two lines have the same line_id. Give each line its own.")
    read = _read(order, deps.now_ms())
    if read.total_minor > MINOR_MAX:
        detail = f"The lines cost more than {MINOR_MAX} together. Correct unit_price_minor, or send total_minor."
        raise Problem(422, "total_too_large", detail)

    def prepare() -> tuple[str, commands.OrderCommand]:
        return _assembled(deps, read, connection)

    return await submit(request, deps, key, prepare)


@router.get("", response_model=OrdersOut, responses=ORDER_PROBLEMS)
async def list_orders(
    deps: Dependencies,
    key: Reader,
    status: Annotated[str | None, Query(max_length=40), WithoutNul] = None,
    store: Annotated[str | None, Query(max_length=255), WithoutNul] = None,
    external_id: Annotated[str | None, Query(max_length=255), WithoutNul] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    cursor: Annotated[str | None, Query(max_length=500), WithoutNul] = None,
) -> OrdersOut:
    """Orders of the key's tenant, newest first."""
    try:
        page = await deps.orders.list_orders(
            key.tenant, status=status, store=store, external_id=external_id, limit=limit, cursor=cursor
        )
    except ValueError:
        raise Problem(422, "cursor_not_usable", "This cursor is none of ours. Begin again without a cursor.") from None
    return OrdersOut.model_validate(
        {
            "orders": tuple(_shown(deps, key, order) for order in page.orders),
            "next_cursor": page.next_cursor,
            "as_of": page.as_of,
        }
    )


@router.get("/{order_id}", response_model=OrderOut, responses=ORDER_PROBLEMS)
async def show_order(order_id: OrderId, deps: Dependencies, key: Reader) -> OrderOut:
    """One order with its lines, parcels, holds and exceptions, and what the buyer gave for each line.

    What buyers wrote and sent is shown to keys with the scope `orders:personal`, until it is erased.
    """
    order = await _known(deps, key, order_id)
    state = await deps.orders.state(key.tenant, order_id)
    records = await run_in_threadpool(intake_records, deps, key, order_id, state) if state is not None else {}
    return _shown(deps, key, order, records)


@router.get("/{order_id}/timeline", response_model=TimelineOut, responses=ORDER_PROBLEMS)
async def show_timeline(
    order_id: OrderId,
    deps: Dependencies,
    key: Reader,
    after_seq: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=TIMELINE_MAX)] = 500,
) -> TimelineOut:
    """Everything that happened to an order, when and by whom, with links to its files."""
    timeline = await deps.orders.timeline(key.tenant, order_id, after_seq=after_seq, limit=limit)
    if not timeline.entries and after_seq == 0:
        # An order may be known before it is placed: a cancellation that came first is in its timeline.
        raise order_not_known()
    entries = tuple(_entry(deps, key, order_id, entry) for entry in timeline.entries)
    return TimelineOut.model_validate({"entries": entries, "next_seq": timeline.next_seq, "as_of": timeline.as_of})


@router.get("/{order_id}/lineage", response_model=LineageOut, responses=ORDER_PROBLEMS)
async def show_lineage(order_id: OrderId, deps: Dependencies, key: Reader) -> LineageOut:
    """Where each printed thing came from and went: upload, original, print file, submission, parcel."""
    lines = await deps.orders.lineage(key.tenant, order_id)
    if lines is None:
        raise order_not_known()
    return LineageOut.model_validate({"lines": lines})


@router.post("/{order_id}/cancel", **SUBMISSION)
async def cancel_order(
    request: Request, order_id: OrderId, cancel: CancelIn, deps: Dependencies, key: Canceller
) -> JSONResponse:
    """Cancel what is not printed yet; partners that have accepted a line are asked to stop."""
    await _known(deps, key, order_id)
    return await submit(request, deps, key, lambda: (order_id, commands.CancelOrder(reason=cancel.reason)))


@router.post("/{order_id}/lines/{line_id}/approve", **SUBMISSION)
async def approve_proof(
    request: Request,
    order_id: OrderId,
    line_id: LineIdPath,
    approval: ApproveIn,
    deps: Dependencies,
    key: Approver,
) -> JSONResponse:
    """Let a line be printed as this version of its proof shows it."""
    await _known_line(deps, key, order_id, line_id)
    command = commands.ApproveProof(line_id=line_id, version=approval.version)
    return await submit(request, deps, key, lambda: (order_id, command))


@router.post(
    "/{order_id}/lines/{line_id}/request-changes",
    **SUBMISSION,
)
async def request_changes(
    request: Request,
    order_id: OrderId,
    line_id: LineIdPath,
    changes: RequestChangesIn,
    deps: Dependencies,
    key: Approver,
) -> JSONResponse:
    """Refuse a proof and say what should change."""
    await _known_line(deps, key, order_id, line_id)

    def prepare() -> tuple[str, commands.OrderCommand]:
        field = personal.note_field(line_id)
        note = personal.seal_text(deps.vault, key.tenant, order_id, field, changes.note)
        return order_id, commands.RequestProofChanges(line_id=line_id, version=changes.version, note=note)

    return await submit(request, deps, key, prepare)


@router.post("/{order_id}/lines/{line_id}/replace-file", **SUBMISSION)
async def replace_file(
    request: Request,
    order_id: OrderId,
    line_id: LineIdPath,
    given: ReplaceArtworkIn,
    deps: Dependencies,
    key: Approver,
) -> JSONResponse:
    """Print another text, or the picture at another address, on an area; the line is checked and proofed anew."""
    line = await _known_state(deps, key, order_id, line_id)
    return await submit(request, deps, key, lambda: (order_id, replacement(deps, key.tenant, order_id, line, given)))


@router.put(
    "/{order_id}/lines/{line_id}/file",
    **SUBMISSION,
    openapi_extra={"requestBody": {"required": True, "content": {"image/*": {}}}},
)
async def upload_file(
    request: Request,
    order_id: OrderId,
    line_id: LineIdPath,
    deps: Dependencies,
    key: Approver,
    area: Annotated[str, Query(pattern=rf"^$|{AREA_NAME.pattern}")] = "",
) -> JSONResponse:
    """Print the picture that is the body (PNG, JPEG, WebP or TIFF, at most 50 MiB) on an area; stored sealed."""
    line = await _known_state(deps, key, order_id, line_id)
    content = await request.body()
    return await submit(
        request, deps, key, lambda: (order_id, uploaded(deps, key.tenant, order_id, line, area, content))
    )


def _read(order: OrderIn, now: int) -> ReadOrder:
    recipient = order.recipient.model_dump()
    return ReadOrder(
        external_id=order.external_id,
        order_number=order.order_number or order.external_id,
        placed_at=order.placed_at or now,
        updated_at=order.updated_at or now,
        currency=order.currency,
        total_minor=_total_minor(order.lines) if order.total_minor is None else order.total_minor,
        priority=order.priority,
        recipient=Recipient(**recipient | {"country": order.recipient.country.upper()}),
        lines=tuple(_read_line(line) for line in order.lines),
        payment_pending=order.payment_pending,
    )


def _read_line(line: LineIn) -> ReadLine:
    areas = [_read_area(name, area) for name, area in line.areas.items()]
    if line.text or line.artwork_url:
        areas.insert(0, ReadArea(text=line.text, artwork_url=line.artwork_url))
    fields = line.model_dump(exclude={"text", "artwork_url", "areas"})
    return ReadLine(**fields, areas=tuple(areas))


def _read_area(name: str, area: AreaIn) -> ReadArea:
    crop = CropBox(**area.crop.model_dump()) if area.crop else None
    return ReadArea(area=name, text=area.text, artwork_url=area.artwork_url, crop=crop)


def _total_minor(lines: list[LineIn]) -> int:
    return sum(line.quantity * line.unit_price_minor for line in lines)


def _assembled(
    deps: ApiDependencies, order: ReadOrder, connection: StoreConnection
) -> tuple[str, commands.OrderCommand]:
    try:
        return deps.assembler.observe(order, connection)
    except NothingToDo as nothing:
        raise Problem(410, "order_erased", nothing.why) from None


async def _known(deps: ApiDependencies, key: ApiKey, order_id: str) -> OrderView:
    order = await deps.orders.order(key.tenant, order_id)
    if order is None:
        raise order_not_known()
    return order


async def _known_line(deps: ApiDependencies, key: ApiKey, order_id: str, line_id: str) -> LineView:
    order = await _known(deps, key, order_id)
    line = next((one for one in order.lines if one.line_id == line_id), None) if LINE_ID.match(line_id) else None
    if line is None:
        raise Problem(404, "line_not_known", "The order has no line with this id. Its lines are in the order itself.")
    return line


async def _known_state(deps: ApiDependencies, key: ApiKey, order_id: str, line_id: str) -> Line:
    await _known_line(deps, key, order_id, line_id)
    state = await deps.orders.state(key.tenant, order_id)
    line = state.line(line_id) if state is not None else None
    if line is None:
        raise order_not_known()
    return line


def _shown(
    deps: ApiDependencies, key: ApiKey, order: OrderView, records: Mapping[str, Mapping[str, Any]] = NO_RECORDS
) -> OrderOut:
    lines = []
    for line in order.lines:
        areas = areas_shown(deps.links, key.tenant, order.order_id, line.areas)
        fields = {name: getattr(line, name) for name in line.__struct_fields__}
        lines.append(fields | {"areas": areas, "intake": records.get(line.line_id)})
    fields = {name: getattr(order, name) for name in OrderOut.model_fields if name != "lines"}
    return OrderOut.model_validate(fields | {"lines": lines})


def _entry(deps: ApiDependencies, key: ApiKey, order_id: str, entry: TimelineEntry) -> dict[str, Any]:
    links = [
        {
            "label": link.label,
            "media_type": link.media_type,
            "url": deps.links.link(key.tenant, sealed_under(key.tenant, order_id, link.key), link.key, link.media_type),
        }
        for link in entry.links
        # A fact names objects; that they are the tenant's own is checked where access is given.
        if link.key.startswith(f"{key.tenant}/")
    ]
    if entry.fact_type == OrderPlaced.__name__:
        intake = deps.links.url(f"/v1/orders/{order_id}")
        links.append({"label": "intake record", "media_type": "application/json", "url": intake})
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "links"}
    return fields | {"links": links}

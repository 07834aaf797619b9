"""`printledger orders`, `order`, `timeline`, `lineage`: what the read models say."""

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from infra import bootstrap
from infra.commands.common import DataDir, Json, OrderNotFound, Tenant, print_json, running_settings_of
from infra.pages import lineage_page, order_page, orders_page, timeline_page
from processors.ports import NamedError
from projections.errors import WaitedTooLong
from projections.reader import BadCursor, ReadModels
from projections.rows import OrderView

#: From these an order goes nowhere else by itself.
ENDED = frozenset({"delivered", "returned", "cancelled"})


class CursorNotUsable(NamedError):
    """The cursor is none that a page gave. Ask for the first page again, without a cursor."""


class StatusNotReached(NamedError):
    """The order did not come to this status."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("orders")(orders)
    app.command("order")(order)
    app.command("timeline")(timeline)
    app.command("lineage")(lineage)


def orders(
    data: DataDir = None,
    tenant: Tenant = None,
    status: Annotated[str | None, typer.Option(help="Only orders with this status.")] = None,
    store: Annotated[str | None, typer.Option(help="Only orders of this store.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="The page after the one that gave this cursor.")] = None,
    as_json: Json = False,
) -> None:
    """List orders, newest first."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.read_models(settings) as reader:
            try:
                page = await reader.list_orders(
                    tenant or settings.tenants[0], status=status, store=store, limit=limit, cursor=cursor
                )
            except BadCursor:
                raise CursorNotUsable from None
        if as_json:
            print_json(page)
        else:
            Console().print(orders_page(page))

    asyncio.run(run())


def order(
    order_id: Annotated[str, typer.Argument(help="The order's id, as `printledger orders` shows it.")],
    data: DataDir = None,
    tenant: Tenant = None,
    wait: Annotated[str | None, typer.Option(help="Return when the order has this status.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait at most.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Show one order; with --wait, exit 1 if the status cannot be reached or is not reached in time."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.read_models(settings) as reader:
            shown = await _shown(reader, tenant or settings.tenants[0], order_id, wait, timeout)
        if as_json:
            print_json(shown)
        else:
            Console().print(order_page(shown))

    asyncio.run(run())


async def _shown(reader: ReadModels, tenant: str, order_id: str, wait: str | None, seconds_max: float) -> OrderView:
    if wait is None:
        shown = await reader.order(tenant, order_id)
        if shown is None:
            raise OrderNotFound
        return shown
    try:
        shown = await reader.wait_for_status(tenant, order_id, ENDED | {wait}, seconds_max)
    except WaitedTooLong:
        known = await reader.order(tenant, order_id)
        at = f"it is {known.status}" if known else "it is not known"
        raise StatusNotReached(f"{order_id} did not come to {wait} within {seconds_max:g} seconds: {at}.") from None
    if shown.status != wait:
        raise StatusNotReached(f"{order_id} ended as {shown.status}: it cannot come to {wait} any more.")
    return shown


def timeline(
    order_id: Annotated[str, typer.Argument(help="The order's id, as `printledger orders` shows it.")],
    data: DataDir = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Tell everything that happened to an order: when, by whom, with its files."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.read_models(settings) as reader:
            told = await reader.timeline(tenant or settings.tenants[0], order_id, limit=1_000)
            entries = list(told.entries)
            while told.next_seq is not None:
                told = await reader.timeline(
                    tenant or settings.tenants[0], order_id, after_seq=told.next_seq, limit=1_000
                )
                entries += told.entries
        if not entries:
            raise OrderNotFound
        whole = msgspec.structs.replace(told, entries=tuple(entries))
        if as_json:
            print_json(whole)
        else:
            Console().print(timeline_page(whole))

    asyncio.run(run())


def lineage(
    order_id: Annotated[str, typer.Argument(help="The order's id, as `printledger orders` shows it.")],
    data: DataDir = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Follow each printed thing: what was given, the original, the print file, the print run, the parcel."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.read_models(settings) as reader:
            lines = await reader.lineage(tenant or settings.tenants[0], order_id)
        if lines is None:
            raise OrderNotFound
        if as_json:
            print_json(lines)
        else:
            Console().print(lineage_page(lines))

    asyncio.run(run())

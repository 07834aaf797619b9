"""`printledger publish` and `printledger sku map`: what a store and its operator do."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from infra import bootstrap
from infra.commands.common import DataDir, Json, Tenant, content_of, print_json, running_settings_of
from infra.demo.pictures import picture_bytes
from infra.demo.publishing import OrderFileNotUsable, Published
from infra.settings import Settings
from processors.ports import NamedError
from processors.uploads import UPLOAD_BYTES_MAX

FILE_BYTES_MAX = 2 * 1024 * 1024

DEFAULT_ROAD = {"shopify": "webhook", "rest": "rest", "kafka": "kafka"}
"""Which road a store takes unless it is told another, by its platform."""

sku_app = typer.Typer(help="What a store's SKUs mean.", no_args_is_help=True)


class NothingPrinted(NamedError):
    """The product is ready-made, so nothing is printed on it: map the SKU without a design."""


class DesignNamedTwice(NamedError):
    """A design is named as FILE, or as AREA=FILE, once an area."""


class StoreNotConnected(NamedError):
    """No store of this name is connected for the tenant."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("publish")(publish)
    sku_app.command("map")(map_sku)
    app.add_typer(sku_app, name="sku")


def publish(
    file: Annotated[Path, typer.Argument(help="A JSON file: one order, or {'orders': [...]}.", exists=True)],
    store: Annotated[str, typer.Option(help="The store that sends it.")],
    data: DataDir = None,
    via: Annotated[str | None, typer.Option(help="webhook, rest or kafka (default: by the store's platform).")] = None,
    as_json: Json = False,
) -> None:
    """Send a store's order file as that store would; prints the order's id and what became of it."""
    settings = running_settings_of(data)
    found = _orders_in(file)

    async def run() -> list[Published]:
        async with bootstrap.operator_desk(settings) as desk:
            connection = desk.stores.find(store)
            if connection is None:
                raise StoreNotConnected(f"{store}: {StoreNotConnected.__doc__}")
            road = via or DEFAULT_ROAD.get(connection.platform, "rest")
            return [await desk.front.publish(connection, order, road) for order in found]

    published = asyncio.run(run())
    if as_json:
        print_json(published)
    else:
        for one in published:
            Console().print(f"{one.order_id}  {one.external_id}  by {one.via}: {one.outcome}  {one.detail}".rstrip())
    if any(one.outcome == "refused" for one in published):
        raise typer.Exit(1)


def _orders_in(file: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(content_of(file, FILE_BYTES_MAX))
    except (ValueError, UnicodeDecodeError) as error:
        raise OrderFileNotUsable(f"{file} is not JSON: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("orders"), list):
        content = content["orders"]
    found = content if isinstance(content, list) else [content]
    if not all(isinstance(order, dict) for order in found) or not found:
        raise OrderFileNotUsable(f"{file} holds no order object.")
    return [order.get("order", order) for order in found]


def _designs_in(files: list[str], settings: Settings) -> dict[str, bytes]:
    """The designs by print area; each is FILE for the first area, or AREA=FILE.

    In the demo an SKU without a design gets a drawn one: published example orders bring no pictures to print.
    """
    if not files:
        return {"": picture_bytes("hills-poster.png")} if settings.profile == "demo" else {}
    found: dict[str, bytes] = {}
    for named in files:
        area, _, file = named.rpartition("=")
        if area in found:
            raise DesignNamedTwice(
                f"{named}: {area or 'the first area'} has a design already. {DesignNamedTwice.__doc__}"
            )
        found[area] = content_of(Path(file), UPLOAD_BYTES_MAX)
    return found


def map_sku(
    sku: Annotated[str, typer.Argument(metavar="STORE_SKU", help="The SKU as the store writes it.")],
    variant: Annotated[str, typer.Argument(help="Our variant.")],
    store: Annotated[str, typer.Option(help="The store.")],
    data: DataDir = None,
    tenant: Tenant = None,
    artwork: Annotated[
        list[str] | None,
        typer.Option(
            help="A design of the store's own, printed where the buyer sent no picture (in the demo: a drawn one); "
            "AREA=FILE for another print area than the first, may be repeated.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Map a store's SKU to a variant; orders that were held for it go on by themselves."""
    settings = running_settings_of(data)

    async def run() -> Any:
        async with bootstrap.operator_desk(settings) as desk:
            meaning = desk.artwork_of(variant, designer=store)
            if meaning.is_ready_made and artwork:
                raise NothingPrinted
            designs = {} if meaning.is_ready_made else _designs_in(artwork or [], settings)
            return await desk.catalogue.map_sku(tenant or settings.tenants[0], store, sku, meaning, designs=designs)

    mapped = asyncio.run(run())
    if as_json:
        print_json(mapped)
    else:
        made = mapped.artwork
        by = "ready-made" if made.is_ready_made else f"template {made.template_id} version {made.template_version}"
        Console().print(f"{store} {sku} → {variant}, {by}")

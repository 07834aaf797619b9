"""`printledger partner`: how print partners stand, suspend or resume one, and look at what was sent and answered."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra import bootstrap
from infra.commands.common import DataDir, Json, print_json, running_settings_of, second_of
from infra.partner_desk import Standing
from processors.clock import now_ms
from processors.exchanges import KeptExchange

PartnerId = Annotated[str, typer.Argument(help="The partner's id in the catalogue.")]
#: So much of a body is shown; `--json` has all that was kept.
BODY_CHARACTERS_SHOWN = 400
DAY_MS = 86_400_000

partner_app = typer.Typer(help="The print partners.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    partner_app.command("list")(list_partners)
    partner_app.command("suspend")(suspend)
    partner_app.command("resume")(resume)
    partner_app.command("exchanges")(exchanges)
    partner_app.command("replay")(replay)
    app.add_typer(partner_app, name="partner")


def list_partners(data: DataDir = None, as_json: Json = False) -> None:
    """Show every partner: whether it is suspended, and whether calls to it fail."""
    settings = running_settings_of(data)

    async def run() -> list[Standing]:
        async with bootstrap.partner_desk(settings) as desk:
            return list(desk.standings())

    found = asyncio.run(run())
    if as_json:
        print_json(found)
        return
    table = Table(box=None)
    for heading in ("partner", "name", "adapter", "suspended", "circuit", "failures in a row"):
        table.add_column(heading)
    for one in found:
        suspended = "yes" if one.suspended else "no"
        table.add_row(one.partner_id, one.name, one.adapter, suspended, one.circuit, str(one.failures))
    Console().print(table)


def suspend(partner_id: PartnerId, data: DataDir = None) -> None:
    """Route nothing more to a partner, until it is resumed. What it has already goes on."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.partner_desk(settings) as desk:
            await desk.suspend(partner_id)
            await desk.wait_until(partner_id, suspended=True)

    asyncio.run(run())
    typer.echo(f"{partner_id} is suspended: nothing more is routed to it. What it has already goes on.")


def resume(partner_id: PartnerId, data: DataDir = None) -> None:
    """Route to a partner again."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.partner_desk(settings) as desk:
            await desk.resume(partner_id)
            await desk.wait_until(partner_id, suspended=False)

    asyncio.run(run())
    typer.echo(f"{partner_id} is resumed: it is a candidate again.")


def replay(
    partner_id: PartnerId,
    data: DataDir = None,
    days: Annotated[int, typer.Option(min=1, max=31, help="How many days back; webhooks are kept for 30.")] = 31,
    as_json: Json = False,
) -> None:
    """Read a partner's stored webhooks once more: words that a mended status map knows now are reported.

    Exit code 1 where one of them could not be read or used. Nothing but reports is written.
    """
    settings = running_settings_of(data)
    since_ms = now_ms() - days * DAY_MS
    found = asyncio.run(bootstrap.replay_webhooks(settings, partner_id, since_ms))
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found.webhooks} webhooks of {partner_id} were read again, of {found.records} deliveries in all.")
        for count, what in (
            (found.unreadable, "cannot be read: they are among the dead letters since they came (`printledger dlq`)."),
            (found.undecided, "are about nothing known, or the partner did not vouch for them: try again later."),
            (found.failed, "ended in an error that nobody foresaw: it stands above."),
        ):
            if count:
                typer.echo(f"{count} of them {what}")
    if not found.whole:
        raise typer.Exit(1)


def exchanges(
    about: Annotated[str, typer.Argument(help="An order's id, or an effect key.")],
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what was sent to partners about an order and what they answered, without secrets and links."""
    settings = running_settings_of(data)

    async def run() -> list[KeptExchange]:
        async with bootstrap.partner_desk(settings) as desk:
            return list(desk.exchanges(about))

    found = asyncio.run(run())
    if as_json:
        print_json(found)
        return
    for one in found:
        at = second_of(one.kept_at)
        status = "no answer" if one.status is None else str(one.status)
        typer.echo(f"{at}  {one.vendor}  {one.method} {one.path}  {status}  {one.duration_ms} ms")
        for name, body in (("sent", one.sent), ("answered", one.answered)):
            if body:
                typer.echo(f"    {name}: {body[:BODY_CHARACTERS_SHOWN]}")
    if not found:
        typer.echo("Nothing was sent to a partner about it in the last month.")

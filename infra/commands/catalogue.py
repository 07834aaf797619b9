"""`printledger catalogue`: what can be made where, as a table, and what is wrong with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Shown

from infra import bootstrap
from infra.commands.common import DataDir, Json, Tenant, minute_of, print_json, running_settings_of
from infra.files import write_whole
from processors.catalogue.plan import WORDS, Step, counted
from processors.catalogue.table import TABLE_BYTES_MAX, Fault, read_table
from processors.ports import NamedError
from projections.rows import CatalogueExceptionsPage

#: So many rows are shown in the terminal; `--json` has them all.
STEPS_SHOWN = 50

catalogue_app = typer.Typer(help="Products, partners, offers and SKUs.", no_args_is_help=True)


class TableRefused(NamedError):
    """Nothing was imported. Mend the rows that are named and import the file again."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    catalogue_app.command("export")(export)
    catalogue_app.command("import")(import_table)
    catalogue_app.command("exceptions")(exceptions)
    catalogue_app.command("accept")(accept)
    catalogue_app.command("check")(check)
    app.add_typer(catalogue_app, name="catalogue")


def export(
    file: Annotated[Path, typer.Argument(help="The CSV file to write.", dir_okay=False)],
    data: DataDir = None,
    tenant: Tenant = None,
) -> None:
    """Write the catalogue and a tenant's SKUs as one CSV table: a row a description, its kind in the first column."""
    settings = running_settings_of(data)

    async def run() -> bytes:
        async with bootstrap.catalogue_office(settings) as office:
            return await office.export(tenant or settings.tenants[0])

    content = asyncio.run(run())
    write_whole(file, content)
    typer.echo(f"{file}: {len(content):,} bytes")


def import_table(
    file: Annotated[Path, typer.Argument(help="A CSV file as `export` writes it.", exists=True, dir_okay=False)],
    data: DataDir = None,
    tenant: Tenant = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Say to the catalogue what a table says otherwise. All of it or, where a row is wrong, nothing.

    A row or column that the table leaves out stays as it is, and an empty cell is the default; a partner's offer goes
    by `withdrawn`.
    """
    settings = running_settings_of(data)
    owner = tenant or settings.tenants[0]
    with file.open("rb") as opened:
        table = read_table(opened.read(TABLE_BYTES_MAX + 1), owner)
    if table.faults:
        raise TableRefused(_told(file, table.faults))

    async def run() -> tuple[Step, ...]:
        async with bootstrap.catalogue_office(settings) as office:
            steps = await office.plan(owner, table.rows)
            if not dry_run and all(step.word != "refused" for step in steps):
                await office.carry_out(owner, steps)
            return steps

    steps = asyncio.run(run())
    if as_json:
        told = [{name: getattr(step, name) for name in ("line", "key", "word", "fields", "why")} for step in steps]
        print_json({"dry_run": dry_run, "counts": counted(steps), "rows": told})
    else:
        _show(steps, dry_run)
    if any(step.word == "refused" for step in steps):
        raise TableRefused


def _told(file: Path, faults: tuple[Fault, ...]) -> str:
    return "\n".join((f"{file} cannot be imported:", *(f"  {fault}" for fault in faults), str(TableRefused.__doc__)))


def _show(steps: tuple[Step, ...], dry_run: bool) -> None:
    console = Console(highlight=False)
    moving = [step for step in steps if step.word != "unchanged"]
    for step in moving[:STEPS_SHOWN]:
        detail = step.why or ", ".join(step.fields)
        console.print(f"line {step.line}: {step.word} {step.key}  {detail}".rstrip(), markup=False, soft_wrap=True)
    if len(moving) > STEPS_SHOWN:
        console.print(f"… and {len(moving) - STEPS_SHOWN:,} more; `--json` has them all")
    counts = counted(steps)
    told = ", ".join(f"{counts[word]:,} {word}" for word in WORDS)
    console.print(f"{told}; {'nothing was changed, this was a dry run' if dry_run else 'done'}")


def exceptions(
    data: DataDir = None,
    tenant: Tenant = None,
    kind: Annotated[
        str | None, typer.Option(help="no_partner, variant_vanished, out_of_stock or price_changed.")
    ] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Also what was mended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 200,
    as_json: Json = False,
) -> None:
    """Show what is wrong with what a tenant sells, before an order trips on it."""
    settings = running_settings_of(data)

    async def run() -> CatalogueExceptionsPage:
        async with bootstrap.read_models(settings) as reader:
            return await reader.catalogue_exceptions(
                tenant or settings.tenants[0], kind=kind, resolved=resolved, limit=limit
            )

    page = asyncio.run(run())
    if as_json:
        print_json(page)
        return
    shown = Shown(box=None)
    for heading in ("since", "until", "what", "variant", "partner", "SKUs", "detail"):
        shown.add_column(heading)
    for one in page.exceptions:
        skus = ", ".join(f"{sku.store} {sku.sku}" for sku in one.skus)
        until = minute_of(one.resolved_at) if one.resolved_at else ""
        shown.add_row(minute_of(one.raised_at), until, one.kind, one.variant_id, one.partner_id, skus, one.detail)
    Console().print(shown if page.exceptions else "Nothing is wrong.")


def accept(
    partner_id: Annotated[str, typer.Argument(help="The partner.")],
    variant_id: Annotated[str, typer.Argument(help="Our variant.")],
    data: DataDir = None,
) -> None:
    """Agree to what a partner asks for a variant now: its exception price_changed is resolved."""
    settings = running_settings_of(data)

    async def run() -> str:
        async with bootstrap.catalogue_office(settings) as office:
            return await office.accept_cost(partner_id, variant_id)

    typer.echo(f"agreed to {asyncio.run(run())} for {variant_id} at {partner_id}")


def check(
    partner_id: Annotated[str, typer.Argument(help="The partner.")],
    data: DataDir = None,
) -> None:
    """Have a partner asked for its offers now, instead of when its turn comes."""
    settings = running_settings_of(data)

    async def run() -> None:
        async with bootstrap.catalogue_office(settings) as office:
            await office.check(partner_id)

    asyncio.run(run())
    typer.echo(f"{partner_id} is asked for its offers as soon as a worker looks")

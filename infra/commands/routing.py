"""`printledger routing` and `printledger simulate routing`: the rules in force, and what others would change."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import yaml
from rich.console import Console
from rich.table import Table

from events.catalogue.commands import PublishRoutingRules
from infra import bootstrap
from infra.commands.common import DataDir, Json, Tenant, print_json, running_settings_of, time_of
from infra.files import write_whole
from infra.routing_chart import busiest_partners, change_text, draw, figures
from processors.clock import now_ms
from processors.ports import NamedError
from processors.routing.judge import Judge
from processors.routing.replay import Difference, by_order, simulate
from processors.routing.rules import RULES_BYTES_MAX, Rules, canonical, read_rules, shipped_text

CHART = "routing-simulation.svg"
END_OF_TIME_MS = 2**62
#: So many partners are listed in the terminal; `--json` has them all.
PARTNERS_SHOWN = 15

RulesFile = Annotated[
    Path, typer.Option("--rules", help="The rules to try, YAML or JSON.", exists=True, dir_okay=False)
]

routing_app = typer.Typer(help="The rules by which lines are given to print partners.", no_args_is_help=True)


class NothingRouted(NamedError):
    """No line of this tenant was routed in this time, as far as the read model is. Choose other times."""


class NoTime(NamedError):
    """The time that `--to` names must come after that of `--from`."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    routing_app.command("rules")(rules_in_force)
    routing_app.command("publish")(publish)
    app.add_typer(routing_app, name="routing")


def rules_in_force(
    data: DataDir = None,
    tenant: Tenant = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="Those that come with printledger.")] = False,
) -> None:
    """Print the rules that a tenant's lines are routed by; what is printed can be changed and published."""
    if shipped:
        typer.echo(shipped_text(), nl=False)
        return
    settings = running_settings_of(data)
    with bootstrap.system_reads(settings) as reads:
        published = reads.routing_rules(tenant or settings.tenants[0])
    typer.echo(_as_yaml(read_rules(published, "the published rules")) if published else shipped_text(), nl=False)


def publish(
    file: Annotated[Path, typer.Argument(help="The rules, YAML or JSON.", exists=True, dir_okay=False)],
    data: DataDir = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Route a tenant's lines by these rules from now on. Orders that have their partner keep it."""
    settings = running_settings_of(data)
    rules = _read(file)
    command = PublishRoutingRules(source_version=now_ms(), rules_version=rules.version, body=canonical(rules).decode())

    async def run() -> None:
        async with bootstrap.operator_desk(settings) as desk:
            await desk.catalogue.say(tenant or settings.tenants[0], (command,))

    asyncio.run(run())
    version = Judge(rules).version
    if as_json:
        print_json({"rule_version": version})
    else:
        typer.echo(f"published {version}")


def simulate_routing(
    rules: RulesFile,
    data: DataDir = None,
    tenant: Tenant = None,
    begin: Annotated[str, typer.Option("--from", help="From this date or time on (UTC).")] = "",
    end: Annotated[str, typer.Option("--to", help="Until this date or time (UTC), without it.")] = "",
    chart: Annotated[
        Path | None, typer.Option(help=f"Where the chart goes (default: {CHART} in the data folder).", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Route the lines of the past again by other rules, and show what that changes. Nothing is sent to anybody."""
    from_ms, to_ms = time_of(begin, 0), time_of(end, END_OF_TIME_MS)
    if from_ms >= to_ms:
        raise NoTime
    judge = Judge(_read(rules))
    settings = running_settings_of(data)
    console = Console(stderr=True)
    began = time.monotonic()
    with bootstrap.system_reads(settings) as reads, console.status("reading decisions …") as status:

        def told(done: int) -> None:
            rate = done / max(time.monotonic() - began, 0.001)
            status.update(f"{done:,} decisions, {rate:,.0f} a second …")

        decisions = reads.routing_decisions(tenant or settings.tenants[0], from_ms, to_ms)
        difference = simulate(by_order(decisions), judge, told)
    if not difference.decisions:
        raise NothingRouted
    seconds = time.monotonic() - began
    drawn = chart or settings.data_dir / CHART
    write_whole(drawn, draw(difference, f"Routing by {judge.version}"))
    if as_json:
        rate = round(difference.decisions / seconds)
        print_json(
            msgspec.to_builtins(difference)
            | {"seconds": round(seconds, 3), "decisions_per_second": rate, "chart": str(drawn)}
        )
    else:
        show(difference, seconds, drawn, Console())


def show(difference: Difference, seconds: float, chart: Path, console: Console) -> None:
    """The difference as tables."""
    table = Table("", "as decided", "tried rules", "change", title=f"Routing by {difference.rule_version}")
    before, after = difference.before, difference.after
    rows = [(f"{heading} ({unit})", old, new) for heading, unit, old, new in figures(difference)]
    rows += [
        ("late lines", before.late, after.late),
        ("lines that nobody can make", before.unroutable, after.unroutable),
        ("lines at a price without a rate", before.unpriced, after.unpriced),
        ("parcels without a price", before.unpriced_parcels, after.unpriced_parcels),
    ]
    for words, old, new in rows:
        table.add_row(words, f"{old:,}", f"{new:,}", change_text(old, new))
    console.print(table)
    partners = Table("partner", "as decided", "tried rules", "change", title="Lines by partner")
    for name, old, new in busiest_partners(difference)[:PARTNERS_SHOWN]:
        partners.add_row(name, f"{old:,}", f"{new:,}", change_text(old, new))
    console.print(partners)
    for example in difference.examples[:3]:
        told = f"order {example.order_id}, line {example.line_id}: {example.before or 'nobody'}"
        console.print(f"{told} → {example.after or 'nobody'}", markup=False, highlight=False)
    rate = difference.decisions / max(seconds, 0.001)
    console.print(
        f"{difference.changed:,} of {difference.decisions:,} decisions differ; {seconds:.1f} s, {rate:,.0f} a second; "
        f"chart: {chart}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _read(file: Path) -> Rules:
    with file.open("rb") as opened:
        return read_rules(opened.read(RULES_BYTES_MAX + 1), str(file))


def _as_yaml(rules: Rules) -> str:
    return str(yaml.safe_dump(msgspec.to_builtins(rules), sort_keys=False, allow_unicode=True))

"""`printledger bench NAME`: one benchmark against a stack of its own, one JSON object."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

import msgspec
import typer

from events.decoding import from_json
from infra import benchmarks
from infra.commands.common import Json, print_json
from infra.files import write_whole
from processors.ports import NamedError

ALL = "all"
#: Take an hour and more: asked for by name.
LONG = ("chaos", "day")
RESULTS = Path("bench") / "results.json"


class BenchmarkFailed(NamedError):
    """The benchmark did not end well. What it said stands above; run it alone with `printledger bench`."""


class NoSuchBenchmark(NamedError):
    """There is no benchmark of this name. Those that there are follow."""


class NothingToSoak(NamedError):
    """This benchmark has no soak. Leave --soak out, or name one that has it, such as render."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(
    name: Annotated[str, typer.Argument(help="Which one, such as ledger or latency; all writes bench/results.json.")],
    as_json: Json = False,
    soak: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Instead: so often in a row, to see whether memory grows (render)."),
    ] = 0,
) -> None:
    """Run one benchmark, or all. Each starts what it needs in a folder of its own and leaves nothing behind."""
    figures = run_all() if name == ALL else run(name, soak)
    if as_json:
        print_json(figures)
        return
    for figure, value in figures.items():
        typer.echo(f"{figure}: {value}")


def run(name: str, soak: int = 0) -> dict[str, Any]:
    """The figures of one benchmark: every module of `infra/benchmarks` with a function `run` is one.

    With `soak`, those of its function `soak`, which does its work that often.
    """
    present = {module.name for module in iter_modules(benchmarks.__path__)}
    module = import_module(f"{benchmarks.__name__}.{name}") if name in present else None
    if module is None or not hasattr(module, "run"):
        raise NoSuchBenchmark(f"{name}: {NoSuchBenchmark.__doc__} {', '.join(_runnable())}")
    if soak and not hasattr(module, "soak"):
        raise NothingToSoak
    figures: dict[str, Any] = module.soak(soak) if soak else module.run()
    return figures


def run_all() -> dict[str, Any]:
    """Every benchmark after the other, each in a process of its own; also written to bench/results.json.

    A process of its own, because one that measures its memory or its speed must not begin with another's leftovers.
    """
    figures = {}
    for name in _runnable():
        if name in LONG:
            continue
        typer.echo(f"{name} …", err=True)
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", "bench", name, "--json"], stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            raise BenchmarkFailed(f"{name}: {BenchmarkFailed.__doc__}")
        figures[name] = from_json(done.stdout)
    RESULTS.parent.mkdir(exist_ok=True)
    write_whole(RESULTS, msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    return figures


def _runnable() -> list[str]:
    names = sorted(module.name for module in iter_modules(benchmarks.__path__))
    return [name for name in names if hasattr(import_module(f"{benchmarks.__name__}.{name}"), "run")]

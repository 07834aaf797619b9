"""`printledger bench NAME`: one benchmark against a stack of its own, one JSON object."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any

import typer

from infra import benchmarks
from infra.commands.common import Json, print_json
from processors.ports import NamedError


class NoSuchBenchmark(NamedError):
    """There is no benchmark of this name. Those that there are follow."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(
    name: Annotated[str, typer.Argument(help="Which one, such as ledger or latency.")], as_json: Json = False
) -> None:
    """Run one benchmark. It starts what it needs in a folder of its own and leaves nothing behind."""
    figures = run(name)
    if as_json:
        print_json(figures)
        return
    for figure, value in figures.items():
        typer.echo(f"{figure}: {value}")


def run(name: str) -> dict[str, Any]:
    """The figures of one benchmark: every module of `infra/benchmarks` with a function `run` is one."""
    present = {module.name for module in iter_modules(benchmarks.__path__)}
    module = import_module(f"{benchmarks.__name__}.{name}") if name in present else None
    if module is None or not hasattr(module, "run"):
        runnable = sorted(found for found in present if hasattr(import_module(f"{benchmarks.__name__}.{found}"), "run"))
        raise NoSuchBenchmark(f"{name}: {NoSuchBenchmark.__doc__} {', '.join(runnable)}")
    figures: dict[str, Any] = module.run()
    return figures

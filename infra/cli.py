"""The `printledger` command: finds the modules of `infra/commands` and lets each add its commands."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import NoReturn

import typer

from infra import commands, logs
from processors.ports import NamedError

#: Which module has a command. Every process of the system starts through here, and most need one module alone;
#: a command that is not listed is found all the same, after importing all of them.
MODULE_OF = {
    "alerts": "scorecards",
    "audit": "proof",
    "catalogue": "catalogue",
    "claim": "claim",
    "demo": "demo",
    "dlq": "dlq",
    "down": "up",
    "key": "access",
    "inspect": "inspect",
    "inspections": "inspections",
    "ledger": "ledger",
    "lineage": "orders",
    "order": "orders",
    "orders": "orders",
    "parcel": "parcel",
    "partner": "partner",
    "batch": "batch",
    "picture": "artwork",
    "preview": "preview",
    "project": "project",
    "publish": "store",
    "routing": "routing",
    "scorecards": "scorecards",
    "serve": "serve",
    "simulate": "simulate",
    "sku": "store",
    "status": "up",
    "sweep": "sweep",
    "store": "access",
    "template": "artwork",
    "timeline": "orders",
    "up": "up",
    "verify": "proof",
    "worker": "worker",
}
#: Modules of `infra/commands` that have no commands of their own.
SHARED = ("common", "telling")


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command with the subcommands that these arguments need."""
    app = typer.Typer(
        name="printledger",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="An event-sourced order ledger for print-on-demand.",
    )
    # With a callback typer takes the name for a subcommand even where only one is there.
    app.callback()(_root)
    wanted = MODULE_OF.get(arguments[0]) if arguments else None
    present = sorted(module.name for module in iter_modules(commands.__path__))
    for name in [wanted] if wanted in present else present:
        if name not in SHARED and not name.startswith("_"):
            import_module(f"{commands.__name__}.{name}").register(app)
    return app


def _root() -> None:
    """An event-sourced order ledger for print-on-demand."""


def main() -> None:
    """Entry point of the `printledger` script. An error that has a name is told in its words, with exit code 1.

    So is a part that is away: clients raise errors of their own then, which `infra/outages.py` has names for.
    """
    # To standard error, before any command says otherwise: what a command prints is its answer alone.
    logs.configure("warning")
    try:
        build(sys.argv[1:])()
    except NamedError as error:
        _end(error)
    except Exception as error:
        # Imported here: it knows the clients of all parts, and most commands need few of them.
        from infra import outages

        named = outages.named(error)
        if named is None:
            raise
        logging.getLogger(__name__).debug("raised by a client", exc_info=error)
        _end(named)


def _end(error: NamedError) -> NoReturn:
    typer.echo(f"{error}", err=True)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()

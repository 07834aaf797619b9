"""The `printledger` command."""

import typer

app = typer.Typer(name="printledger", no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def root() -> None:
    """An event-sourced order ledger for print-on-demand."""


def main() -> None:
    """Entry point of the `printledger` script."""
    app()

"""`printledger parcel`: take a parcel back before hand-over, or send it to the address as its carrier writes it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from events.order.parcel_commands import AcceptSuggestedAddress, WithdrawParcel
from events.order.parcels import Suggestion
from events.order.state import Order
from events.order.suggestions import open_suggestions
from infra import bootstrap
from infra.commands.common import DataDir, Json, OrderNotFound, Tenant, print_json, running_settings_of
from infra.commands.telling import OUTCOME_SECONDS, By, OrderId, Said, Timeout, tell
from processors.ports import NamedError

parcel_app = typer.Typer(help="Parcels that have not left yet.", no_args_is_help=True)


class ParcelNotFound(NamedError):
    """The order has no such parcel; `printledger order` shows which it has."""


class NoSuggestion(NamedError):
    """No carrier suggests an address for this order, or several do: `printledger parcel suggestions` lists them."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    parcel_app.command("suggestions")(suggestions)
    parcel_app.command("accept-address")(accept_address)
    parcel_app.command("withdraw")(withdraw)
    app.add_typer(parcel_app, name="parcel")


def suggestions(order_id: OrderId, data: DataDir = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """List which parts of the address carriers would write otherwise. What they would write is shown by the API."""
    settings = running_settings_of(data)

    async def run() -> dict[str, Suggestion]:
        async with bootstrap.read_models(settings) as reader:
            order = await reader.state(tenant or settings.tenants[0], order_id)
        if order is None:
            raise OrderNotFound
        return open_suggestions(order)

    found = asyncio.run(run())
    if as_json:
        print_json({parcel_id: one.address.parts for parcel_id, one in found.items()})
        return
    for parcel_id, one in found.items():
        typer.echo(f"{parcel_id}: another {', '.join(one.address.parts)}")


def accept_address(
    order_id: OrderId,
    data: DataDir = None,
    tenant: Tenant = None,
    parcel: Annotated[str | None, typer.Option(help="Which parcel's suggestion, where there are several.")] = None,
    by: By = "support",
    timeout: Timeout = OUTCOME_SECONDS,
    as_json: Json = False,
) -> None:
    """Take the address as the carrier writes it: the order has it from then on, and the label is bought with it."""

    def say(order: Order) -> Said:
        found = open_suggestions(order)
        wanted = parcel or (next(iter(found)) if len(found) == 1 else None)
        if wanted is None or wanted not in found:
            raise NoSuggestion
        return Said(command=AcceptSuggestedAddress(parcel_id=wanted))

    settings = running_settings_of(data)
    tell(settings, tenant, order_id, f"operator:{by}", say, seconds=timeout, as_json=as_json)


def withdraw(
    order_id: OrderId,
    parcel_id: Annotated[str, typer.Argument(help="The parcel, such as P1.")],
    reason: Annotated[str, typer.Option(help="Why; kept for ever, so name no person.")],
    data: DataDir = None,
    tenant: Tenant = None,
    send_again: Annotated[
        bool, typer.Option("--send-again", help="Pack its goods anew; else they are cancelled.")
    ] = False,
    by: By = "support",
    timeout: Timeout = OUTCOME_SECONDS,
    as_json: Json = False,
) -> None:
    """Take a parcel back that the carrier does not have yet; its label is given back to the carrier."""

    def say(order: Order) -> Said:
        if parcel_id not in order.parcels:
            raise ParcelNotFound
        return Said(command=WithdrawParcel(parcel_id=parcel_id, send_again=send_again, reason=reason[:200]))

    settings = running_settings_of(data)
    tell(settings, tenant, order_id, f"operator:{by}", say, seconds=timeout, as_json=as_json)

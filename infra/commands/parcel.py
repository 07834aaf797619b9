"""`printledger parcel`: take a parcel back before hand-over, or send it to the address as its carrier writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated
from uuid import uuid4

import typer

from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.command_base import OrderCommand
from events.order.parcel_commands import AcceptSuggestedAddress, WithdrawParcel
from events.order.parcels import Suggestion
from events.order.state import Order
from events.order.suggestions import open_suggestions
from infra import bootstrap
from infra.commands.common import DataDir, Json, Tenant, print_json, running_settings_of
from processors.clock import now_ms
from processors.ports import NamedError
from projections.rows import CommandOutcome

OUTCOME_SECONDS = 10.0

OrderId = Annotated[str, typer.Argument(help="The order's id, as `printledger orders` shows it.")]
By = Annotated[str, typer.Option(help="Who decides it: a role or a number, no name.")]

parcel_app = typer.Typer(help="Parcels that have not left yet.", no_args_is_help=True)


class ParcelNotFound(NamedError):
    """The order has no such parcel; `printledger order` shows which it has."""


class NoSuggestion(NamedError):
    """No carrier suggests an address for this order, or several do: `printledger parcel suggestions` lists them."""


class NotTaken(NamedError):
    """The ledger did not take the command."""


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
            return open_suggestions(await reader.state(tenant or settings.tenants[0], order_id) or Order())

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
    as_json: Json = False,
) -> None:
    """Take the address as the carrier writes it: the order has it from then on, and the label is bought with it."""

    def command(order: Order) -> OrderCommand:
        found = open_suggestions(order)
        wanted = parcel or (next(iter(found)) if len(found) == 1 else None)
        if wanted is None or wanted not in found:
            raise NoSuggestion
        return AcceptSuggestedAddress(parcel_id=wanted)

    _send(order_id, data, tenant, by, command, as_json=as_json)


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
    as_json: Json = False,
) -> None:
    """Take a parcel back that the carrier does not have yet; its label is given back to the carrier."""

    def command(order: Order) -> OrderCommand:
        if parcel_id not in order.parcels:
            raise ParcelNotFound
        return WithdrawParcel(parcel_id=parcel_id, send_again=send_again, reason=reason[:200])

    _send(order_id, data, tenant, by, command, as_json=as_json)


def _send(
    order_id: str,
    data: DataDir,
    tenant: Tenant,
    by: str,
    command_of: Callable[[Order], OrderCommand],
    *,
    as_json: bool,
) -> None:
    """Send what `command_of` makes of the order as it is known now, and tell what became of it."""
    settings = running_settings_of(data)
    whose = tenant or settings.tenants[0]

    async def run() -> CommandOutcome | None:
        async with bootstrap.read_models(settings) as reader:
            command = command_of(await reader.state(whose, order_id) or Order())
            envelope = CommandEnvelope(
                command_id=command_id("parcel", order_id, uuid4().hex),
                key=order_id,
                tenant=whose,
                command_type=type(command).__name__,
                sent_at=now_ms(),
                actor=f"operator:{by}",
                correlation_id=order_id,
            )
            with bootstrap.command_sender(settings) as sender:
                await sender.send(command, envelope)
            return await reader.wait_for_outcome(whose, envelope.command_id, OUTCOME_SECONDS)

    outcome = asyncio.run(run())
    if outcome is not None and outcome.outcome != "accepted":
        raise NotTaken(f"{NotTaken.__doc__} {outcome.reason}: {outcome.detail}")
    if as_json:
        print_json(outcome)
    else:
        typer.echo("accepted" if outcome else "sent; its outcome is not known yet")

"""How a command of the line tells an order something, and what became of it.

It stands beside `common` and not in it, because it needs Kafka and read models, and processes that only start need
neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.command_base import OrderCommand
from events.order.state import Order
from infra import bootstrap
from infra.commands.common import OrderNotFound, print_json
from infra.settings import Settings
from processors.clock import now_ms
from processors.ports import NamedError
from projections.rows import CommandOutcome

OrderId = Annotated[str, typer.Argument(help="The order's id, as `printledger orders` shows it.")]
By = Annotated[str, typer.Option(help="Who decides it: a role or a number, no name.")]
Timeout = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for the outcome at most.")]
OUTCOME_SECONDS = 10.0


class NotTaken(NamedError):
    """The ledger did not take the command."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A command for an order. The same `command_id` is decided once; one of its own for each call where it is empty."""

    command: OrderCommand
    command_id: str = ""


def tell(
    settings: Settings,
    tenant: str | None,
    order_id: str,
    actor: str,
    say: Callable[[Order], Said],
    *,
    seconds: float = OUTCOME_SECONDS,
    as_json: bool = False,
) -> None:
    """Send what `say` makes of the order as it is known now, and tell what became of it.

    Raises OrderNotFound, NotTaken where the ledger refused it or it changed nothing, and what `say` raises.
    """
    outcome = asyncio.run(_told(settings, tenant or settings.tenants[0], order_id, actor, say, seconds))
    if outcome is not None and outcome.outcome != "accepted":
        raise NotTaken(f"{NotTaken.__doc__} {outcome.reason}: {outcome.detail}")
    if as_json:
        print_json(outcome)
    else:
        typer.echo("accepted" if outcome else "sent; its outcome is not known yet")


async def _told(
    settings: Settings, tenant: str, order_id: str, actor: str, say: Callable[[Order], Said], seconds: float
) -> CommandOutcome | None:
    async with bootstrap.read_models(settings) as reader:
        order = await reader.state(tenant, order_id)
        if order is None:
            raise OrderNotFound
        said = say(order)
        envelope = CommandEnvelope(
            command_id=said.command_id or command_id("command-line", order_id, uuid4().hex),
            key=order_id,
            tenant=tenant,
            command_type=type(said.command).__name__,
            sent_at=now_ms(),
            actor=actor,
            correlation_id=order_id,
        )
        with bootstrap.command_sender(settings) as sender:
            await sender.send(said.command, envelope)
        return await reader.wait_for_outcome(tenant, envelope.command_id, seconds)

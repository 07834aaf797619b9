"""The id of a command whose caller named none: a repeat is the same command, a wish that comes again is a new one.

An id is answered once, for ever. So what a request acts on is a part of it: to go back to an earlier text is another
command than the one that first asked for that text, though both requests read alike.
"""

from __future__ import annotations

import msgspec

from api.dependencies import ApiDependencies
from events.identity import command_id
from events.order.claim_commands import OpenClaim
from events.order.commands import ObserveStoreOrder, OrderCommand, ReplaceArtwork
from events.order.state import Order
from events.order.values import LineUnits

#: A request that was refused so often keeps its answer; with an Idempotency-Key it is asked anew.
REFUSALS_MAX = 20


async def unnamed_command_id(
    deps: ApiDependencies, tenant: str, order_id: str, command: OrderCommand, request_digest: str
) -> str:
    """The id of what a request asks for about the order as it is known."""
    match command:
        case ObserveStoreOrder():
            # The decider ignores an older picture and only notes one that says nothing new, so each may reach it.
            acted_on = str(command.store_updated_at)
        case ReplaceArtwork():
            # It says all that was asked, and of what: see `api/artwork.py`. A browser writes one form in other bytes
            # each time, so that the request's own digest tells less.
            request_digest, acted_on = order_id, command.content_digest
        case OpenClaim():
            state = await deps.orders.state(tenant, order_id)
            acted_on = _made_and_sent(state, command.lines) if state is not None else ""
        case _:
            # What is done already is ignored or refused by the decider, so that this may move with every fact.
            order = await deps.orders.order(tenant, order_id)
            acted_on = str(order.seq if order is not None else 0)
    derived_id = command_id("rest", tenant, request_digest, acted_on)
    if isinstance(command, ReplaceArtwork | OpenClaim):
        return await _not_refused(deps, tenant, derived_id)
    return derived_id


async def _not_refused(deps: ApiDependencies, tenant: str, derived_id: str) -> str:
    """This id, or where its command was refused the next: the decider would do these twice, but did not do it once."""
    for _ in range(REFUSALS_MAX):
        known = await deps.orders.outcome(tenant, derived_id)
        if known is None or known.outcome != "refused":
            break
        derived_id = command_id("rest", tenant, derived_id)
    return derived_id


def _made_and_sent(order: Order, claimed: tuple[LineUnits, ...]) -> str:
    """Which run made each claimed unit, and in which parcel it left: a unit that was printed again is another one."""
    known = [(part, order.line(part.line_id)) for part in claimed]
    runs = [
        (part.line_id, unit, run.run, run.parcel_id)
        for part, line in known
        for unit in part.units
        if line is not None and (run := line.newest_run_of.get(unit)) is not None
    ]
    return msgspec.json.encode(runs).decode()

"""Orders' lives for a ledger, and what holds of its log and its snapshots when it was right."""

from __future__ import annotations

import itertools

import msgspec

from events.order.state import Order
from events.order.stream import ORDER_STREAM
from infra import ledgers
from infra.benchmarks.order_lives import Sent, lives
from processors.ledger.loop import LedgerOptions
from processors.snapshots import Entry, EntryCodec
from tests.integration.ledger_bed import Bed, headers_of, value_of

SMALL = LedgerOptions(batch_commands_max=10, flush_seconds=0.05)
#: Nearly every command has to read the state of its order first.
FEW_IN_MEMORY = msgspec.structs.replace(SMALL, entries_max=2)


def some_lives(count: int, seed: int = 9) -> list[Sent]:
    """The first commands of some orders' lives, the same for the same seed."""
    return list(itertools.islice(lives(seed, open_orders=6), count))


def send(bed: Bed, commands: list[Sent]) -> None:
    """Put commands onto intake."""
    bed.send_all((one.key, one.command_id, one.command) for one in commands)


def hold_proofs(bed: Bed) -> None:
    """Fail unless `verify` and `audit` find nothing, and every command is answered."""
    verified, audited = bed.verify(), bed.audit()
    assert verified.described == []
    assert audited.described == []
    assert audited.waiting == 0


def folded_from_the_log(bed: Bed) -> dict[str, tuple[int, Order]]:
    """What the facts fold to, by nothing but the decider."""
    states: dict[str, tuple[int, Order]] = {}
    for fact in bed.facts():
        key = headers_of(fact)["ce_subject"].decode()
        seq, state = states.get(key, (0, Order()))
        states[key] = (seq + 1, ORDER_STREAM.decider.evolve(state, bed.codec.decode(value_of(fact))))
    return states


def snapshots(bed: Bed) -> dict[str, Entry]:
    """What PostgreSQL holds of the stream's orders."""
    codec = EntryCodec(Order)
    with ledgers.connect(bed.settings) as connection:
        rows = connection.execute(
            "SELECT key, state FROM ledger_snapshots WHERE stream = %s", (bed.stream.name,)
        ).fetchall()
    return {key: codec.decode(state) for key, state in rows}


def are_complete(stored: dict[str, Entry], bed: Bed) -> bool:
    """Whether the snapshots hold every fact of the log."""
    return {key: (entry.seq, entry.state) for key, entry in stored.items()} == folded_from_the_log(bed)

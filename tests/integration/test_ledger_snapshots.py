"""The ledger's snapshots, and what becomes of them when PostgreSQL is away, takes no writes or has gone back."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest
from psycopg import sql

from infra import ledgers
from infra.postgres import connect
from infra.stack.postgres_part import admin_url
from processors.ledger.loop import LedgerOptions
from processors.snapshots import BEGINNING, SnapshotStore, SnapshotsUncertain
from tests.integration.ledger_bed import Bed, until
from tests.integration.ledger_proofs import FEW_IN_MEMORY, SMALL, are_complete, hold_proofs, send, snapshots, some_lives

pytestmark = pytest.mark.stack


def take_writes(bed: Bed, database: str, *, writable: bool) -> None:
    """Let a database take writes or none, as a failover does: whoever is connected has to connect again."""
    with connect(admin_url(bed.settings)) as connection:
        connection.autocommit = True
        change = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        connection.execute(change.format(sql.Identifier(database), sql.Literal("off" if writable else "on")))
    disconnect_all(bed, database)


def disconnect_all(bed: Bed, database: str) -> None:
    with connect(admin_url(bed.settings)) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))


def test_the_ledger_waits_for_a_database_that_takes_no_writes(orders: Bed, database_url: str, unique: str) -> None:
    orders.settings = orders.settings.model_copy(update={"database_url": database_url})
    connected: list[None] = []

    def counting() -> Any:
        connected.append(None)
        return ledgers.connect(orders.settings)

    commands = some_lives(120)
    send(orders, commands[:60])
    with orders.running(orders.ledger(FEW_IN_MEMORY, connect=counting)) as running:
        orders.wait_until_answered()
        take_writes(orders, unique, writable=False)
        before = len(connected)
        send(orders, commands[60:])
        until(lambda: len(connected) > before + 5 or running.has_ended, "the ledger tried to write, and again")
        assert not running.has_ended

        take_writes(orders, unique, writable=True)
        orders.wait_until_answered()
        until(lambda: are_complete(snapshots(orders), orders), "the snapshots hold every fact")
    hold_proofs(orders)


@pytest.mark.parametrize(("options", "is_disconnected"), [(FEW_IN_MEMORY, True), (SMALL, False)])
def test_what_a_database_lost_while_the_ledger_lived_is_folded_from_the_log(
    orders: Bed, database_url: str, unique: str, options: LedgerOptions, is_disconnected: bool
) -> None:
    """A crash may take PostgreSQL back by a second, and so may a standby that was behind when it took over."""
    orders.settings = orders.settings.model_copy(update={"database_url": database_url})
    commands = some_lives(240)
    with orders.running(orders.ledger(options)):
        for part in (0, 1):
            send(orders, commands[part * 80 : (part + 1) * 80])
            orders.wait_until_answered()
            until(lambda: are_complete(snapshots(orders), orders), "the snapshots hold every fact")
            if part == 0:
                remember_snapshots(orders)
        put_snapshots_back(orders)
        if is_disconnected:
            disconnect_all(orders, unique)

        send(orders, commands[160:])
        orders.wait_until_answered()
        until(lambda: are_complete(snapshots(orders), orders), "the snapshots hold every fact again")
    hold_proofs(orders)


def remember_snapshots(bed: Bed) -> None:
    with ledgers.connect(bed.settings) as connection:
        connection.execute("CREATE TABLE earlier_snapshots AS TABLE ledger_snapshots")
        connection.execute("CREATE TABLE earlier_checkpoints AS TABLE ledger_checkpoints")


def put_snapshots_back(bed: Bed) -> None:
    with ledgers.connect(bed.settings) as connection, connection.transaction():
        connection.execute("TRUNCATE ledger_snapshots, ledger_checkpoints")
        connection.execute("INSERT INTO ledger_snapshots SELECT * FROM earlier_snapshots")
        connection.execute("INSERT INTO ledger_checkpoints SELECT * FROM earlier_checkpoints")


def test_a_checkpoint_is_not_moved_over_states_that_are_lost(orders: Bed) -> None:
    store = SnapshotStore(lambda: ledgers.connect(orders.settings), threading.Event())
    claim = store.claim(orders.stream.name, 0, 2, "shape")
    first, second = (msgspec.structs.replace(BEGINNING, position=end, record_offset=end) for end in (5, 9))
    store.write(claim, [], first, since=BEGINNING)
    # A first try whose answer was lost has already written this.
    store.write(claim, [], first, since=BEGINNING)
    with ledgers.connect(orders.settings) as connection:
        connection.execute("UPDATE ledger_checkpoints SET position = 0 WHERE stream = %s", (orders.stream.name,))

    with pytest.raises(SnapshotsUncertain):
        store.write(claim, [], second, since=first)

    assert store.claim(orders.stream.name, 0, 2, "shape").checkpoint.position == 0
    store.close()

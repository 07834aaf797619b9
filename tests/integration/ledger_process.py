"""A ledger process that ends itself with SIGKILL at a named step: `python -m tests.integration.ledger_process JSON`."""

import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from infra import ledgers
from infra.settings import load
from processors.ledger.loop import LedgerOptions

#: What was produced is on the broker after this long; then dying leaves an open transaction behind.
SETTLE_SECONDS = 0.3


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do. `crash_at` is a step's name, `crash_after` how often it is passed before."""

    data_dir: str
    topic_prefix: str
    stream: str
    options: LedgerOptions = LedgerOptions()
    crash_at: str = ""
    crash_after: int = 0


def main(orders: Orders) -> None:
    """Run the ledger; print `ready` when it has its partitions."""
    settings = load(Path(orders.data_dir), topic_prefix=orders.topic_prefix)
    passed = 0

    def crash_point(name: str) -> None:
        nonlocal passed
        if name == orders.crash_at:
            passed += 1
            if passed > orders.crash_after:
                threading.Event().wait(SETTLE_SECONDS)
                os.kill(os.getpid(), signal.SIGKILL)

    with ledgers.ledger(settings, orders.stream, options=orders.options, crash_point=crash_point) as ledger:
        signal.signal(signal.SIGTERM, lambda *_: ledger.stop())
        threading.Thread(target=lambda: ledger.ready.wait() and print("ready", flush=True), daemon=True).start()  # noqa: T201
        ledger.run()


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Orders))

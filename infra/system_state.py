"""How the system of a data folder is: what its supervisor writes, and `printledger status` reads."""

from __future__ import annotations

from pathlib import Path

import msgspec

from events.decoding import from_json

STATUS = "status.json"


class ProcessState(msgspec.Struct, kw_only=True):
    """How one part or process is, for `printledger status`."""

    name: str
    kind: str
    state: str
    pid: int | None
    address: str | None = None
    restarts: int = 0
    last_exit: str | None = None
    ready_seconds: float | None = None
    log: str


class SystemState(msgspec.Struct, kw_only=True):
    """The whole system in one document. `state` is starting, running, stopping, stopped or failed."""

    state: str
    pid: int
    profile: str
    data_dir: str
    started_at: int
    addresses: dict[str, str]
    processes: list[ProcessState]
    error: str | None = None


def read_state(data_dir: Path) -> SystemState | None:
    """What the last `up` in this folder wrote."""
    path = data_dir / STATUS
    return from_json(path.read_bytes(), SystemState) if path.exists() else None

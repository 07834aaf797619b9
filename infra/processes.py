"""The application's processes, as data: what `printledger up` runs beside the stack."""

from __future__ import annotations

import sys

import msgspec

from infra.child import Command
from infra.settings import Settings


class AppProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One process: `printledger ARGUMENTS --data DIR`. With a port, it is ready when that accepts connections."""

    name: str
    arguments: tuple[str, ...]
    port: int | None = None

    def command(self, settings: Settings) -> Command:
        """Its command line in this environment."""
        return Command(
            name=self.name,
            argv=(sys.executable, "-m", "infra.cli", *self.arguments, "--data", str(settings.data_dir)),
        )


def app_processes(settings: Settings) -> tuple[AppProcess, ...]:
    """What runs in this profile, in the order of starting."""
    del settings
    return ()

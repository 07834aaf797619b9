"""The application's processes, as data: what `printledger up` runs beside the stack."""

from __future__ import annotations

import sys

import msgspec

from infra.child import Command
from infra.settings import Settings

#: Sells the demo's labels whether or not `CARRIERS` names it.
EASYPOST = "easypost"


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
    return (*_core(settings), *_simulators(settings))


def _core(settings: Settings) -> tuple[AppProcess, ...]:
    """Ledger, read models, API and workers. Workers that wait for others most of the time share a process."""
    return (
        AppProcess(name="ledger-orders", arguments=("ledger", "--stream", "orders")),
        AppProcess(name="ledger-catalogue", arguments=("ledger", "--stream", "catalogue")),
        AppProcess(name="ledger-batches", arguments=("ledger", "--stream", "batches")),
        AppProcess(name="ledger-operations", arguments=("ledger", "--stream", "operations")),
        AppProcess(name="projections", arguments=("project", "all")),
        AppProcess(name="serve", arguments=("serve",), port=settings.api_port),
        AppProcess(name="worker-artwork", arguments=("worker", "artwork", "render")),
        AppProcess(
            name="worker-outside",
            arguments=("worker", "route", "submit", "cancel", "inspect", "label", "notify", "claim", "refund", "void"),
        ),
        AppProcess(
            name="worker-inside",
            arguments=(
                "worker",
                "inbound",
                "timers",
                "reactors",
                "catalogue-sync",
                "reconciler",
                "status-relay",
                "sweeper",
                "batches",
                "alerts",
            ),
        ),
    )


def _simulators(settings: Settings) -> tuple[AppProcess, ...]:
    """The outside world of the demo; a production profile has a real one."""
    if settings.profile != "demo":
        return ()
    return (
        AppProcess(name="demo-presses", arguments=("simulate", "presses"), port=settings.partner_simulator_port),
        AppProcess(name="demo-carrier", arguments=("simulate", "carrier"), port=settings.carrier_simulator_port),
        AppProcess(name="demo-refunds", arguments=("simulate", "refunds"), port=settings.refund_simulator_port),
        *_suppliers(settings),
        AppProcess(name="demo-desk", arguments=("simulate", "desk"), port=settings.pictures_port),
        *(
            AppProcess(
                name=f"demo-{name}", arguments=("simulate", name), port=settings.ports()[f"{name}_simulator_port"]
            )
            for name in settings.carriers
            if name != EASYPOST
        ),
    )


def _suppliers(settings: Settings) -> tuple[AppProcess, ...]:
    """The simulated supplier, where one is set up: in the demo it is, unless `VENDORS` says otherwise."""
    from infra.suppliers import SupplierSetup
    from infra.vendors import vendors

    if not any(isinstance(setup, SupplierSetup) for setup in vendors(settings).values()):
        return ()
    return (
        AppProcess(name="demo-supplier", arguments=("simulate", "supplier"), port=settings.supplier_simulator_port),
    )

"""The control desks of the simulated outside world: how presses and carriers behave, and who met planted failures.

A failure is planted by counting up a field of a simulator's behaviour, which says how many of the next requests fail in
this way; whoever meets it counts it down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from infra.demo.catalogue import EAST, WEST
from infra.processes import EASYPOST
from infra.settings import Settings

#: Requests to a control desk answer at once; a simulator that is busy with a day's webhooks may take longer.
DESK_SECONDS: Final = 30.0


class ControlDesks:
    """The desks of some simulators by name. Close it."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses` are where each one's behaviour is read (GET) and changed (PATCH)."""
        self._addresses = addresses
        self._client = httpx.AsyncClient(trust_env=False, timeout=DESK_SECONDS)
        self.planted: dict[tuple[str, str], int] = defaultdict(int)

    async def fail_next(self, name: str, failure: str) -> None:
        """One more request to this one fails in this way."""
        now = await self._behaviour(name)
        await self.behave(name, **{failure: now[failure] + 1})
        self.planted[name, failure] += 1

    async def behave(self, name: str, **changes: object) -> None:
        """Change how this one behaves."""
        (await self._client.patch(self._addresses[name], json=changes)).raise_for_status()

    async def met(self) -> dict[str, int]:
        """How many of the planted failures somebody met, by name and failure."""
        found = {}
        for (name, failure), planted in self.planted.items():
            now = await self._behaviour(name)
            found[f"{name} {failure}"] = planted - now[failure]
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _behaviour(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self._client.get(self._addresses[name])).raise_for_status().json()
        return found


def shop_desks(settings: Settings) -> ControlDesks:
    """The two simulated print shops."""
    url = f"http://127.0.0.1:{settings.partner_simulator_port}/control/shops"
    return ControlDesks({shop: f"{url}/{shop}" for shop in (EAST, WEST)})


def carrier_desks(settings: Settings) -> ControlDesks:
    """The simulated carriers that `CARRIERS` names."""
    return ControlDesks(
        {
            name: f"{url}/{'office' if name == EASYPOST else 'factory'}"
            for name, url in carrier_controls(settings).items()
        }
    )


async def labels_sold(settings: Settings) -> list[dict[str, Any]]:
    """Every shipment in the books of the carriers that `CARRIERS` names: reference, and how often it was paid."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        for name, url in carrier_controls(settings).items():
            book = await client.get(f"{url}/{'labels' if name == EASYPOST else 'jobs'}")
            found += [{**row, "carrier": name} for row in book.raise_for_status().json()]
    return found


def labels_wrong(labels: Sequence[Mapping[str, Any]], orders: int) -> list[str]:
    """What is wrong with these labels where each of so many orders has one parcel: doubled, lost, or too many."""
    paid = [label for label in labels if label["purchases"]]
    by_parcel: dict[str, list[str]] = defaultdict(list)
    for label in paid:
        by_parcel[label["reference"]] += [label["carrier"]] * label["purchases"]
    wrong = [f"{len(by_parcel)} labels for {orders} orders"] if len(by_parcel) != orders else []
    return wrong + [f"{parcel}: {', '.join(sold)}" for parcel, sold in by_parcel.items() if len(sold) > 1]


def carrier_controls(settings: Settings) -> dict[str, str]:
    """Where the control desk of each carrier that `CARRIERS` names begins."""
    ports = settings.ports()
    name_of_port = {EASYPOST: "carrier_simulator_port"}
    return {
        name: f"http://127.0.0.1:{ports[name_of_port.get(name, f'{name}_simulator_port')]}/control"
        for name in settings.carriers
    }

"""The catalogue of a simulated vendor: what it was set up with, changed at the control desk while it runs.

`attach` adds to the control desk: `PATCH /control/catalogue/{item}` changes fields of an item, and `DELETE` of the same
makes it vanish; the next `PATCH` brings it back. What was changed is kept over a restart.
"""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response

from events.decoding import convert, from_json
from processors.simulation import Store
from processors.simulation_http import Json, answer, json_object

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS catalogue (item TEXT PRIMARY KEY, body BLOB);"

T = TypeVar("T", bound=msgspec.Struct)


class CatalogueShelf(Generic[T]):
    """Items by their name. `tell` hears of each change: what an item was and what it is, None where it has vanished."""

    def __init__(self, store: Store, items: Mapping[str, T], tell: Callable[[T, T | None], None]) -> None:
        """`store` was opened with `SCHEMA`; `items` are what the vendor was set up with."""
        self._store = store
        self._items = items
        self._tell = tell

    def known(self, item: str) -> T | None:
        """An item as it is, or as it was set up where it has vanished; None for what never was."""
        return self.find(item) or self._items.get(item)

    def find(self, item: str) -> T | None:
        """An item that can be ordered; None for every other."""
        set_up = self._items.get(item)
        row = self._store.row("SELECT body FROM catalogue WHERE item = ?", item)
        if set_up is None or row is None:
            return set_up
        return None if row["body"] is None else from_json(row["body"], type(set_up))

    def change(self, item: str, changes: Json | None) -> T | None:
        """Change fields of an item, or let it vanish. KeyError for what never was, ValidationError for other fields."""
        before = self.known(item)
        if before is None:
            raise KeyError(item)
        after = None
        if changes is not None:
            fields = msgspec.to_builtins(before)
            if unknown := sorted(set(changes) - set(fields)):
                raise msgspec.ValidationError(f"no such fields: {unknown}")
            after = convert(fields | changes, type(before))
        self._store.run(
            "INSERT INTO catalogue VALUES (?, ?) ON CONFLICT (item) DO UPDATE SET body = excluded.body",
            item, None if after is None else msgspec.json.encode(after),
        )  # fmt: skip
        self._tell(before, after)
        return after


def attach(app: FastAPI, shelf: CatalogueShelf[T]) -> None:
    """Let the control desk change the catalogue."""

    @app.api_route("/control/catalogue/{item}", methods=["PATCH", "DELETE"])
    async def change(item: str, request: Request) -> Response:
        changes = await json_object(request) if request.method == "PATCH" else None
        try:
            return answer(200, shelf.change(item, changes))
        except KeyError:
            return answer(404, {"message": f"{item} was never in the catalogue"})
        except msgspec.ValidationError as error:
            return answer(422, {"message": str(error)})

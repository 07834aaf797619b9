"""Rows as PostgreSQL can hold them: its texts and its jsonb have no NUL, which a fact of the ledger may have."""

import re
from collections.abc import Collection
from typing import Any

from projections.model import Change, Table

NUL = "\x00"
#: Unicode's sign for a character that cannot be shown.
INSTEAD_OF_NUL = "\ufffd"
#: NUL as JSON writes it. Behind a backslash that is written as two it is a backslash and letters.
_NUL_IN_JSON = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def holdable(change: Change, table: Table, json_columns: Collection[str]) -> Change:
    """The change with U+FFFD for each NUL; the same where there is none. `json_columns` hold JSON."""
    held_by = [_json_held if name in json_columns else text_held for name in table.columns]
    return Change(
        table=change.table,
        rows=[tuple(held(value) for held, value in zip(held_by, row, strict=True)) for row in change.rows],
        removals=[tuple(map(text_held, key)) for key in change.removals],
    )


def text_held(value: Any) -> Any:
    """A text, or a list of them, without NUL; anything else as it is."""
    if isinstance(value, str):
        return value.replace(NUL, INSTEAD_OF_NUL)
    return [text_held(one) for one in value] if isinstance(value, list | tuple) else value


def _json_held(value: Any) -> Any:
    return _NUL_IN_JSON.sub(rf"\1{INSTEAD_OF_NUL}", value) if isinstance(value, str) else value

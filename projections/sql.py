"""Named SQL texts: each begins with a line `-- name --`, and a comment that says what it does may follow."""

import re
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- ([a-z0-9_ ]+) --$", re.MULTILINE)


class NoSuchQuery(KeyError):
    """The file has no text of this name."""


class NamedTexts:
    """The named texts of one SQL file of this package."""

    def __init__(self, text: str) -> None:
        parts = _NAME.split(text)
        self._texts = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}

    def __getitem__(self, name: str) -> LiteralString:
        """The text of this name. It comes from a file of this package, hence it is as literal as source code."""
        try:
            return cast(LiteralString, self._texts[name])
        except KeyError:
            raise NoSuchQuery(f"{name}: {NoSuchQuery.__doc__}") from None

    def get(self, name: str) -> LiteralString | None:
        """The text of this name, or None."""
        return cast(LiteralString | None, self._texts.get(name))

    def names(self) -> tuple[str, ...]:
        """All names in the order of the file."""
        return tuple(self._texts)


def load(path: str) -> NamedTexts:
    """Read a file below `projections/`, such as `queries.sql`."""
    return NamedTexts(files("projections").joinpath(path).read_text(encoding="utf-8"))


QUERIES = load("queries.sql")

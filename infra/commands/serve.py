"""`printledger serve`: the API, the webhooks' doors and the links to files."""

from __future__ import annotations

import asyncio

import typer
import uvloop

from infra import bootstrap, serving
from infra.commands.common import DataDir, settings_of
from infra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(data: DataDir = None) -> None:
    """Serve HTTP until told to end; requests in flight are finished."""
    settings = settings_of(data)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with bootstrap.api(settings) as app:
        await serving.serve(app, settings)

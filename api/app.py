"""The application: routes, limits and errors put together."""

from __future__ import annotations

from fastapi import FastAPI

from api import problems
from api.dependencies import ApiDependencies
from api.limits import BodyLimit, RateLimits
from api.routes import assets, health, orders
from api.webhooks import deliveries

VERSION = "1"


def create_app(deps: ApiDependencies) -> FastAPI:
    """The ASGI application over these collaborators. Serve it with uvicorn (`loop="uvloop"`, `http="httptools"`)."""
    app = FastAPI(
        title="printledger",
        version=VERSION,
        description="Orders for print-on-demand: in, along their way, and out of the door.",
        # The interactive pages load scripts from elsewhere; the description itself is served.
        docs_url=None,
        redoc_url=None,
    )
    app.state.dependencies = deps
    app.state.rate_limits = RateLimits(deps.rate_limits_per_minute)
    problems.install(app)
    app.add_middleware(BodyLimit, bytes_max=deps.body_bytes_max)
    for router in (orders.router, assets.router, health.router, deliveries.router):
        app.include_router(router)
    return app

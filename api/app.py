"""The application: routes, limits and errors put together."""

from __future__ import annotations

from fastapi import FastAPI

from api import problems
from api.dependencies import ApiDependencies
from api.limits import BodyLimit, RateLimits
from api.routes import assets, catalogue, claims, health, inspections, orders, parcels, previews, proofs
from api.webhooks import deliveries
from processors.previews import PreviewStudio
from processors.uploads import UPLOAD_BYTES_MAX

VERSION = "1"
DESCRIPTION = """\
Orders for print-on-demand: in, along their way, and out of the door.

**Repeating a request.** Send an `Idempotency-Key` with each request that asks for something, and repeat the request
with it until it is answered: it counts once, and each answer is the first one's. Without a key it goes by what the
request is about:

- an order is known by its `updated_at`. Without that too, each request says how the order is from now on, and one that
  differs in nothing is noted and changes nothing;
- other artwork counts once as long as the line carries it, a complaint once for the same printed goods; what was
  refused may be sent again;
- anything else counts once until something happens to the order. Sent again later, it is decided anew: what is done
  already is ignored, or refused by name.
"""

#: Paths that take a whole picture, and how large their bodies may be; a form adds little to its file.
FILE_PATHS = {
    r"/v1/orders/[^/]+/lines/[^/]+/file": UPLOAD_BYTES_MAX,
    r"/v1/orders/[^/]+/lines/[^/]+/runs/[^/]+/photo": UPLOAD_BYTES_MAX,
    r"/v1/orders/[^/]+/claims/pictures": UPLOAD_BYTES_MAX,
    r"/v1/proofs/[^/]+/replace": UPLOAD_BYTES_MAX + 65_536,
    r"/v1/previews": previews.BODY_BYTES_MAX,
}


def create_app(deps: ApiDependencies, studio: PreviewStudio | None = None) -> FastAPI:
    """The ASGI application over these collaborators. Serve it with uvicorn (`loop="uvloop"`, `http="httptools"`).

    Without a `studio` it draws no previews.
    """
    app = FastAPI(
        title="printledger",
        version=VERSION,
        description=DESCRIPTION,
        # The interactive pages load scripts from elsewhere; the description itself is served.
        docs_url=None,
        redoc_url=None,
    )
    app.state.dependencies = deps
    app.state.rate_limits = RateLimits({**previews.RATE_LIMITS_PER_MINUTE, **deps.rate_limits_per_minute})
    problems.install(app)
    app.add_middleware(BodyLimit, bytes_max=deps.body_bytes_max, larger=FILE_PATHS)
    for routes in (orders, parcels, inspections, claims, proofs, catalogue, assets, health, deliveries):
        app.include_router(routes.router)
    if studio is not None:
        previews.mount(app, studio)
    return app

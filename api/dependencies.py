"""What the API works with, and how a request's caller becomes known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request, Security, params
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from api.limits import BODY_BYTES_MAX, RateLimits
from api.problems import Problem
from events.order.state import Order
from processors.carriers.protocol import Carrier
from processors.inbound.assemble import OrderAssembler
from processors.links import LinkSigner
from processors.partners.protocol import PrintPartner
from processors.ports import (
    ApiKey,
    ApiKeys,
    CommandSender,
    IdempotencyKeys,
    ObjectStore,
    RecordLog,
    StoreConnections,
    Vault,
)
from projections.claim_rows import ClaimsPage
from projections.inspection_verdicts import DefectAgreement, InspectionsPage
from projections.lineage import LineLineage
from projections.rows import CatalogueExceptionsPage, CommandOutcome, OrderPage, OrderView, Timeline

RATE_LIMITS_PER_MINUTE = {
    "key": 3_000,
    "tenant": 6_000,
    "webhook": 12_000,
    "asset": 6_000,
    "proof": 600,
    "stranger": 600,
}


class OrderReads(Protocol):
    """The read models that the API answers from; each call sees the rows of one tenant alone."""

    async def list_orders(
        self,
        tenant: str,
        *,
        status: str | None,
        store: str | None,
        external_id: str | None,
        limit: int,
        cursor: str | None,
    ) -> OrderPage:
        """A page of orders, newest first. ValueError for a cursor that is none of ours."""
        ...

    async def order(self, tenant: str, order_id: str) -> OrderView | None:
        """One order."""
        ...

    async def state(self, tenant: str, order_id: str) -> Order | None:
        """The folded order, with what was given for each line still sealed."""
        ...

    async def lineage(self, tenant: str, order_id: str) -> tuple[LineLineage, ...] | None:
        """Where everything that the order's lines print came from and went."""
        ...

    async def timeline(self, tenant: str, order_id: str, *, after_seq: int, limit: int) -> Timeline:
        """What happened after the fact with number `after_seq`, oldest first."""
        ...

    async def catalogue_exceptions(
        self, tenant: str, *, kind: str | None, resolved: bool, limit: int
    ) -> CatalogueExceptionsPage:
        """What is wrong with what the tenant sells."""
        ...

    async def inspection_agreement(self, tenant: str, from_ms: int) -> tuple[DefectAgreement, ...]:
        """How the automatic rules and people agree on inspected units since a time (epoch milliseconds)."""
        ...

    async def inspections(self, tenant: str, order_id: str) -> InspectionsPage:
        """Compared photographs of the order's printed units, by line, run and place."""
        ...

    async def claims(
        self, tenant: str, *, order_id: str | None = None, stage: str | None = None, limit: int = 200
    ) -> ClaimsPage:
        """Returns and complaints of the tenant, of one order or in one stage where they are given; the oldest first."""
        ...

    async def outcome(self, tenant: str, command_id: str) -> CommandOutcome | None:
        """What became of a command; None when it is not known (yet)."""
        ...

    async def wait_for_outcome(self, tenant: str, command_id: str, seconds: float) -> CommandOutcome | None:
        """What became of a command; waits so long for it, None when it is not known by then."""
        ...


@dataclass(frozen=True, kw_only=True)
class ApiDependencies:
    """Every collaborator of the API; `infra/bootstrap.py` makes one."""

    api_keys: ApiKeys
    stores: StoreConnections
    vault: Vault
    objects: ObjectStore
    log: RecordLog
    commands: CommandSender
    assembler: OrderAssembler
    orders: OrderReads
    idempotency: IdempotencyKeys
    links: LinkSigner
    partners: Mapping[str, PrintPartner]
    carriers: Mapping[str, Carrier]
    now_ms: Callable[[], int]
    #: Names what is not ready, with the reason; empty when all is.
    not_ready: Callable[[], Awaitable[Mapping[str, str]]]
    body_bytes_max: int = BODY_BYTES_MAX
    rate_limits_per_minute: Mapping[str, int] = field(default_factory=lambda: RATE_LIMITS_PER_MINUTE)


def dependencies_of(request: Request) -> ApiDependencies:
    """The collaborators of the application that serves this request."""
    found: ApiDependencies = request.app.state.dependencies
    return found


def limits_of(request: Request) -> RateLimits:
    """The counters of the application that serves this request."""
    found: RateLimits = request.app.state.rate_limits
    return found


#: The two ways to present a key, as the description of the API names them.
_BEARER = HTTPBearer(scheme_name="bearer", auto_error=False, description="An API key")
_HEADER = APIKeyHeader(name="X-Api-Key", scheme_name="header", auto_error=False, description="An API key")


async def caller_of(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> ApiKey:
    """Recognise the caller by `Authorization: Bearer KEY` or `X-Api-Key: KEY`; the tenant comes from the key."""
    presented = bearer.credentials.strip() if bearer is not None else header
    deps, limits = dependencies_of(request), limits_of(request)
    key = await run_in_threadpool(deps.api_keys.authenticate, presented) if presented else None
    if key is None:
        # Counted by address, so that guessing keys is slow for the guesser alone.
        limits.count("stranger", request.client.host if request.client else "")
        raise Problem(
            401,
            "key_not_recognised",
            "Send a valid API key as `Authorization: Bearer KEY`. Make one with `printledger key create`.",
            headers={"WWW-Authenticate": 'Bearer realm="printledger"'},
        )
    limits.count("key", key.prefix)
    limits.count("tenant", key.tenant)
    return key


def _with_scopes(wanted: SecurityScopes, key: Annotated[ApiKey, Depends(caller_of)]) -> ApiKey:
    for scope in wanted.scopes:
        if scope not in key.scopes:
            raise Problem(
                403,
                "scope_missing",
                f"This key lacks the scope {scope}. Use a key that has it.",
                extra={"scope": scope},
            )
    return key


def require(scope: str) -> params.Security:
    """A dependency that lets only keys with this scope pass; the description of the API names the scope."""
    return params.Security(_with_scopes, scopes=[scope])


Dependencies = Annotated[ApiDependencies, Depends(dependencies_of)]
Reader = Annotated[ApiKey, require("orders:read")]
Writer = Annotated[ApiKey, require("orders:write")]
Canceller = Annotated[ApiKey, require("orders:cancel")]
Claimant = Annotated[ApiKey, require("orders:claims")]
Approver = Annotated[ApiKey, require("orders:approve")]

"""`POST /webhooks/…`: verify the sender, store the raw delivery, answer. Nothing is parsed here.

A delivery that is answered with 200 is on Kafka and will be read; anything else makes the sender try again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool

from api.answers import problems
from api.dependencies import ApiDependencies, Dependencies, limits_of
from api.models import ReceivedOut
from api.problems import Problem
from processors.carriers.protocol import Carrier
from processors.inbound import shopify
from processors.inbound.raw import RAW_TOPIC, RawDelivery, pack, without_credentials
from processors.partners.protocol import PrintPartner
from processors.webhooks import WebhookNotGenuine, with_address_secret

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_PROBLEMS = problems(401, 404, 413, 429, 503)
#: A name in the path: a store, partner or carrier as it is configured.
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")]


@router.post("/shopify/{store}", response_model=ReceivedOut, responses=_PROBLEMS)
async def shopify_webhook(request: Request, store: Name, deps: Dependencies) -> ReceivedOut:
    """Order webhooks of a Shopify store, signed over the raw body (`X-Shopify-Hmac-Sha256`)."""
    limits_of(request).count("webhook", f"shopify/{store}")
    connection = await run_in_threadpool(deps.stores.find, store)
    if connection is None or connection.platform != "shopify" or connection.secret is None:
        raise _unknown_sender("store")
    headers, body = without_credentials(request.headers), await request.body()
    try:
        shopify.verify(connection.secret, headers, body)
    except WebhookNotGenuine as error:
        raise _not_genuine(error) from None
    delivery = RawDelivery(
        kind="shopify",
        name=store,
        tenant=connection.tenant,
        event_id=shopify.event_id(headers, body),
        headers=headers,
        body=body,
        received_at=deps.now_ms(),
    )
    return await _store(deps, delivery)


@router.post("/partners/{partner}", response_model=ReceivedOut, responses=_PROBLEMS)
async def partner_webhook(request: Request, partner: Name, deps: Dependencies) -> ReceivedOut:
    """Status webhooks of a print partner, signed as its adapter describes."""
    return await _from_adapter(request, deps, "partner", partner, deps.partners.get(partner))


@router.post("/carriers/{carrier}", response_model=ReceivedOut, responses=_PROBLEMS)
async def carrier_webhook(request: Request, carrier: Name, deps: Dependencies) -> ReceivedOut:
    """Tracking webhooks of a carrier, signed as its adapter describes."""
    return await _from_adapter(request, deps, "carrier", carrier, deps.carriers.get(carrier))


async def _from_adapter(
    request: Request, deps: ApiDependencies, kind: str, name: str, adapter: PrintPartner | Carrier | None
) -> ReceivedOut:
    limits_of(request).count("webhook", f"{kind}/{name}")
    if adapter is None:
        raise _unknown_sender(kind)
    headers, body = without_credentials(request.headers), await request.body()
    try:
        adapter.verify_webhook(with_address_secret(request.headers, request.query_params.get("secret", "")), body)
    except WebhookNotGenuine as error:
        raise _not_genuine(error) from None
    delivery = RawDelivery(
        kind=kind,
        name=name,
        event_id=headers.get("webhook-id") or shopify.event_id({}, body),
        headers=headers,
        body=body,
        received_at=deps.now_ms(),
    )
    return await _store(deps, delivery)


async def _store(deps: ApiDependencies, delivery: RawDelivery) -> ReceivedOut:
    value, headers = await run_in_threadpool(pack, deps.vault, delivery)
    await deps.log.append(RAW_TOPIC, delivery.source, value, headers)
    return ReceivedOut()


def _unknown_sender(kind: str) -> Problem:
    return Problem(404, f"{kind}_not_connected", f"No {kind} of this name takes webhooks here. Check the address.")


def _not_genuine(error: WebhookNotGenuine) -> Problem:
    return Problem(401, "webhook_not_genuine", str(error))

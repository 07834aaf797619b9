"""Sends an order as its store would: by signed webhook, by REST with an API key, or onto the store's own topic."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from events.codec import Codec
from events.decoding import convert
from events.documents import StoreOrderPublished
from events.identity import order_id
from processors.ports import NamedError, RecordLog, StoreConnection

ANSWER_SECONDS_MAX = 30.0


class RoadNotOpen(NamedError):
    """This store has no such road in. Name another with --via: webhook, rest or kafka."""


class OrderFileNotUsable(NamedError):
    """The file is not an order in the form that this road takes."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent: the order's id, the road, and what the receiver answered."""

    order_id: str
    external_id: str
    via: str
    outcome: str
    detail: str = ""


class StoreFront:
    """One store's side of the roads. `api_key` is needed for REST, `log` for Kafka."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, codec: Codec, log: RecordLog, api_key: str) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._codec = codec
        self._log = log
        self._api_key = api_key

    async def publish(self, connection: StoreConnection, order: Mapping[str, Any], via: str) -> Published:
        """Send one order by one road; raises `RoadNotOpen` or `OrderFileNotUsable`."""
        match via:
            case "webhook":
                return await self._by_webhook(connection, order)
            case "rest":
                return await self._by_rest(connection, order)
            case "kafka":
                return await self._by_kafka(connection, order)
            case _:
                raise RoadNotOpen

    async def _by_webhook(self, connection: StoreConnection, order: Mapping[str, Any]) -> Published:
        if connection.platform != "shopify" or connection.secret is None:
            raise RoadNotOpen(f"{connection.store} is connected as {connection.platform}: {RoadNotOpen.__doc__}")
        whole = order.get("order", order)
        if not isinstance(whole, Mapping) or "id" not in whole:
            raise OrderFileNotUsable("A Shopify order is an object with an id; see Shopify's order resource.")
        body = json.dumps(whole, ensure_ascii=False).encode()
        signature = base64.b64encode(hmac.new(connection.secret, body, hashlib.sha256).digest()).decode()
        # Derived from the content: the same file sent twice is the same event, a changed one is another.
        event_id = hashlib.sha256(body).hexdigest()[:32]
        answer = await self._client.post(
            f"{self._base_url}/webhooks/shopify/{connection.store}",
            content=body,
            headers={
                "Content-Type": "application/json",
                "X-Shopify-Topic": "orders/cancelled" if whole.get("cancelled_at") else "orders/create",
                "X-Shopify-Hmac-Sha256": signature,
                "X-Shopify-Event-Id": event_id,
                "X-Shopify-Webhook-Id": event_id,
                "X-Shopify-Shop-Domain": f"{connection.store}.example.com",
            },
            timeout=ANSWER_SECONDS_MAX,
        )
        return self._told(connection, str(whole["id"]), "webhook", answer)

    async def _by_rest(self, connection: StoreConnection, order: Mapping[str, Any]) -> Published:
        if "external_id" not in order:
            raise OrderFileNotUsable("An order for POST /v1/orders has an external_id; see /docs of the API.")
        body = json.dumps({**order, "store": connection.store}, ensure_ascii=False).encode()
        answer = await self._client.post(
            f"{self._base_url}/v1/orders",
            content=body,
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._api_key}",
                "Idempotency-Key": hashlib.sha256(body).hexdigest(),
                "Prefer": "wait=10",
            },
            timeout=ANSWER_SECONDS_MAX,
        )
        return self._told(connection, str(order["external_id"]), "rest", answer)

    async def _by_kafka(self, connection: StoreConnection, order: Mapping[str, Any]) -> Published:
        try:
            record = convert({**order, "store": connection.store}, StoreOrderPublished)
        except msgspec.ValidationError as error:
            raise OrderFileNotUsable(f"The file is not a StoreOrderPublished record: {error}") from error
        topic = f"stores.{connection.tenant}.orders.v1"
        await self._log.append(topic, record.external_id, self._codec.encode(record))
        return Published(
            order_id=order_id(connection.tenant, connection.store, record.external_id),
            external_id=record.external_id,
            via="kafka",
            outcome="stored",
            detail=f"on {topic}",
        )

    def _told(self, connection: StoreConnection, external_id: str, via: str, answer: httpx.Response) -> Published:
        try:
            told = answer.json()
        except ValueError:
            told = {}
        outcome = str(told.get("outcome") or ("stored" if answer.is_success else "refused"))
        detail = str(told.get("detail") or ("" if answer.is_success else f"HTTP {answer.status_code}"))
        return Published(
            order_id=order_id(connection.tenant, connection.store, external_id),
            external_id=external_id,
            via=via,
            outcome=outcome,
            detail=detail,
        )

"""Whatever arrives at a webhook's address ends in a named error or in reports; nothing else comes out."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.carriers.easypost import EasyPost
from processors.outbound import OutboundClient, OutboundPolicy
from processors.partners.gelato import Gelato
from processors.partners.print_shop import PrintShop
from processors.partners.printful import Printful
from processors.partners.printify import Printify
from processors.partners.prodigi import Prodigi
from processors.webhooks import WebhookNotGenuine, WebhookUnreadable
from tests.contract import gelato_rig, printify_rig, prodigi_rig
from tests.contract.claims import Claims
from tests.contract.partner_rigs import SECRET
from tests.contract.printful_rig import RECEIVING, VARIANT


class Listener(Protocol):
    """What partners and carriers have in common."""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None: ...

    def parse_webhook(self, body: bytes) -> tuple[Any, ...]: ...


def client() -> OutboundClient:
    """A client that is never used and so opens nothing."""
    return OutboundClient("vendor", "http://127.0.0.1:9", OutboundPolicy())


class NoLabels:
    """Fetches nothing."""

    async def fetch(self, url: str) -> Any:
        raise AssertionError(url)


LISTENERS: dict[str, Callable[[], Listener]] = {
    "print_shop": lambda: PrintShop("press", client(), (SECRET,)),
    "printful": lambda: Printful(
        "printful",
        client(),
        variants=(VARIANT,),
        receiving=RECEIVING,
        webhook_secrets_hex=("00ff",),
        capacity_units_per_day=1,
    ),
    "gelato": lambda: Gelato(
        "gelato",
        client(),
        client(),
        Claims(),
        variants=(gelato_rig.VARIANT,),
        receiving=RECEIVING,
        webhook_secrets=("secret",),
        capacity_units_per_day=1,
    ),
    "printify": lambda: Printify(
        "printify",
        client(),
        Claims(),
        shop_id=1,
        variants=(printify_rig.VARIANT,),
        receiving=RECEIVING,
        webhook_secrets=("secret",),
        capacity_units_per_day=1,
    ),
    "prodigi": lambda: Prodigi(
        "prodigi",
        client(),
        Claims(),
        variants=(prodigi_rig.VARIANT,),
        receiving=RECEIVING,
        callback_url="http://127.0.0.1:9/",
        webhook_secrets=("secret",),
        capacity_units_per_day=1,
    ),
    "easypost": lambda: EasyPost("easypost", client(), NoLabels(), Claims(), ("secret",)),
}

#: Genuine shapes, one a listener, whose leaves are then replaced by anything.
GENUINE: dict[str, dict[str, Any]] = {
    "print_shop": {
        "type": "job.status",
        "timestamp": "2026-11-20T06:07:08Z",
        "data": {
            "event_id": "e", "external_id": "k", "job_number": "J", "status": "printing", "sequence": 1, "at": 1,
            "units": [1], "quality": {"passed": False, "defects": [{"unit": 1, "code": "stained"}]},
        },
    },
    "printful": {
        "type": "order_updated",
        "occurred_at": "2026-11-20T06:07:08Z",
        "data": {"reason": "r", "order": {"id": 1, "external_id": "k", "status": "inprocess"}, "shipment": None},
    },
    "gelato": {
        "id": "os_1", "event": "order_status_updated", "orderId": "o", "storeId": None, "orderReferenceId": "k",
        "fulfillmentStatus": "shipped",
        "items": [{"itemReferenceId": "k", "fulfillmentStatus": "shipped", "fulfillments": []}],
    },
    "printify": {
        "id": "e", "type": "order:updated", "created_at": "2022-05-17 15:00:00+00:00",
        "resource": {"id": "o", "type": "order", "data": {"status": "fulfilled", "carrier": {"code": "c"}}},
    },
    "prodigi": {
        "specversion": "1.0", "id": "evt", "type": "com.prodigi.order.status.stage.changed#InProgress",
        "time": "2020-08-14T11:51:01.55Z", "subject": "ord_1",
        "data": {
            "order": {
                "id": "ord_1", "merchantReference": "k", "created": "2020-08-14T11:50:54.557Z",
                "status": {
                    "stage": "InProgress", "issues": [{"errorCode": "order.items.ItemUnavailable", "description": "d"}],
                    "details": {"downloadAssets": "InProgress", "shipping": "NotStarted"},
                },
                "items": [{"sku": "s", "copies": 1, "assets": [{"printArea": "default", "url": "u"}]}],
                "charges": [{"totalCost": {"amount": "1.00", "currency": "USD"}}],
            }
        },
    },
    "easypost": {
        "id": "evt", "object": "Event", "description": "tracker.updated",
        "result": {
            "id": "trk", "tracking_code": "1", "status": "in_transit", "carrier": "USPS",
            "updated_at": "2026-11-20T06:07:08Z", "est_delivery_date": None,
            "tracking_details": [{"status": "in_transit", "datetime": "2026-11-20T06:07:08Z"}],
        },
    },
}  # fmt: skip

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-20", "2026-11-20T06:07:08"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, child in children for deeper in leaves(child, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The JSON value with one place replaced."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@functools.cache
def listening(name: str) -> Listener:
    """The listener of this name, made once: they keep nothing between webhooks."""
    return LISTENERS[name]()


def parse(name: str, body: bytes) -> None:
    """Parse; only the named error may come out."""
    try:
        reports = listening(name).parse_webhook(body)
    except WebhookUnreadable:
        return
    assert isinstance(reports, tuple)


@pytest.mark.parametrize("name", LISTENERS)
@given(body=st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused_by_name(name: str, body: bytes) -> None:
    parse(name, body)


@pytest.mark.parametrize("name", LISTENERS)
@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_genuine_shape_with_anything_in_one_place_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(leaves(GENUINE[name])))
    body = json.dumps(replaced(GENUINE[name], path, data.draw(anything))).encode()
    parse(name, body)


@pytest.mark.parametrize("name", LISTENERS)
def test_the_genuine_shape_gives_a_report(name: str) -> None:
    assert listening(name).parse_webhook(json.dumps(GENUINE[name]).encode())


@pytest.mark.parametrize("name", LISTENERS)
@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"data":' * 100_000, b'{"type": "x", "more": ' + b"[" * 100_000])
def test_a_bottomless_body_is_refused_by_name(name: str, deep: bytes) -> None:
    parse(name, deep)


@pytest.mark.parametrize("name", LISTENERS)
@given(
    body=st.binary(max_size=100),
    signature=st.text(st.characters(max_codepoint=255), max_size=60),
    stamp=st.one_of(st.text(max_size=20), st.floats().map(str), st.integers().map(str)),
)
@settings(max_examples=150, deadline=None)
def test_any_header_is_refused_by_name(name: str, body: bytes, signature: str, stamp: str) -> None:
    headers = {
        "webhook-id": signature,
        "webhook-timestamp": stamp,
        "webhook-signature": signature,
        "x-pf-webhook-signature": signature,
        "x-pfy-signature": signature,
        "X-Hmac-Signature": signature,
        "Authorization": signature,
    }
    with pytest.raises(WebhookNotGenuine):
        listening(name).verify_webhook(headers, body)

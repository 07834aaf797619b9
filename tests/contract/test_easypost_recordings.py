"""EasyPost's own recordings: the adapter understands them, and the simulator answers in the same shape.

The recordings are other people's files and stay where they are; without them these tests are skipped.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from processors.carriers import easypost_wire as wire
from processors.carriers.easypost import EasyPost, sign
from processors.carriers.easypost_reading import cheapest
from processors.carriers.easypost_requests import shipment_request
from processors.carriers.easypost_sorting import refused
from processors.carriers.protocol import TrackingPlace, WebhookNotGenuine
from processors.fetch import SafeFetcher
from processors.outbound import Answer, OutboundClient, OutboundPolicy
from tests.contract.carrier_rigs import EasyPostRig
from tests.contract.claims import Claims

RECORDINGS = Path(__file__).parents[3] / "shared" / "fixtures" / "easypost"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"the recordings are not at {RECORDINGS}"),
]

Json = dict[str, Any]


def recorded(name: str) -> list[tuple[Json, Answer]]:
    """Each request of a recording with its answer."""
    cassette = yaml.safe_load((RECORDINGS / name).read_text())
    return [
        (
            interaction["request"],
            Answer(
                status=interaction["response"]["status"]["code"],
                headers={},
                body=interaction["response"]["body"]["string"].encode(),
            ),
        )
        for interaction in cassette["interactions"]
    ]


@pytest.fixture
async def adapter() -> Any:
    """An adapter whose webhook secret is the one of EasyPost's test data."""
    secret = json.loads((RECORDINGS / "client-library-fixtures.json").read_text())["webhooks"]["secret"]
    client = OutboundClient("easypost", "http://127.0.0.1:9", OutboundPolicy())
    adapter = EasyPost("easypost", client, SafeFetcher(), Claims(), (secret,))
    yield adapter
    await adapter.aclose()


async def test_the_published_signature_fits_the_published_body(adapter: EasyPost) -> None:
    vector = json.loads((RECORDINGS / "client-library-fixtures.json").read_text())["webhooks"]
    # The file ends with a new line that was not part of the signed body.
    body = (RECORDINGS / "event-body.json").read_bytes().rstrip(b"\n")
    adapter.verify_webhook({"X-Hmac-Signature": vector["hmac_signature"]}, body)
    unnormalised = {"X-Hmac-Signature": sign(vector["secret"].encode(), body)}
    for headers, changed in [(unnormalised, body), ({"X-Hmac-Signature": vector["hmac_signature"]}, body + b"\n")]:
        with pytest.raises(WebhookNotGenuine):
            adapter.verify_webhook(headers, changed)


async def test_the_published_event_is_read_with_its_latest_scan(adapter: EasyPost) -> None:
    (report,) = adapter.parse_webhook((RECORDINGS / "event-body.json").read_bytes())
    assert (report.tracking_event_id, report.tracking_number, report.carrier_code) == ("evt_1", "1", "FedEx")
    assert (report.raw_status, report.canonical, report.rank) == ("in_transit", "in_transit", 20)
    assert report.carrier_timestamp_at == 1_722_624_600_000  # 2024-08-02T18:50:00Z
    assert report.place == TrackingPlace(city="EDISON", region="NJ", country="US")
    assert report.detail == "arrived_at_facility: Arrived at FedEx location"
    assert report.estimated_delivery_at == 1_722_816_000_000  # 2024-08-05T00:00:00Z


async def test_a_recorded_shipment_is_read_rated_and_bought() -> None:
    (_, created), (buy_request, bought) = recorded("test_shipment_buy.yaml")
    shipment = msgspec.json.decode(created.body, type=wire.Shipment)
    rate = cheapest(shipment.rates, ())
    assert rate is not None
    assert (rate.service, rate.rate) == ("GroundAdvantage", "6.07")
    assert json.loads(buy_request["body"]) == {"rate": {"id": rate.id}}
    paid = msgspec.json.decode(bought.body, type=wire.Shipment)
    assert paid.postage_label is not None
    assert paid.postage_label.label_file_type == "image/png"
    assert paid.selected_rate == rate
    assert paid.tracker is not None
    assert paid.tracker.tracking_code == paid.tracking_code == "9400100208303109505657"


async def test_a_recorded_tracker_is_read() -> None:
    ((_, answer),) = recorded("test_tracker_create.yaml")
    tracker = msgspec.json.decode(answer.body, type=wire.Tracker)
    assert (tracker.status, len(tracker.tracking_details)) == ("pre_transit", 2)


async def test_a_recorded_refusal_of_an_address_is_sorted() -> None:
    (_, created), (_, answer) = recorded("test_address_verify_invalid_address.yaml")
    assert created.status == 201
    refusal = refused(answer)
    assert (refusal.reason, refusal.retryable, refusal.needs_person) == ("address_not_found", False, True)
    assert "House number is missing" in refusal.detail


async def test_our_request_has_the_fields_of_the_recorded_one(easypost_rig: EasyPostRig) -> None:
    ((request, _),) = recorded("test_shipment_create.yaml")
    ours = shipment_request(easypost_rig.shipment())["shipment"]
    theirs = json.loads(request["body"])["shipment"]
    assert set(ours) <= set(theirs)
    for part in ("from_address", "to_address", "parcel"):
        assert set(ours[part]) - {"company", "street2"} <= set(theirs[part]), part
    assert ours["parcel"] == theirs["parcel"]


# The simulator in the recorded shapes


def fields(value: Any, path: str = "") -> Iterator[str]:
    """Every path in a JSON value; list entries count as one, and a null says nothing of what may stand there."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from fields(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")


def replay(rig: EasyPostRig, request: Json, swap: dict[str, str]) -> tuple[int, Json]:
    """Send a recorded request to the simulator, with the simulator's ids in place of the recorded ones."""
    text = json.dumps([request["uri"], request["body"] or ""])
    for theirs, ours in swap.items():
        text = text.replace(theirs, ours)
    uri, body = json.loads(text)
    url = uri.replace("https://api.easypost.com", rig.simulator.url)
    response = httpx.request(
        request["method"], url, content=body.encode() or None, auth=("key-of-tests", ""), trust_env=False
    )
    return response.status_code, response.json()


def ids_of(theirs: Json, ours: Json) -> dict[str, str]:
    """The recorded ids with the simulator's beside them."""
    swap = {theirs["id"]: ours["id"]}
    services = {rate["service"]: rate["id"] for rate in ours.get("rates", [])}
    return swap | {rate["id"]: services[rate["service"]] for rate in theirs.get("rates", [])}


@pytest.mark.parametrize(
    "name",
    [
        "test_address_verify.yaml",
        "test_address_verify_invalid_address.yaml",
        "test_shipment_create.yaml",
        "test_shipment_buy.yaml",
    ],
)
async def test_the_simulator_answers_recorded_requests_with_the_recorded_status_and_fields(
    easypost_rig: EasyPostRig, name: str
) -> None:
    easypost_rig.calm()
    easypost_rig.provoke("scan nothing")
    swap: dict[str, str] = {}
    for request, answer in recorded(name):
        status, ours = replay(easypost_rig, request, swap)
        theirs = json.loads(answer.body)
        assert status == answer.status
        assert set(fields(ours)) == set(fields(theirs))
        if "id" in theirs:
            swap |= ids_of(theirs, ours)


async def test_the_simulators_webhooks_have_the_fields_of_the_published_event(easypost_rig: EasyPostRig) -> None:
    easypost_rig.calm()
    carrier = easypost_rig.carrier()
    await carrier.buy_label(easypost_rig.shipment())
    number = easypost_rig.simulator.control("GET", "/labels")[-1]["id"]
    theirs = set(fields(json.loads((RECORDINGS / "event-body.json").read_text())))
    # A fresh tracker has no carrier detail yet, and is not finalised: EasyPost's recording of one leaves these out.
    later = {p for p in theirs if p.startswith((".result.carrier_detail.", ".result.finalized", ".result.is_return"))}
    easypost_rig.reports_of(number, lambda reports: len(reports) >= 2)
    for delivery in easypost_rig.deliveries_of(number):
        ours = set(fields(json.loads(delivery.body)))
        assert theirs - later <= ours
        assert ours - theirs <= {".result.fees"}
    await carrier.aclose()

"""Shippo's own recordings: the adapter understands them, and the simulator answers in the same shape.

The recordings are other people's files and stay where they are; without them these tests are skipped. Their bodies are
compressed, and their requests are texts of Python 2.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from processors.carriers import shippo_wire as wire
from processors.carriers.common import price_in_minor_units
from processors.carriers.protocol import TrackingPlace
from processors.carriers.shippo_reading import offered, tracking_report
from processors.carriers.shippo_requests import address, shipment_request
from tests.contract.carrier_rigs import RECIPIENT, bought
from tests.contract.carrier_rigs_of_rates import ShippoRig

RECORDINGS = Path(__file__).parents[3] / "shared" / "fixtures" / "shippo"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"the recordings are not at {RECORDINGS}"),
]

Json = dict[str, Any]


class Cassette(yaml.SafeLoader):
    """Reads what Python 2 called unicode as text."""


def text_of(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    """What stands there as text."""
    return loader.construct_scalar(node)


Cassette.add_constructor("tag:yaml.org,2002:python/unicode", text_of)


def recorded(name: str) -> list[tuple[Json, int, bytes]]:
    """Each request of a recording with the status and body of its answer."""
    cassette = yaml.load((RECORDINGS / name).read_text(), Loader=Cassette)  # noqa: S506 - a safe loader with one more tag
    found = []
    for interaction in cassette["interactions"]:
        body = interaction["response"]["body"]["string"]
        whole = gzip.decompress(body) if isinstance(body, bytes) else body.encode()
        found.append((interaction["request"], interaction["response"]["status"]["code"], whole))
    return found


async def test_a_recorded_validation_is_read() -> None:
    (_, status, created), (_, _, validated) = recorded("address_test_validate.yaml")
    assert status == 201
    assert msgspec.json.decode(created, type=wire.AddressWire).validation_results.is_valid is None
    found = msgspec.json.decode(validated, type=wire.AddressWire)
    assert (found.validation_results.is_valid, found.is_residential) == (True, True)
    assert (found.street1, found.zip) == ("215 CLAYTON ST", "94117-1913")


async def test_recorded_rates_are_read_with_price_and_days() -> None:
    answers = [body for request, _, body in recorded("shipment_test_create.yaml") if "/shipments/" in request["uri"]]
    shipment = msgspec.json.decode(answers[0], type=wire.Shipment)
    rates = [offered("shippo", rate) for rate in shipment.rates]
    assert rates
    assert all(rate is not None and rate.cost_minor > 0 and rate.service for rate in rates)
    assert {rate.currency for rate in rates if rate is not None} == {"USD"}


async def test_a_recorded_transaction_is_read_as_under_way_and_its_rate_is_priced() -> None:
    answers = recorded("transaction_test_create.yaml")
    request, status, body = next(one for one in answers if "/transactions/" in one[0]["uri"])
    made = msgspec.json.decode(body, type=wire.Transaction)
    assert (status, made.status, made.rate) == (201, "QUEUED", json.loads(request["body"])["rate"])
    page = next(json.loads(body) for asked, _, body in answers if "/rates/" in asked["uri"])
    rates = {rate["object_id"]: rate for rate in page["results"]}
    rate = msgspec.convert(rates[str(made.rate)], wire.Rate)
    assert price_in_minor_units(rate.amount, rate.currency) == 2273


@pytest.mark.parametrize("name", ["track_test_create.yaml", "track_test_get_status.yaml"])
async def test_a_recorded_track_is_read_without_the_buyers_town(name: str) -> None:
    ((_, _, body),) = recorded(name)
    track = msgspec.json.decode(body, type=wire.Track)
    assert track.tracking_status is not None
    report = tracking_report(track, track.tracking_status, None)
    assert (report.raw_status, report.canonical, report.rank) == ("DELIVERED", "delivered", 40)
    assert report.carrier_timestamp_at == 1_481_210_340_000  # 2016-12-08T15:19:00Z
    assert report.place == TrackingPlace(city=None, region="CA", country="US")
    assert report.tracking_number == "9205590164917337534322"


async def test_our_requests_have_the_fields_of_the_recorded_ones(shippo_rig: ShippoRig) -> None:
    requests = {r["uri"]: json.loads(r["body"]) for r, _, _ in recorded("shipment_test_create.yaml") if r["body"]}
    base = "https://api.goshippo.com"
    ours = shipment_request(shippo_rig.shipment())
    # An e-mail address may be given where the recording gives none; a return address is not ours to give.
    assert set(address(RECIPIENT)) - {"email"} <= set(requests[f"{base}/addresses/"])
    assert set(ours["parcels"][0]) <= set(requests[f"{base}/parcels/"])
    assert set(ours) <= set(requests[f"{base}/shipments/"])


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


def call(rig: ShippoRig, method: str, path: str, body: object = None) -> tuple[int, Json]:
    """One request to the simulator."""
    response = httpx.request(
        method,
        rig.simulator.url + path,
        json=body,
        headers={"authorization": "ShippoToken key-of-tests"},
        trust_env=False,
    )
    return response.status_code, response.json()


async def test_the_simulator_validates_addresses_with_the_recorded_fields(shippo_rig: ShippoRig) -> None:
    shippo_rig.calm()
    (request, status, created), (_, _, validated) = recorded("address_test_validate.yaml")
    ours_status, ours = call(shippo_rig, "POST", "/addresses/", json.loads(request["body"]))
    assert (ours_status, set(fields(ours))) == (status, set(fields(json.loads(created))))
    ours_status, ours = call(shippo_rig, "GET", f"/addresses/{ours['object_id']}/validate")
    assert (ours_status, set(fields(ours))) == (200, set(fields(json.loads(validated))))
    assert ours["validation_results"]["is_valid"]


async def test_the_simulator_rates_and_sells_with_the_recorded_fields(shippo_rig: ShippoRig) -> None:
    shippo_rig.calm()
    shippo_rig.provoke("scan nothing")
    interactions = recorded("transaction_test_create.yaml")
    theirs = {"shipment": b"", "transaction": b""}
    for request, _, body in interactions:
        if request["method"] == "POST" and "/shipments/" in request["uri"]:
            theirs["shipment"] = body
        if "/transactions/" in request["uri"]:
            theirs["transaction"] = body
    _, ours = call(shippo_rig, "POST", "/shipments/", shipment_request(shippo_rig.shipment()))
    recorded_fields = set(fields(json.loads(theirs["shipment"])))
    # Whoever asks decides what stands in `extra`; a weight that raises no message shows none.
    optional = {p for p in recorded_fields if p.startswith((".extra.", ".messages[]"))} | {".rates[].attributes[]"}
    assert recorded_fields - optional <= set(fields(ours))
    assert set(fields(ours)) - recorded_fields <= {".rates[].estimated_days", ".extra.reference_1"}
    _, sold = call(shippo_rig, "POST", "/transactions/", {"rate": ours["rates"][0]["object_id"], "metadata": "m"})
    assert set(fields(sold)) == set(fields(json.loads(theirs["transaction"])))


async def test_the_simulators_webhooks_have_the_fields_of_the_recorded_track(shippo_rig: ShippoRig) -> None:
    shippo_rig.calm()
    carrier = shippo_rig.carrier()
    label = await bought(carrier, shippo_rig.shipment())
    shippo_rig.reports_of(label.tracking_number, lambda reports: len(reports) >= 2)
    ((_, _, body),) = recorded("track_test_get_status.yaml")
    theirs = set(fields(json.loads(body)))
    later = {"substatus", "transaction", "messages"}
    for delivery in shippo_rig.deliveries_of(label.tracking_number):
        ours = set(fields(json.loads(delivery.body)["data"]))
        assert theirs <= ours
        assert all(any(word in path for word in later) for path in ours - theirs)
    await carrier.aclose()

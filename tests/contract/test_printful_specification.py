"""What passes between the Printful adapter and its simulator, checked against Printful's own OpenAPI text.

The text is the vendor's file and stays where it is; without it the checks against it are skipped. The complaints of
Printful's users that this adapter must make impossible have tests here too.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from processors.outbound import Exchange
from processors.partners.printful_events import DRAFT, STATUS_MAP
from processors.partners.protocol import Accepted, CancelConfirmed, PartnerReport, Refused
from tests.contract.partner_rigs import QUICK, Kept
from tests.contract.printful_rig import VARIANT, PrintfulRig

TEXT = Path(__file__).parents[3] / "shared" / "fixtures" / "printful" / "openapi-v2.json"
needs_text = pytest.mark.skipif(not TEXT.is_file(), reason=f"Printful's OpenAPI text is not at {TEXT}")
pytestmark = pytest.mark.anyio

Json = dict[str, Any]
ONE_TRY = msgspec.structs.replace(QUICK, attempts=1)


@pytest.fixture
async def rig(printful_rig: PrintfulRig) -> Any:
    """Printful in a calm mood; what a test opened is closed after it."""
    printful_rig.calm()
    printful_rig.settle()
    yield printful_rig
    while printful_rig.opened:
        await printful_rig.opened.pop().aclose()


@pytest.fixture(scope="module")
def text() -> Json:
    """The OpenAPI text."""
    found: Json = json.loads(TEXT.read_text())
    return found


def schema_of(text: Json, part: Any, *, sending: bool = False) -> Any:
    """OpenAPI 3.0 as JSON Schema: references in place, `nullable` as a type of its own, formats left out.

    When `sending`, what is read-only is not required.
    """
    if isinstance(part, list):
        return [schema_of(text, entry, sending=sending) for entry in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target: Any = text
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/")]
        return schema_of(text, target, sending=sending)
    kept = {
        name: {key: schema_of(text, value, sending=sending) for key, value in inner.items()}
        if name == "properties"
        else schema_of(text, inner, sending=sending)
        for name, inner in part.items()
        if name not in ("example", "examples", "description", "format", "discriminator", "nullable", "title")
    }
    if sending and "required" in kept:
        read_only = {name for name, inner in part.get("properties", {}).items() if inner.get("readOnly")}
        kept["required"] = [name for name in kept["required"] if name not in read_only]
    return {"anyOf": [kept, {"type": "null"}]} if part.get("nullable") else kept


def operation(text: Json, exchange: Exchange) -> Json | None:
    """The operation that an exchange belongs to; None for version 1, which the text does not describe."""
    steps = exchange.path.split("/")
    for path, operations in text["paths"].items():
        names = path.split("/")
        if len(names) == len(steps) and all(n == s or n.startswith("{") for n, s in zip(names, steps, strict=True)):
            found: Json = operations[exchange.method.lower()]
            return found
    return None


def content_schema(text: Json, holder: Json, *, sending: bool = False) -> Any:
    """The JSON Schema of a body; None when it has none."""
    if "$ref" in holder:
        target: Any = text
        for step in holder["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        holder = target
    content = holder.get("content", {}).get("application/json")
    return None if content is None else schema_of(text, content["schema"], sending=sending)


@needs_text
async def test_requests_and_answers_are_as_the_vendors_text_says(rig: PrintfulRig, text: Json) -> None:
    exchanges = Kept()
    partner, job = rig.partner(exchanges=exchanges), rig.job()
    rig.provoke("stay queued")
    assert isinstance(await partner.submit(job), Accepted)
    assert isinstance(await partner.submit(job), Accepted)
    await partner.read_back(job.effect_key)
    await partner.offers()
    await partner.read_back("never-sent")
    checked = set()
    for exchange in (e for e in exchanges if e.status is not None):
        described = operation(text, exchange)
        assert described is not None, exchange.path
        if exchange.sent:
            schema = content_schema(text, described["requestBody"], sending=True)
            jsonschema.validate(json.loads(exchange.sent), schema)
        schema = content_schema(text, described["responses"][str(exchange.status)])
        jsonschema.validate(json.loads(exchange.answered), schema)
        checked.add((exchange.method, exchange.status, exchange.path.count("/")))
    assert {status for _, status, _ in checked} == {200, 400, 404}
    assert len(checked) >= 6


@needs_text
async def test_every_webhook_of_the_simulator_is_as_the_vendors_text_says(rig: PrintfulRig, text: Json) -> None:
    partner, job = rig.partner(), rig.job()
    rig.provoke("hold")
    await partner.submit(job)

    def fulfilled(reports: list[PartnerReport]) -> bool:
        return any(report.canonical == "handed_over" for report in reports)

    rig.reports_of(job.effect_key, lambda found: fulfilled(found) and any(r.canonical == "on_hold" for r in found))
    types = set()
    for delivery in rig.deliveries_of(job.effect_key):
        event = json.loads(delivery.body)
        types.add(event["type"])
        jsonschema.validate(event, content_schema(text, text["x-webhooks"][event["type"]]["post"]["requestBody"]))
    assert types >= {"order_created", "order_updated", "order_put_hold", "order_remove_hold", "shipment_sent"}


@needs_text
async def test_every_webhook_about_the_catalogue_is_as_the_vendors_text_says(rig: PrintfulRig, text: Json) -> None:
    item = f"/catalogue/{VARIANT.catalog_variant_id}"
    rig.simulator.control("PATCH", item, {"in_stock": False, "price": "6.10"})
    rig.simulator.control("DELETE", item)
    rig.simulator.control("PATCH", item, {"in_stock": True, "price": "5.95"})
    told = [one["body"] for one in rig.simulator.control("GET", "/webhooks") if "catalog_" in one["body"]["type"]]
    for event in told:
        jsonschema.validate(event, content_schema(text, text["x-webhooks"][event["type"]]["post"]["requestBody"]))
        assert rig.partner().parse_webhook(json.dumps(event).encode()) == ()
    assert {event["type"] for event in told} == {"catalog_stock_updated", "catalog_price_changed"}


@needs_text
async def test_the_effect_key_fits_the_vendors_external_id_and_every_status_word_is_known(text: Json) -> None:
    words = text["components"]["schemas"]["Order"]["properties"]["status"]["description"].split("**")[1::2]
    assert {word for word in words if STATUS_MAP.canonical(word) is None} == {DRAFT}


async def test_a_draft_whose_creation_was_not_answered_is_taken_up_and_not_drafted_twice(rig: PrintfulRig) -> None:
    rig.provoke("create and fall silent")
    partner, job = rig.partner(ONE_TRY), rig.job()
    outcome = await partner.submit(job)
    assert isinstance(outcome, Accepted)
    assert outcome.already_known
    orders = [o for o in rig.simulator.control("GET", "/jobs") if o["external_id"] == job.effect_key]
    assert [order["confirmations"] for order in orders] == [1]


async def test_a_draft_that_could_not_be_confirmed_is_deleted_by_a_cancel(rig: PrintfulRig) -> None:
    rig.provoke("refuse for now")
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.submit(job), Refused)
    assert await partner.read_back(job.effect_key) is None
    assert job.effect_key in {order["external_id"] for order in rig.simulator.control("GET", "/jobs")}
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    assert job.effect_key not in {order["external_id"] for order in rig.simulator.control("GET", "/jobs")}


async def test_a_draft_is_no_news_of_the_press(rig: PrintfulRig) -> None:
    rig.provoke("refuse for now")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    await partner.submit(job)
    reports = rig.reports_of(job.effect_key, lambda found: any(report.rank for report in found))
    assert all(report.raw_status != "draft" for report in reports)


async def test_a_parcel_of_a_split_order_does_not_finish_the_whole_run(rig: PrintfulRig) -> None:
    partner = rig.partner()
    event = {
        "type": "shipment_sent",
        "occurred_at": "2026-11-20T06:07:08Z",
        "retries": 0,
        "store_id": 1,
        "data": {
            "order": {"id": 7, "external_id": "k", "status": "partial"},
            "shipment": {"id": 70, "status": "shipped"},
        },
    }
    (report,) = partner.parse_webhook(json.dumps(event).encode())
    assert (report.raw_status, report.canonical) == ("partial", "finishing")
    repeated = json.dumps(event | {"retries": 3}).encode()
    assert partner.parse_webhook(repeated)[0].partner_event_id == report.partner_event_id


@pytest.mark.parametrize(
    ("event_type", "canonical"),
    [("shipment_out_of_stock", "on_hold"), ("shipment_canceled", "failed"), ("shipment_returned", "failed")],
)
async def test_trouble_with_a_shipment_is_a_condition_of_the_run(
    rig: PrintfulRig, event_type: str, canonical: str
) -> None:
    body = {
        "type": event_type,
        "occurred_at": "2026-11-20T06:07:08Z",
        "data": {"reason": "as it came", "order": {"id": 7, "external_id": "k", "status": "inprocess"}},
    }
    (report,) = rig.partner().parse_webhook(json.dumps(body).encode())
    assert (report.raw_status, report.canonical, report.rank) == (event_type, canonical, 0)
    assert report.detail == "as it came"

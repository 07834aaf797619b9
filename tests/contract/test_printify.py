"""What is Printify's own: orders on hold until they are sent, webhooks that name only Printify's order."""

import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from processors.partners import printify_wire as wire
from processors.partners.common import WITHDRAWN
from processors.partners.printify_events import HOUR_MS, STATUS_MAP, reports, snapshot
from processors.partners.protocol import Accepted, CancelConfirmed, JobSnapshot, Refused
from tests.contract.partner_rigs import QUICK, seen
from tests.contract.printify_rig import PrintifyRig

pytestmark = pytest.mark.anyio

#: Order statuses of the vendor's table and of its OpenAPI text, those of lines, and those that integrators met.
DOCUMENTED = """
pending on-hold sending-to-production in-production canceled fulfilled partially-fulfilled payment-not-received
had-issues has-issues cost-calculation unfulfillable sending_to_production_delegate sending_to_production_delegate_sync
source-check-failed checking-quality quality-approved quality-declined ready-for-production callback-received
"""


@pytest.fixture
async def rig(printify_rig: PrintifyRig) -> AsyncIterator[PrintifyRig]:
    """Printify in a calm mood; what a test opened is closed after it."""
    printify_rig.calm()
    printify_rig.settle()
    yield printify_rig
    while printify_rig.opened:
        await printify_rig.opened.pop().aclose()


def event(order_id: str, kind: str = "order:updated", **data: object) -> bytes:
    """A webhook body such as Printify's."""
    body = {
        "id": f"653b6be8-{kind}",
        "type": kind,
        "created_at": "2022-05-17 15:00:00+00:00",
        "resource": {"id": order_id, "type": "order", "data": {"shop_id": 815256, **data}},
    }
    return json.dumps(body).encode()


async def test_every_documented_status_word_is_known() -> None:
    assert [word for word in DOCUMENTED.split() if STATUS_MAP.canonical(word) is None] == []


@pytest.mark.parametrize("kind", ["order:created", "order:shipment:delivered", "shop:disconnected", "order:updated"])
async def test_an_event_that_is_no_news_of_the_press_says_nothing(kind: str) -> None:
    assert reports(event("5a96f649b2439217d070f507", kind)) == ()


async def test_a_parcel_is_told_at_once_and_does_not_finish_the_order() -> None:
    carrier = {"code": "USPS", "tracking_number": "9400110200828911663274"}
    (left,) = reports(event("5a96f649b2439217d070f507", "order:shipment:created", carrier=carrier, skus=["6202"]))
    assert (left.canonical, left.detail) == ("finishing", "a parcel left: USPS 9400110200828911663274")
    assert [report.canonical for report in reports(event("5a96f649b2439217d070f507", status="fulfilled"))] == [
        "printed",
        "handed_over",
    ]


async def test_a_webhook_is_given_the_effect_key_of_the_order_that_it_names(rig: PrintifyRig) -> None:
    partner, job = rig.partner(), rig.job()
    accepted = await partner.submit(job)
    assert isinstance(accepted, Accepted)
    told = partner.parse_webhook(event(accepted.partner_reference, status="in-production"))
    assert [(report.effect_key, report.partner_reference) for report in told] == [("", accepted.partner_reference)]
    vouched = await partner.vouch(told)
    assert [report.effect_key for report in vouched.reports] == [job.effect_key]
    assert vouched.doubt == ""


async def test_a_storm_of_webhooks_about_one_order_is_one_question(rig: PrintifyRig) -> None:
    partner, job = rig.partner(), rig.job()
    accepted = await partner.submit(job)
    assert isinstance(accepted, Accepted)
    told = partner.parse_webhook(event(accepted.partner_reference, status="in-production"))
    assert len((await partner.vouch(told)).reports) == 1
    rig.provoke("go down")
    assert len((await partner.vouch(told)).reports) == 1


async def test_a_webhook_whose_order_cannot_be_asked_about_waits(rig: PrintifyRig) -> None:
    partner, job = rig.partner(), rig.job()
    accepted = await partner.submit(job)
    assert isinstance(accepted, Accepted)
    told = partner.parse_webhook(event(accepted.partner_reference, status="in-production"))
    rig.provoke("go down")
    vouched = await partner.vouch(told)
    assert (vouched.reports, vouched.doubt != "") == ((), True)
    unknown = await partner.vouch(partner.parse_webhook(event("0" * 24, status="in-production")))
    assert (unknown.reports, unknown.doubt != "") == ((), True)


async def test_an_order_on_hold_that_was_never_sent_is_no_hold_of_the_press(rig: PrintifyRig) -> None:
    rig.provoke("refuse for now")
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.submit(job), Refused)
    held = partner.parse_webhook(event(rig.mark(job.effect_key).decode(), status="on-hold"))
    assert await partner.read_back(job.effect_key) is None
    vouched = await partner.vouch(held)
    assert (vouched.reports, vouched.doubt) == ((), "")


async def test_a_hold_after_an_order_was_sent_is_believed(rig: PrintifyRig) -> None:
    rig.provoke("stay queued")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    vouched = await partner.vouch(partner.parse_webhook(event(rig.mark(job.effect_key).decode(), status="on-hold")))
    assert [(report.canonical, report.detail) for report in vouched.reports] == [("on_hold", "Printify says on-hold")]


async def test_a_submission_that_comes_after_its_own_cancel_finds_the_key_taken(rig: PrintifyRig) -> None:
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    outcome = await partner.submit(job)
    assert rig.claims.values[job.effect_key] == WITHDRAWN
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == ("cancelled", False)
    assert rig.made(job.effect_key).jobs == 0


async def test_an_order_whose_making_was_not_answered_is_found_by_its_external_id(rig: PrintifyRig) -> None:
    rig.provoke("create and fall silent")
    job = rig.job()
    await rig.partner(msgspec.structs.replace(QUICK, attempts=1)).submit(job)
    outcome = await rig.partner().submit(job)
    orders = [o for o in rig.simulator.control("GET", "/jobs") if o["external_id"] == job.effect_key]
    assert isinstance(outcome, Accepted)
    assert outcome.already_known
    assert [(order["id"], order["sends"]) for order in orders] == [(outcome.partner_reference, 1)]


async def test_the_reason_of_a_refusal_is_read_from_printifys_error_code(rig: PrintifyRig) -> None:
    unknown_code = await rig.partner(api_key="expired").submit(rig.job())
    nowhere = rig.partner(address=f"{rig.simulator.url}/elsewhere")
    assert isinstance(unknown_code, Refused)
    assert (unknown_code.reason, unknown_code.needs_person) == ("credentials", True)
    # The product that tells stock and cost is gone: the mapping drifted.
    gone = await nowhere.submit(rig.job())
    assert isinstance(gone, Refused)
    assert (gone.reason, gone.retryable) == ("variant_unknown", False)


def held(status: str, **more: object) -> wire.Order:
    """An order as Printify shows it."""
    order = wire.Order(
        id="o",
        status=status,
        line_items=(wire.LineItem(variant_id=1, quantity=2),),
        created_at="2026-11-20 06:00:00+00:00",
        sent_to_production_at="2026-11-20 06:10:00+00:00",
    )
    return msgspec.structs.replace(order, **more)


async def test_what_an_order_says_is_dated_by_its_own_steps_and_a_hold_by_the_hour_in_which_it_was_seen() -> None:
    sent_at = 1_795_155_000_000
    making = snapshot("k", held("in-production"), sent_at + 5 * HOUR_MS)
    waiting = snapshot("k", held("on-hold"), sent_at + 5 * HOUR_MS)
    assert isinstance(making, JobSnapshot)
    assert (making.canonical, making.updated_at, making.quantity) == ("printing", sent_at, 2)
    assert waiting.updated_at == sent_at - sent_at % HOUR_MS + 5 * HOUR_MS
    assert snapshot("k", held("on-hold"), sent_at + 5 * HOUR_MS + 60_000) == waiting


async def test_what_the_webhooks_of_a_blocked_hour_would_have_said_is_found_by_asking(rig: PrintifyRig) -> None:
    rig.provoke("lose the webhooks")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    found = await seen(rig, job.effect_key, "handed_over", asking=True)
    assert rig.deliveries_of(job.effect_key) == []
    assert isinstance(found, JobSnapshot)
    assert found.quantity == 2

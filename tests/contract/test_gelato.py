"""What is Gelato's own: claimed drafts, webhooks that nothing proves, orders that are split."""

import json
import threading
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from processors.partners import gelato_wire as wire
from processors.partners.common import WITHDRAWN
from processors.partners.gelato_events import DRAFT, STATUS_MAP, judged
from processors.partners.protocol import Accepted, CancelConfirmed, JobSnapshot, PrintPartner, Refused
from tests.contract.gelato_rig import GelatoRig
from tests.contract.net import Receiver
from tests.contract.partner_rigs import QUICK, reached

pytestmark = pytest.mark.anyio

#: Fulfilment statuses as Gelato's documentation of orders lists them.
DOCUMENTED = """
created uploading passed in_production printed draft failed canceled pending_approval pending_personalization
digitizing not_connected on_hold shipped in_transit delivered returned
"""


@pytest.fixture
async def rig(gelato_rig: GelatoRig) -> AsyncIterator[GelatoRig]:
    """Gelato in a calm mood; what a test opened is closed after it."""
    gelato_rig.calm()
    gelato_rig.settle()
    yield gelato_rig
    while gelato_rig.opened:
        await gelato_rig.opened.pop().aclose()


def event(effect_key: str, status: str) -> bytes:
    """A webhook body such as Gelato's, from whoever."""
    body: dict[str, object] = {
        "id": f"os_{status}",
        "event": "order_status_updated",
        "orderId": "anything",
        "storeId": None,
        "orderReferenceId": effect_key,
        "fulfillmentStatus": status,
        "items": [],
    }
    return json.dumps(body).encode()


async def vouched(partner: PrintPartner, body: bytes) -> tuple[list[str | None], str]:
    """Our words that are believed of a webhook, and the doubt that is left."""
    found = await partner.vouch(partner.parse_webhook(body))
    assert all(report.partner_timestamp_at for report in found.reports)
    return [report.canonical for report in found.reports], found.doubt


async def test_every_documented_status_word_is_known_but_our_own_draft() -> None:
    assert {word for word in DOCUMENTED.split() if STATUS_MAP.canonical(word) is None} == {DRAFT}


async def test_two_workers_that_draft_at_once_order_one_draft_between_them(rig: GelatoRig) -> None:
    job = rig.job()
    rig.provoke("create and fall silent")
    one, other = rig.partner(msgspec.structs.replace(QUICK, attempts=1)), rig.partner()
    await one.submit(job)
    assert isinstance(await other.submit(job), Accepted)
    assert isinstance(await one.submit(job), Accepted)
    orders = [o for o in rig.simulator.control("GET", "/jobs") if o["external_id"] == job.effect_key]
    assert sorted(order["order_type"] for order in orders) == ["draft", "order"]
    assert sum(order["orderings"] for order in orders) == 1


async def test_a_submission_that_comes_after_its_own_cancel_finds_the_key_taken(rig: GelatoRig) -> None:
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    outcome = await partner.submit(job)
    assert rig.claims.values[job.effect_key] == WITHDRAWN
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == ("cancelled", False)
    assert rig.made(job.effect_key).jobs == 0


async def test_a_draft_that_was_never_ordered_is_deleted_by_a_cancel(rig: GelatoRig) -> None:
    rig.provoke("refuse for now")
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.submit(job), Refused)
    assert await partner.read_back(job.effect_key) is None
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    assert job.effect_key not in {order["external_id"] for order in rig.simulator.control("GET", "/jobs")}


async def test_a_running_press_can_still_be_stopped_until_something_is_printed(rig: GelatoRig) -> None:
    rig.provoke("stay at the press")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("printing"))
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    assert rig.made(job.effect_key).prints == 0


async def test_a_webhook_is_believed_as_far_as_gelato_says_the_same_when_asked(rig: GelatoRig) -> None:
    rig.provoke("stay at the press")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("printing"))
    assert await vouched(partner, event(job.effect_key, "in_production")) == (["printing"], "")
    assert await vouched(partner, event(job.effect_key, "passed")) == (["queued"], "")
    assert await vouched(partner, event(job.effect_key, "awaiting_something")) == ([None], "")


@pytest.mark.parametrize("claim", ["shipped", "printed", "failed", "canceled", "delivered"])
async def test_a_made_up_webhook_with_the_right_secret_moves_nothing(rig: GelatoRig, claim: str) -> None:
    rig.provoke("stay at the press")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("printing"))
    believed, doubt = await vouched(partner, event(job.effect_key, claim))
    assert believed == []
    assert claim in doubt


async def test_a_webhook_about_an_order_that_is_not_ours_moves_nothing(rig: GelatoRig) -> None:
    believed, doubt = await vouched(rig.partner(), event("0" * 32, "shipped"))
    assert (believed, "no such order" in doubt) == ([], True)


async def test_while_gelato_cannot_be_asked_nothing_is_believed_and_asking_again_later_helps(rig: GelatoRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("handed_over"))
    rig.provoke("go down")
    believed, doubt = await vouched(partner, event(job.effect_key, "shipped"))
    assert believed == []
    assert doubt
    rig.calm()
    assert await vouched(partner, event(job.effect_key, "shipped")) == (["printed", "handed_over"], "")


async def test_a_hold_that_is_over_is_kept_but_outweighs_nothing(rig: GelatoRig) -> None:
    partner, job = rig.partner(), rig.job()
    rig.provoke("hold")
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("handed_over"))
    held = await partner.vouch(partner.parse_webhook(event(job.effect_key, "on_hold")))
    stage = await partner.vouch(partner.parse_webhook(event(job.effect_key, "printed")))
    assert held.doubt == ""
    assert held.reports[0].partner_timestamp_at <= stage.reports[0].partner_timestamp_at


async def test_a_split_order_counts_all_its_pieces_and_is_as_far_as_its_slowest_part(rig: GelatoRig) -> None:
    rig.provoke("split")
    rig.provoke("stay queued")
    partner, job = rig.partner(), rig.job(quantity=3, units=(1, 2, 3))
    assert isinstance(await partner.submit(job), Accepted)
    again = await partner.submit(job)
    held = await partner.read_back(job.effect_key)
    assert isinstance(again, Accepted)
    assert again.already_known
    assert isinstance(held, JobSnapshot)
    assert (held.quantity, held.canonical) == (3, "queued")
    assert rig.made(job.effect_key).quantity == 3
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    orders = [o for o in rig.simulator.control("GET", "/jobs") if o["external_id"] == job.effect_key]
    assert [order["status"] for order in orders] == ["canceled", "canceled"]


def part(order_id: str, status: str) -> wire.Order:
    """One of the orders that Gelato made of ours."""
    return wire.Order(
        id=order_id,
        order_type="order",
        order_reference_id="k",
        fulfillment_status=status,
        created_at="2026-11-20T06:00:00+00:00",
        updated_at="2026-11-20T07:00:00+00:00",
    )


async def test_the_parcel_of_one_part_is_shown_at_once_and_does_not_finish_the_whole_run(rig: GelatoRig) -> None:
    _, shipped = rig.partner().parse_webhook(event("k", "shipped"))
    partly = judged(shipped, (part("a", "shipped"), part("b", "in_production")))
    wholly = judged(shipped, (part("a", "shipped"), part("b", "shipped")))
    assert partly is not None
    assert wholly is not None
    assert (partly.raw_status, partly.canonical, partly.detail != "") == ("shipped", "finishing", True)
    assert partly.partner_event_id != wholly.partner_event_id
    assert wholly.canonical == "handed_over"


async def test_a_webhook_that_is_never_answered_is_dropped_after_three_tries(
    rig: GelatoRig, receiver: Receiver
) -> None:
    rig.provoke("stay queued")
    partner, job = rig.partner(), rig.job()
    # A job before this one may still have something to say.
    receiver.refuse(6, about=job.effect_key.encode())
    await partner.submit(job)
    pause, ends_at = threading.Event(), time.monotonic() + 30
    while True:
        told = [w for w in rig.simulator.control("GET", "/webhooks") if job.effect_key in json.dumps(w["body"])]
        if [webhook["attempts"] for webhook in told] == [3, 3]:
            break
        assert time.monotonic() < ends_at, told
        pause.wait(0.02)
    assert [webhook["delivered_at"] for webhook in told] == [None, None]
    assert rig.deliveries_of(job.effect_key) == []

"""What is Prodigi's own: a secret in the address, callbacks that nothing proves, issues, the pause window."""

import json
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.partners import prodigi_wire as wire
from processors.partners.prodigi_events import PAUSED, STATUS_MAP, STEPS, cost_of, reports, word_of
from processors.partners.prodigi_works import BROKEN, ISSUES, status_of
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    Deferred,
    JobSnapshot,
    PrintPartner,
    Refused,
    WebhookNotGenuine,
)
from processors.webhooks import with_address_secret
from tests.contract.partner_rigs import reached, seen
from tests.contract.prodigi_rig import ProdigiRig

pytestmark = pytest.mark.anyio

#: Stages of the reference's table and of its filter, the values of a step, and the kinds of issues that it lists.
STAGES = ("Draft", "AwaitingPayment", "InProgress", "Complete", "Cancelled")
VALUES = ("InProgress", "Complete", "Error")
KINDS = ("FailedToDownloaded", "ItemUnavailable", "RequiresPaymentAuthorisation")


@pytest.fixture
async def rig(prodigi_rig: ProdigiRig) -> AsyncIterator[ProdigiRig]:
    """Prodigi in a calm mood; what a test opened is closed after it."""
    prodigi_rig.calm()
    prodigi_rig.settle()
    yield prodigi_rig
    while prodigi_rig.opened:
        await prodigi_rig.opened.pop().aclose()


def callback(effect_key: str, status: dict[str, object], *, nested: bool = True) -> bytes:
    """A callback such as Prodigi's, from whoever."""
    order = {"id": "ord_1", "merchantReference": effect_key, "status": status}
    body = {
        "specversion": "1.0",
        "type": "com.prodigi.order.status.stage.changed#InProgress",
        "source": "http://127.0.0.1/v4.0/Orders/",
        "id": "evt_305174",
        "time": "2020-08-14T11:51:01.55Z",
        "datacontenttype": "application/json",
        "data": {"order": order} if nested else order,
        "subject": "ord_1",
    }
    return json.dumps(body).encode()


async def vouched(partner: PrintPartner, body: bytes) -> tuple[list[str | None], str]:
    """Our words that are believed of a callback, and the doubt that is left."""
    found = await partner.vouch(partner.parse_webhook(body))
    return [report.canonical for report in found.reports], found.doubt


async def test_every_stage_step_and_issue_of_the_reference_is_known() -> None:
    words = [*STAGES, PAUSED, *KINDS, *(f"{step}/{value}" for step in STEPS for value in VALUES)]
    assert [word for word in words if STATUS_MAP.canonical(word) is None] == []


@given(
    stage=st.sampled_from(STAGES),
    values=st.lists(st.sampled_from(("", "NotStarted", "Completed", *VALUES)), min_size=5, max_size=5),
    kinds=st.lists(st.sampled_from((*KINDS, "NotDownloaded")), max_size=3),
)
def test_whatever_a_status_is_made_of_it_has_a_word_that_is_mapped(
    stage: str, values: list[str], kinds: list[str]
) -> None:
    details = wire.Details(
        download_assets=values[0],
        allocate_production_location=values[1],
        print_ready_assets_prepared=values[2],
        in_production=values[3],
        shipping=values[4],
    )
    issues = tuple(wire.Issue(error_code=f"order.items.assets.{kind}") for kind in kinds)
    assert STATUS_MAP.canonical(word_of(wire.Status(stage=stage, issues=issues, details=details))) is not None


async def test_the_simulator_speaks_in_words_that_the_map_knows_but_the_one_that_nobody_has_heard() -> None:
    said = {kind: status_of(kind) for kind in (*ISSUES, *STEPS, BROKEN, "Complete", "Cancelled")}
    unknown = [
        kind
        for kind, status in said.items()
        if STATUS_MAP.canonical(word_of(msgspec.convert(status, wire.Status))) is None
    ]
    assert unknown == ["AwaitingThread"]


async def test_a_first_parcel_is_shown_and_does_not_finish_the_order() -> None:
    (left,) = reports(callback("k" * 32, status_of("shipping")))
    assert (left.raw_status, left.canonical) == ("shipping/InProgress", "finishing")


async def test_both_shapes_of_a_callbacks_data_are_read() -> None:
    status = status_of("Complete")
    assert reports(callback("k" * 32, status)) == reports(callback("k" * 32, status, nested=False))
    assert [report.canonical for report in reports(callback("k" * 32, status))] == ["printed", "handed_over"]


async def test_a_secret_in_the_address_counts_as_the_header_and_never_replaces_one(rig: ProdigiRig) -> None:
    partner = rig.partner()
    partner.verify_webhook(with_address_secret({"content-type": "application/json"}, rig.secrets[0]), b"{}")
    another = with_address_secret({"Authorization": "Bearer no"}, rig.secrets[0])
    for headers in ({}, with_address_secret({}, ""), another):
        with pytest.raises(WebhookNotGenuine):
            partner.verify_webhook(headers, b"{}")


@pytest.mark.parametrize("claim", ["shipping", "Complete", "Cancelled", BROKEN])
async def test_a_made_up_callback_with_the_right_secret_moves_nothing(rig: ProdigiRig, claim: str) -> None:
    rig.provoke("stay where it is too late")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    await seen(rig, job.effect_key, "printing")
    believed, doubt = await vouched(partner, callback(job.effect_key, status_of(claim)))
    assert believed == []
    assert doubt


async def test_a_callback_about_an_order_that_is_not_ours_moves_nothing(rig: ProdigiRig) -> None:
    believed, doubt = await vouched(rig.partner(), callback("0" * 32, status_of("Complete")))
    assert (believed, "no such order" in doubt) == ([], True)


async def test_while_prodigi_cannot_be_asked_nothing_is_believed_and_asking_again_later_helps(rig: ProdigiRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("handed_over"))
    rig.provoke("go down")
    believed, doubt = await vouched(partner, callback(job.effect_key, status_of("Complete")))
    assert (believed, doubt != "") == ([], True)
    rig.calm()
    assert await vouched(partner, callback(job.effect_key, status_of("Complete"))) == (["printed", "handed_over"], "")


async def test_an_order_for_an_unavailable_item_is_cancelled_again_and_stays_so(rig: ProdigiRig) -> None:
    rig.provoke("refuse for good")
    partner, job = rig.partner(), rig.job()
    outcomes = [await partner.submit(job) for _ in range(2)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert [(outcome.reason, outcome.retryable) for outcome in refused] == [
        ("out_of_stock", False),
        ("cancelled", False),
    ]
    (order,) = (o for o in rig.simulator.control("GET", "/jobs") if o["external_id"] == job.effect_key)
    assert (order["status"], order["prints"]) == ("Cancelled", 0)


async def test_a_submission_that_comes_after_its_own_cancel_is_refused(rig: ProdigiRig) -> None:
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.cancel(job.effect_key, "buyer changed their mind"), CancelConfirmed)
    outcome = await partner.submit(job)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == ("cancelled", False)
    assert rig.made(job.effect_key).jobs == 0


async def test_a_paused_order_is_accepted_and_read_back_as_queued_until_its_window_ends(rig: ProdigiRig) -> None:
    rig.provoke("pause")
    partner, job = rig.partner(pause_window=True), rig.job()
    accepted = await partner.submit(job)
    held = await partner.read_back(job.effect_key)
    refused = await partner.cancel(job.effect_key, "buyer changed their mind")
    assert isinstance(accepted, Accepted)
    assert isinstance(held, JobSnapshot)
    assert (held.raw_status, held.canonical) == (PAUSED, "queued")
    assert isinstance(refused, Refused)
    assert (refused.retryable, "pause window" in refused.detail) == (True, True)
    rig.calm()
    rig.reports_of(job.effect_key, reached("handed_over"))


@pytest.mark.parametrize("pause_window", [False, True])
async def test_an_order_that_cannot_be_found_is_missing_only_where_orders_are_never_paused(
    rig: ProdigiRig, pause_window: bool
) -> None:
    rig.provoke("go down")
    partner, job = rig.partner(pause_window=pause_window), rig.job()
    assert isinstance(await partner.submit(job), Deferred)
    rig.calm()
    found = await rig.partner(pause_window=pause_window).read_back(job.effect_key)
    assert isinstance(found, Deferred) == pause_window
    assert found is None or isinstance(found, Deferred)


async def test_what_prodigi_charged_is_added_up_in_one_currency_or_left_out() -> None:
    def charged(*costs: tuple[str, str]) -> wire.Order:
        charges = (wire.Charge(total_cost=wire.Cost(amount=amount, currency=currency)) for amount, currency in costs)
        return wire.Order(id="o", charges=tuple(charges))

    assert cost_of(charged(("6.12", "USD"), ("4.00", "USD"))) == (1012, "USD")
    assert cost_of(charged(("6.12", "USD"), ("4.00", "GBP"))) is None
    assert cost_of(charged(("free", "USD"))) is None
    assert cost_of(charged()) is None

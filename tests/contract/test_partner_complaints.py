"""What users of print networks complain about, as far as it lies between us and a vendor: tried with each one.

Each test is one complaint. Those that an order alone can show are in `tests/unit/order/test_complaints.py`, and
`COMPLAINTS` says of every complaint that was found which tests would fail if it became possible here.
"""

import ast
import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from processors.gate import LocalGate, Rate
from processors.inbound.reports import NotTheirs, partner_status
from processors.outbound import Deferred, OutboundClient, OutboundPolicy
from processors.partners.gelato import Gelato
from processors.partners.print_shop import PrintShop
from processors.partners.printful import Printful
from processors.partners.printify import Printify
from processors.partners.prodigi import Prodigi
from processors.partners.protocol import Accepted, PartnerOffers, Refused, WebhookNotGenuine
from tests.contract import gelato_rig, printful_rig, printify_rig, prodigi_rig
from tests.contract.claims import Claims
from tests.contract.partner_rigs import (
    OTHER_SECRET,
    PATIENT,
    QUICK,
    SECRET,
    Kept,
    PartnerRig,
    reached,
    run_of,
    signed_by_standard,
)
from tests.unit.inbound.doubles import MemoryEffects

pytestmark = pytest.mark.anyio

AT_ONCE = 8
ROOT = Path(__file__).parents[2]

ORDER, HERE = "tests/unit/order/test_complaints.py", "tests/contract/test_partner_complaints.py"
COMPLAINTS: dict[str, tuple[tuple[str, str], ...]] = {
    "a late webhook moves an order backwards": (
        (ORDER, "test_complaint_a_late_webhook_moves_an_order_backwards"),
        ("tests/contract/test_partner_webhooks.py", "test_doubled_and_shuffled_webhooks_end_at_the_same_status"),
    ),
    "a second parcel erases the first tracking number": (
        (ORDER, "test_complaint_a_second_parcel_erases_the_first_tracking_number"),
    ),
    "an order is stuck in Processing": (
        ("tests/unit/test_reconciler.py", "test_what_a_lost_webhook_would_have_said_is_reported_as_the_partners_word"),
        ("tests/unit/order/test_fallback.py", "test_a_person_is_told_first_of_a_run_that_is_stuck"),
        ("tests/unit/order/test_fallback.py", "test_a_stuck_run_that_is_stopped_goes_to_the_next_candidate"),
    ),
    "a blank garment is made because a call was rate-limited": (
        (HERE, "test_complaint_a_rate_limited_call_drops_a_file_and_the_garment_stays_blank"),
        (ORDER, "test_complaint_a_garment_is_made_without_its_print"),
        ("tests/contract/test_partners.py", "test_an_order_that_lost_its_print_file_is_never_made_as_a_blank"),
    ),
    "a variant's mapping drifts": (
        (HERE, "test_complaint_a_mapping_that_drifted_is_ordered_as_whatever_it_points_to"),
        (ORDER, "test_complaint_an_item_whose_variant_is_not_mapped_is_dropped_and_the_rest_is_made"),
    ),
    "one of several items reaches the vendor": (
        (ORDER, "test_complaint_only_one_of_several_items_reaches_the_printer"),
    ),
    "an order is doubled and the card charged twice": (
        (HERE, "test_complaint_one_order_becomes_two_and_the_card_is_charged_twice"),
        ("tests/contract/test_carriers.py", "test_two_workers_that_buy_the_same_label_pay_once"),
        ("tests/contract/test_refunds.py", "test_money_is_given_back_once_however_often_it_is_asked_for"),
    ),
    "webhooks are ignored because a shop has no secret, or are not signed": (
        (HERE, "test_complaint_webhooks_are_silently_ignored_because_a_secret_is_missing"),
        ("tests/contract/test_partner_webhooks.py", "test_a_forged_or_changed_webhook_is_not_genuine"),
        ("tests/contract/test_gelato.py", "test_a_made_up_webhook_with_the_right_secret_moves_nothing"),
        ("tests/contract/test_prodigi.py", "test_a_made_up_callback_with_the_right_secret_moves_nothing"),
    ),
    "one configuration a store is overwritten by the next store's": (
        (HERE, "test_complaint_the_configuration_of_one_shop_is_overwritten_by_the_next"),
        (
            "tests/integration/test_road_tables.py",
            "test_a_stores_secret_is_wrapped_and_its_name_belongs_to_one_tenant",
        ),
    ),
    "storms of webhooks and rate limits crash the shop": (
        (HERE, "test_complaint_a_storm_of_webhooks_becomes_a_storm_of_work"),
        (HERE, "test_complaint_a_shop_is_locked_out_for_asking_too_often"),
        (
            "tests/integration/test_outbound_tables.py",
            "test_many_workers_together_get_no_more_turns_than_the_vendor_states",
        ),
    ),
    "a queue in which half of the calls fail": ((ORDER, "test_complaint_one_failing_vendor_stops_all_orders"),),
    "a variant that is out of stock is sold": (
        (HERE, "test_complaint_a_sold_out_variant_can_still_be_sold"),
        (
            "tests/contract/test_catalogue_sync.py",
            "test_a_webhook_about_offers_is_verified_at_our_api_and_leads_to_the_question_that_shows_the_drift",
        ),
    ),
    "splits and changed quantities fire no event, and delivery is not guaranteed": (
        (ORDER, "test_complaint_a_changed_quantity_reaches_nobody"),
        (ORDER, "test_complaint_a_change_that_comes_too_late_is_swallowed"),
        ("tests/unit/order/test_webhook_gaps.py", "test_what_a_question_finds_and_no_webhook_said_is_a_gap"),
        (
            "tests/contract/test_printify.py",
            "test_what_the_webhooks_of_a_blocked_hour_would_have_said_is_found_by_asking",
        ),
    ),
    "a partial shipment is invisible until everything ships": (
        (ORDER, "test_complaint_a_partial_shipment_is_invisible_until_everything_ships"),
        (
            "tests/contract/test_printful_specification.py",
            "test_a_parcel_of_a_split_order_does_not_finish_the_whole_run",
        ),
        (
            "tests/contract/test_gelato.py",
            "test_the_parcel_of_one_part_is_shown_at_once_and_does_not_finish_the_whole_run",
        ),
    ),
    "an order is not split over the places that have its goods": (
        (ORDER, "test_complaint_an_order_that_no_one_place_can_make_is_not_split"),
    ),
    "an order is cancelled after it was shipped": (
        (ORDER, "test_complaint_an_order_is_cancelled_after_it_was_shipped"),
    ),
    "bad artwork is found only after the payment": ((ORDER, "test_complaint_bad_artwork_is_found_only_at_the_press"),),
    "cancelling in the shop does not cancel the print": (
        (ORDER, "test_complaint_cancelling_in_the_shop_does_not_cancel_the_print"),
        ("tests/contract/test_partners.py", "test_a_cancel_in_time_is_confirmed_and_nothing_is_printed"),
        (
            "tests/contract/test_partners.py",
            "test_a_cancel_past_the_partners_own_point_of_no_return_is_too_late",
        ),
    ),
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_every_complaint_has_its_tests(complaint: str) -> None:
    for path, name in COMPLAINTS[complaint]:
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_no_test_of_a_complaint_is_missing_from_the_list() -> None:
    listed = {test for tests in COMPLAINTS.values() for test in tests}
    for path in (ORDER, HERE):
        tree = ast.parse((ROOT / path).read_text())
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert {(path, name) for name in functions if name.startswith("test_complaint_")} <= listed


async def test_complaint_one_order_becomes_two_and_the_card_is_charged_twice(rig: PartnerRig) -> None:
    """complaint: a slow answer makes the shop send the order again, and both are made and charged."""
    rig.provoke("accept and fall silent", 2)
    impatient = msgspec.structs.replace(QUICK, attempts=2)
    partners, job = [rig.partner(impatient) for _ in range(AT_ONCE)], rig.job()
    first = await asyncio.gather(*(partner.submit(job) for partner in partners))
    again = await asyncio.gather(*(partner.submit(job) for partner in partners))
    rig.reports_of(job.effect_key, reached("printed"))
    assert any(isinstance(outcome, Accepted) for outcome in (*first, *again))
    references = {o.partner_reference for o in (*first, *again) if isinstance(o, Accepted)}
    assert len(references) == 1
    made = rig.made(job.effect_key)
    assert (made.jobs, made.prints, made.quantity) == (1, 1, 2)


@pytest.mark.needs("calls")
async def test_complaint_a_rate_limited_call_drops_a_file_and_the_garment_stays_blank(rig: PartnerRig) -> None:
    """complaint: a rate-limited call in the middle of an order loses its file; the order is made all the same."""
    rig.provoke("limit the rate for long")
    partner, job = rig.partner(), rig.job()
    outcome = await partner.submit(job)
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.outcome_unknown) == ("rate_limited", False)
    assert rig.made(job.effect_key).jobs == 0


async def test_complaint_a_mapping_that_drifted_is_ordered_as_whatever_it_points_to(rig: PartnerRig) -> None:
    """complaint: after the vendor changed its catalogue a variant id of 0 is sent, and anything may come."""
    partner = rig.partner()
    for drifted in ("0", "", "999999"):
        outcome = await partner.submit(rig.job(partner_variant=drifted))
        assert isinstance(outcome, Refused)
        assert (outcome.reason, outcome.retryable) == ("variant_unknown", False)


async def test_complaint_a_sold_out_variant_can_still_be_sold(rig: PartnerRig) -> None:
    """complaint: out of stock at the vendor, on sale in the shop; the order then hangs."""
    rig.provoke("refuse for good")
    partner = rig.partner()
    outcome = await partner.submit(rig.job())
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == ("out_of_stock", False)
    sheet = await partner.offers()
    assert isinstance(sheet, PartnerOffers)
    assert all(offer.stock_units >= 0 for offer in sheet.offers), "routing compares stock with what is needed"


@pytest.mark.needs("webhooks")
async def test_complaint_a_storm_of_webhooks_becomes_a_storm_of_work(rig: PartnerRig) -> None:
    """complaint: the vendor repeats its webhooks until the shop falls over, and each is worked on."""
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("handed_over"))
    deliveries = rig.deliveries_of(job.effect_key)
    told = [r for delivery in deliveries for r in partner.parse_webhook(delivery.body)]
    once = (await partner.vouch(tuple(told))).reports
    stormed = (await partner.vouch(tuple(told * 200))).reports
    effects = MemoryEffects(run_of(job, rig.name))
    assert len(stormed) == 200 * len(once)
    assert len({partner_status(report, rig.name, effects).command_id for report in stormed}) == len(once)
    with pytest.raises(NotTheirs):
        partner_status(once[0], "somebody-else", effects)


@pytest.mark.needs("calls")
async def test_complaint_a_shop_is_locked_out_for_asking_too_often(rig: PartnerRig) -> None:
    """complaint: many workers together exceed the vendor's rate, and the vendor blocks them all."""
    rate, exchanges, gate = Rate(calls=4, seconds=60), Kept(), LocalGate()
    policy = msgspec.structs.replace(PATIENT, rate_limit=rate, wait_max_s=0.05)
    clients = [
        OutboundClient(rig.name, "http://127.0.0.1:9", policy, gate=gate, exchanges=exchanges) for _ in range(AT_ONCE)
    ]
    await asyncio.gather(*(c.call("GET", "/", idempotent=True) for c in clients), return_exceptions=True)
    assert len(exchanges) <= rate.calls
    await asyncio.gather(*(client.aclose() for client in clients))


def without_secrets() -> dict[str, Callable[[], object]]:
    """Adapters whose webhook secret was forgotten."""

    def client() -> OutboundClient:
        return OutboundClient("vendor", "http://127.0.0.1:9", OutboundPolicy())

    return {
        "print_shop": lambda: PrintShop("press", client(), ()),
        "printful": lambda: Printful(
            "printful", client(), variants=(printful_rig.VARIANT,), receiving=printful_rig.RECEIVING,
            webhook_secrets_hex=(), capacity_units_per_day=1,
        ),
        "gelato": lambda: Gelato(
            "gelato", client(), client(), Claims(), variants=(gelato_rig.VARIANT,), receiving=printful_rig.RECEIVING,
            webhook_secrets=("",), capacity_units_per_day=1,
        ),
        "printify": lambda: Printify(
            "printify", client(), Claims(), shop_id=1, variants=(printify_rig.VARIANT,),
            receiving=printful_rig.RECEIVING, webhook_secrets=("",), capacity_units_per_day=1,
        ),
        "prodigi": lambda: Prodigi(
            "prodigi", client(), Claims(), variants=(prodigi_rig.VARIANT,), receiving=printful_rig.RECEIVING,
            callback_url="http://127.0.0.1:9/", webhook_secrets=(), capacity_units_per_day=1,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("vendor", without_secrets())
async def test_complaint_webhooks_are_silently_ignored_because_a_secret_is_missing(vendor: str) -> None:
    """complaint: no webhook secret for this shop, so its events are dropped without a word."""
    with pytest.raises(ValueError, match="webhook secret"):
        without_secrets()[vendor]()


async def test_complaint_the_configuration_of_one_shop_is_overwritten_by_the_next() -> None:
    """complaint: a seller's second shop replaces the secret of the first, whose webhooks are then refused."""
    secrets = {"press-east": SECRET, "press-west": OTHER_SECRET}
    clients = {name: OutboundClient(name, "http://127.0.0.1:9", OutboundPolicy()) for name in secrets}
    shops = {name: PrintShop(name, clients[name], (secret,)) for name, secret in secrets.items()}
    for name, other in (("press-east", "press-west"), ("press-west", "press-east")):
        headers = signed_by_standard(b"{}", secret=secrets[name], at_s=time.time())
        shops[name].verify_webhook(headers, b"{}")
        with pytest.raises(WebhookNotGenuine):
            shops[other].verify_webhook(headers, b"{}")
    for shop in shops.values():
        await shop.aclose()

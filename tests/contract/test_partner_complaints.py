"""What users of print networks complain about, as far as it lies between us and a vendor: tried with each one.

Each test is one complaint. Those that an order alone can show are in `tests/unit/order/test_complaints.py`.
"""

import asyncio
from collections.abc import Callable

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
from processors.partners.protocol import Accepted, PartnerOffers, Refused
from projections.rows import Effect
from tests.contract import gelato_rig, printful_rig, printify_rig, prodigi_rig
from tests.contract.claims import Claims
from tests.contract.partner_rigs import QUICK, Kept, PartnerRig, reached
from tests.unit.inbound.doubles import MemoryEffects

pytestmark = pytest.mark.anyio

AT_ONCE = 8


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
    run = Effect(
        tenant="demo", effect_key=job.effect_key, order_id="order", kind="submit", line_id="1", run=1, parcel_id="",
        who=rig.name, units=(1, 2), attempt=1,
    )  # fmt: skip
    effects = MemoryEffects(run)
    assert len(stormed) == 200 * len(once)
    assert len({partner_status(report, rig.name, effects).command_id for report in stormed}) == len(once)
    with pytest.raises(NotTheirs):
        partner_status(once[0], "somebody-else", effects)


@pytest.mark.needs("calls")
async def test_complaint_a_shop_is_locked_out_for_asking_too_often(rig: PartnerRig) -> None:
    """complaint: many workers together exceed the vendor's rate, and the vendor blocks them all."""
    rate, exchanges, gate = Rate(calls=4, seconds=60), Kept(), LocalGate()
    policy = msgspec.structs.replace(QUICK, rate_limit=rate, wait_max_s=0.05)
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

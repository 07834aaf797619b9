"""The contract that every carrier's adapter and simulator keep together, over real HTTP."""

import io

import msgspec
import pytest
from PIL import Image

from processors.carriers.protocol import (
    Address,
    AddressVerified,
    LabelBought,
    LabelRefused,
    RatesFound,
    RefundConfirmed,
)
from processors.outbound import Deferred
from tests.contract.carrier_rigs import RECIPIENT, CarrierRig, bought, reached
from tests.contract.claims import Claims
from tests.contract.net import free_port
from tests.contract.partner_rigs import PATIENT, QUICK, Kept, new_effect_key

pytestmark = pytest.mark.anyio

ONE_TRY = msgspec.structs.replace(QUICK, attempts=1)
NOWHERE = msgspec.structs.replace(RECIPIENT, street1="000 unknown street", city="Not A City", region="ZZ")
ABROAD = Address(name="Demo Buyer", street1="Unter den Linden 1", city="Berlin", postal_code="10117", country="DE")


# Buying


async def test_a_label_comes_with_its_file_price_number_and_tracking_page(carrier_rig: CarrierRig) -> None:
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment())
    with Image.open(io.BytesIO(label.label_bytes)) as image:
        assert image.format == "PNG"
        assert image.size == (1200, 1800)
    assert label.label_media_type == "image/png"
    assert (label.cost_minor, label.currency) == (607, "USD")
    assert label.service == "GroundAdvantage"
    assert label.tracking_number
    assert label.tracking_url
    assert not label.already_known


async def test_a_label_can_be_had_as_a_page_to_print(carrier_rig: CarrierRig) -> None:
    label = await bought(carrier_rig.carrier(), carrier_rig.shipment(label_media_type="application/pdf"))
    assert label.label_media_type == "application/pdf"
    assert label.label_bytes.startswith(b"%PDF-")


async def test_only_the_named_services_are_bought(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment(services=("Priority", "Express")))
    assert (label.service, label.cost_minor) == ("Priority", 742)
    refused = await carrier.buy_label(carrier_rig.shipment(services=("Zeppelin",)))
    assert isinstance(refused, LabelRefused)
    assert (refused.reason, refused.needs_person) == ("no_service", True)


async def test_a_label_asked_for_twice_is_paid_once(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    first = await bought(carrier, shipment)
    again = await bought(carrier, shipment)
    assert again.already_known
    assert msgspec.structs.replace(again, already_known=False) == first
    assert carrier_rig.paid(shipment.effect_key).purchases == 1


async def test_two_workers_that_buy_the_same_label_pay_once(carrier_rig: CarrierRig) -> None:
    shipment = carrier_rig.shipment()

    class RacingClaims(Claims):
        """Lets both workers see that nothing is claimed yet, as a race does."""

        async def claimed(self, effect_key: str) -> str | None:
            return None

    claims = RacingClaims()
    labels = [await bought(carrier_rig.carrier(claims=claims), shipment) for _ in range(2)]
    assert labels[0].tracking_number == labels[1].tracking_number
    paid = carrier_rig.paid(shipment.effect_key)
    assert (paid.shipments, paid.purchases) == (2, 1)


async def test_a_label_paid_before_the_line_went_dead_is_found_and_not_paid_again(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("pay and fall silent")
    shipment = carrier_rig.shipment()
    label = await bought(carrier_rig.carrier(ONE_TRY), shipment)
    assert label.already_known
    assert carrier_rig.paid(shipment.effect_key).purchases == 1


async def test_a_purchase_whose_answer_was_lost_is_repeated_only_where_it_cannot_be_paid_twice(
    carrier_rig: CarrierRig,
) -> None:
    carrier_rig.provoke("pay and fall silent")
    shipment = carrier_rig.shipment()
    label = await bought(carrier_rig.carrier(QUICK), shipment)
    paid = carrier_rig.paid(shipment.effect_key)
    assert label.already_known
    assert (paid.purchases, paid.purchase_requests) == (1, 2 if carrier_rig.claims_shipment else 1)


async def test_a_shipment_whose_creation_was_not_answered_is_never_paid(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("create and fall silent")
    carrier, shipment = carrier_rig.carrier(ONE_TRY), carrier_rig.shipment()
    first = await carrier.buy_label(shipment)
    assert isinstance(first, Deferred)
    await bought(carrier, shipment)
    paid = carrier_rig.paid(shipment.effect_key)
    assert (paid.shipments, paid.purchases) == (2, 1)


async def test_a_label_whose_file_cannot_be_fetched_is_fetched_by_the_next_try(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("lose the label file")
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    first = await carrier.buy_label(shipment)
    assert isinstance(first, Deferred)
    assert first.outcome_unknown
    label = await bought(carrier, shipment)
    assert label.already_known
    assert carrier_rig.paid(shipment.effect_key).purchases == 1


async def test_a_paid_label_survives_a_kill_of_the_carrier(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    label = await bought(carrier, shipment)
    carrier_rig.restart_by_kill()
    held = await carrier.read_back(shipment.effect_key)
    assert isinstance(held, LabelBought)
    assert held.tracking_number == label.tracking_number
    carrier_rig.reports_of(label.tracking_number, reached("delivered"))


async def test_reading_back_a_key_without_a_label_gives_nothing(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    assert await carrier.read_back(new_effect_key()) is None
    carrier_rig.provoke("refuse the purchase")
    await carrier.buy_label(shipment)
    assert await carrier.read_back(shipment.effect_key) is None


async def test_a_parcel_that_crosses_a_customs_border_goes_with_its_papers(carrier_rig: CarrierRig) -> None:
    exchanges = Kept()
    carrier = carrier_rig.carrier(exchanges=exchanges)
    label = await bought(carrier, carrier_rig.shipment(recipient=ABROAD))
    await bought(carrier, carrier_rig.shipment())
    created = [e for e in exchanges if (e.method, e.path) == ("POST", carrier_rig.customs_at)]
    assert "International" in label.service
    assert carrier_rig.customs_word in created[0].sent
    assert carrier_rig.customs_word not in created[1].sent


# Refusals, sorted


async def test_an_address_that_is_not_found_needs_a_person_and_costs_nothing(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment(recipient=NOWHERE)
    refused = await carrier.buy_label(shipment)
    assert isinstance(refused, LabelRefused)
    assert (refused.reason, refused.retryable, refused.needs_person) == ("address_not_found", False, True)
    assert "address not found" in refused.detail.casefold()
    assert carrier_rig.paid(shipment.effect_key).shipments == 0


async def test_a_misspelt_address_is_refused_with_the_carriers_better_one(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    misspelt = msgspec.structs.replace(RECIPIENT, street1="179 N Misspelt Dr")
    refused = await carrier.buy_label(carrier_rig.shipment(recipient=misspelt))
    assert isinstance(refused, LabelRefused)
    assert refused.needs_person
    assert refused.suggested_address is not None
    assert refused.suggested_address.street1.casefold() == "179 n harbor dr"
    await bought(carrier, carrier_rig.shipment(recipient=refused.suggested_address))


async def test_an_address_that_is_found_comes_back_in_the_carriers_spelling(carrier_rig: CarrierRig) -> None:
    found = await carrier_rig.carrier().verify_address(RECIPIENT)
    assert isinstance(found, AddressVerified)
    assert found.address.street1 == "179 N HARBOR DR"
    assert (found.address.postal_code or "").startswith("90277-")


async def test_a_corrected_address_under_the_same_key_gets_its_label(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment(recipient=NOWHERE)
    await carrier.buy_label(shipment)
    await bought(carrier, msgspec.structs.replace(shipment, recipient=RECIPIENT))


async def test_another_address_under_a_key_never_gets_the_label_of_the_first(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("refuse the purchase")
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    await carrier.buy_label(shipment)
    outcome = await carrier.buy_label(msgspec.structs.replace(shipment, recipient=ABROAD))
    if carrier_rig.claims_shipment:
        assert isinstance(outcome, LabelRefused)
        assert (outcome.reason, outcome.needs_person) == ("conflict", True)
    else:
        assert isinstance(outcome, LabelBought)
        assert "International" in outcome.service


@pytest.mark.parametrize(
    ("fault", "reason", "retryable", "needs_person"),
    [
        ("refuse the purchase", "carrier_error", True, False),
        ("have no funds", "funds", True, True),
        ("have no rates", "no_service", False, True),
    ],
)
async def test_refusals_are_sorted_and_the_next_try_succeeds(
    carrier_rig: CarrierRig, fault: str, reason: str, retryable: bool, needs_person: bool
) -> None:
    carrier_rig.provoke(fault)
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    refused = await carrier.buy_label(shipment)
    assert isinstance(refused, LabelRefused)
    assert (refused.reason, refused.retryable, refused.needs_person) == (reason, retryable, needs_person)
    assert refused.detail
    assert carrier_rig.paid(shipment.effect_key).purchases == 0
    await bought(carrier, shipment)
    assert carrier_rig.paid(shipment.effect_key).purchases == 1


async def test_wrong_credentials_need_a_person(carrier_rig: CarrierRig) -> None:
    refused = await carrier_rig.carrier(api_key="expired").buy_label(carrier_rig.shipment())
    assert isinstance(refused, LabelRefused)
    assert (refused.reason, refused.needs_person) == ("credentials", True)


# Limits


async def test_a_short_failure_is_bridged_within_the_call(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("fail")
    await bought(carrier_rig.carrier(), carrier_rig.shipment())


async def test_a_short_rate_limit_is_waited_for_and_a_long_one_deferred(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("limit the rate")
    await bought(carrier_rig.carrier(), carrier_rig.shipment())
    carrier_rig.provoke("limit the rate for long")
    outcome = await carrier_rig.carrier().buy_label(carrier_rig.shipment())
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.outcome_unknown) == ("rate_limited", False)
    assert outcome.retry_after_ms >= 80_000


async def test_nothing_was_sent_when_nobody_listens_at_the_address(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier(address=f"http://127.0.0.1:{free_port()}")
    outcome = await carrier.buy_label(carrier_rig.shipment())
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.outcome_unknown) == ("not_reached", False)


async def test_after_repeated_failures_the_circuit_breaker_defers_without_a_call(carrier_rig: CarrierRig) -> None:
    exchanges = Kept()
    policy = msgspec.structs.replace(PATIENT, circuit_failures=3, circuit_rest_s=60)
    carrier = carrier_rig.carrier(policy, exchanges=exchanges)
    carrier_rig.provoke("go down")
    await carrier.buy_label(carrier_rig.shipment())
    calls = len(exchanges)
    outcome = await carrier.buy_label(carrier_rig.shipment())
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, len(exchanges)) == ("circuit_open", calls)


# Rates and tracking on demand


async def test_rates_name_price_service_and_days_and_cost_nothing(carrier_rig: CarrierRig) -> None:
    carrier, shipment = carrier_rig.carrier(), carrier_rig.shipment()
    found = await carrier.rates(shipment)
    assert isinstance(found, RatesFound)
    assert {rate.carrier for rate in found.rates} == {carrier.name}
    cheapest = min(found.rates, key=lambda rate: rate.cost_minor)
    assert (cheapest.cost_minor, cheapest.currency) == (607, "USD")
    assert all(rate.delivery_days for rate in found.rates)
    assert carrier_rig.paid(shipment.effect_key).purchases == 0
    label = await bought(carrier, msgspec.structs.replace(shipment, services=(cheapest.service,)))
    assert (label.service, label.cost_minor) == (cheapest.service, cheapest.cost_minor)


async def test_a_parcel_whose_webhooks_were_lost_can_be_asked_about(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment())
    carrier_rig.reports_of(label.tracking_number, reached("delivered"))
    told = await carrier.track(label.carrier_reference)
    assert isinstance(told, tuple)
    (report,) = told
    assert (report.canonical, report.tracking_number) == ("delivered", label.tracking_number)
    again = await carrier.track(label.carrier_reference)
    assert again == told


# Refunds


async def test_an_unused_label_is_given_back_and_its_parcel_never_moves(carrier_rig: CarrierRig) -> None:
    carrier_rig.provoke("scan nothing")
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment())
    first = await carrier.refund(label.carrier_reference)
    again = await carrier.refund(label.carrier_reference)
    # ShipStation never tells more than that the label is void; the others tell later that the money came.
    state = "refunded" if carrier.name == "shipstation" else "submitted"
    assert first == again == RefundConfirmed(carrier_reference=label.carrier_reference, state=state)


async def test_a_label_in_use_is_not_refunded(carrier_rig: CarrierRig) -> None:
    carrier = carrier_rig.carrier()
    label = await bought(carrier, carrier_rig.shipment())
    carrier_rig.reports_of(label.tracking_number, reached("delivered"))
    refused = await carrier.refund(label.carrier_reference)
    assert isinstance(refused, LabelRefused)
    assert refused.reason == "refund_refused"

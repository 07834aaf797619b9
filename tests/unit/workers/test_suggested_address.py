"""A carrier's better idea of an address reaches the order sealed, and what is told of it are its parts."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from events.order.commands import ReportLabelFailed
from events.order.facts import LabelRequested
from events.order.values import LineUnits
from processors import personal
from processors.carriers.desk import CarrierDesk
from processors.carriers.protocol import Address, LabelRefused
from processors.outbound import Deferred
from processors.personal import Recipient
from processors.workers.label import BuyLabel
from tests.contract.claims import Claims
from tests.unit.carriers.doubles import ADDRESS, CarrierDouble
from tests.unit.inbound.doubles import MemoryVault
from tests.unit.workers.test_effects import ENVELOPE

BUYER = Recipient(
    name="Demo Buyer", address1="179 N Harbr Dr", city="Redondo Beach", region="CA", postal_code="90277", country="US",
    email="buyer@example.com",
)  # fmt: skip


class NoGoods:
    def goods_of_order(self, tenant: str, order_id: str) -> tuple[Any, ...]:
        return ()


def failed(suggested: Address | None) -> tuple[ReportLabelFailed, MemoryVault]:
    return failed_by(
        LabelRefused(reason="address_not_found", retryable=False, suggested_address=suggested, needs_person=True)
    )


def failed_by(answer: LabelRefused | Deferred) -> tuple[ReportLabelFailed, MemoryVault]:
    """What the worker reports of a carrier's answer, and the vault with what was sealed."""
    vault, carrier = MemoryVault(), CarrierDouble("easypost", 700)
    carrier.answers = [answer]
    files: Any = None
    worker = BuyLabel(
        desk=CarrierDesk({"easypost": carrier}, Claims(), lambda: 0),
        ship_from={"press": ADDRESS},
        files=files,
        vault=vault,
        goods=NoGoods(),
    )
    request = LabelRequested(
        effect_key="e" * 32,
        request_id=f"{'e' * 32}.1",
        attempt=1,
        due_at=0,
        parcel_id="P1",
        contents=(LineUnits(line_id="1", units=(1,)),),
        partner_id="press",
        recipient=personal.seal_recipient(vault, ENVELOPE.tenant, ENVELOPE.key, BUYER),
        country="US",
    )
    report = asyncio.run(worker.carry_out(request, ENVELOPE))
    assert isinstance(report, ReportLabelFailed)
    return report, vault


def better(**changes: Any) -> Address:
    given = Address(
        name="Demo Buyer",
        street1="179 N Harbr Dr",
        city="Redondo Beach",
        region="CA",
        postal_code="90277",
        country="US",
    )
    return msgspec.structs.replace(given, **changes)


def test_a_suggestion_is_sealed_as_the_address_of_the_order_is() -> None:
    report, vault = failed(better(street1="179 N HARBOR DR", postal_code="90278-1234"))
    assert report.suggested is not None
    assert report.suggested.parts == ("street", "postal code")
    assert (report.suggested.country, report.suggested.region, report.suggested.postal_prefix) == ("US", "CA", "902")
    opened = personal.open_recipient(vault, ENVELOPE.tenant, ENVELOPE.key, report.suggested.recipient)
    assert opened == msgspec.structs.replace(BUYER, address1="179 N HARBOR DR", postal_code="90278-1234")
    assert b"HARBOR" not in msgspec.json.encode(report)
    assert report.detail.endswith("The carrier suggests another street, postal code.")


def test_a_refusal_without_a_better_idea_suggests_nothing() -> None:
    assert failed(None)[0].suggested is None
    assert failed(better())[0].suggested is None

"""Returns and complaints as the read model shows them: by order, by stage, to their own tenant alone."""

import asyncio

import pytest

from events.order.claim_commands import DecideClaim, OpenClaim, ReportClaimReviewed
from events.order.claims import PartnerFault
from events.order.commands import OrderCommandUnion
from events.order.decide import OrderDecider
from events.order.facts import ClaimReviewRequested, OrderEvent, RefundRequested
from events.order.values import LineUnits
from projections.claim_rows import ClaimsPage
from tests.integration.projections.conftest import Rig
from tests.order_life import World, a_file, a_line, a_store_order, context_of, live, placed

pytestmark = pytest.mark.stack

FAULT = PartnerFault(
    partner_id="press-east", line_id="1", run=1, units=(1,), vendor="printify", vendor_reason="image_quality"
)


def a_life_with_claims(decided: str = "") -> tuple[str, list[OrderEvent]]:
    """An order whose first unit is claimed and paid back, its second left to a person, and whose parcel comes back.

    `decided` is what the person decides; empty while nobody has.
    """
    decider = OrderDecider()
    order, facts, sent = live([placed(a_store_order(lines=(a_line(quantity=3),)))], World().answer)
    number = len(sent)

    def send(command: OrderCommandUnion) -> tuple[OrderEvent, ...]:
        nonlocal order, number
        number += 1
        new, order = decider.decide_and_evolve(order, command, context_of(number=number))
        facts.extend(new)
        return new

    def claimed(unit: int, verdict: str) -> None:
        lines = (LineUnits(line_id="1", units=(unit,)),)
        opened = send(OpenClaim(lines=lines, reason="damaged", note=b"sealed", pictures=(a_file("picture"),)))
        asked = next(fact for fact in opened if isinstance(fact, ClaimReviewRequested))
        send(
            ReportClaimReviewed(
                request_id=asked.request_id,
                claim_id=asked.claim_id,
                verdict=verdict,
                reason="any",
                rules_version="r1",
                faults=(FAULT,),
            )
        )

    claimed(1, "refund")
    (paid,) = World().answer(next(fact for fact in reversed(facts) if isinstance(fact, RefundRequested)))
    send(paid)
    claimed(2, "person")
    if decided:
        send(DecideClaim(claim_id="C2", outcome=decided))
    send(World().tracking("P1", "returned", 50))
    send(DecideClaim(claim_id="C3", outcome="keep"))
    return context_of().key, facts


def test_claims_are_shown_by_order_and_by_stage_to_their_tenant_alone(rig: Rig) -> None:
    key, facts = a_life_with_claims()
    rig.ledger.write((key, fact) for fact in facts)
    rig.project("claims")

    async def read() -> list[ClaimsPage]:
        async with rig.reading() as reading:
            return [
                await reading.claims("demo", order_id=key),
                await reading.claims("demo", stage="referred"),
                await reading.claims("other", order_id=key),
                await reading.claims("demo", limit=1),
            ]

    page, waiting, strangers, short = asyncio.run(read())
    first, second, third = page.claims
    assert (first.stage, first.amount_minor, first.reference[:2], first.decided_by) == (
        "refunded",
        1_500,
        "R-",
        "store:demo-rest",
    )
    assert (first.faults[0].vendor_reason, first.note, first.pictures[0].media_type) == (
        "image_quality",
        b"sealed",
        "image/png",
    )
    assert (second.stage, second.why, second.items[0].units) == ("referred", "any", (2,))
    assert [fault.vendor_reason for fault in second.faults] == ["image_quality"]
    assert (third.kind, third.reason, third.stage) == ("return", "returned_to_sender", "kept")
    assert [one.claim_id for one in waiting.claims] == ["C2"]
    assert strangers.claims == ()
    assert short.more


def test_what_a_partner_answers_for_is_told_once_when_a_person_decides(rig: Rig) -> None:
    key, facts = a_life_with_claims(decided="reprint")
    rig.ledger.write((key, fact) for fact in facts)
    rig.project("claims")
    ((stage, faults),) = rig.query("SELECT stage, faults FROM claims WHERE claim_id = 'C2'")
    assert stage == "reprinted"
    assert faults.count("image_quality") == 1


def test_a_partner_answers_for_nothing_that_was_refused(rig: Rig) -> None:
    key, facts = a_life_with_claims(decided="refuse")
    rig.ledger.write((key, fact) for fact in facts)
    rig.project("claims")
    assert rig.query("SELECT stage, faults FROM claims WHERE claim_id = 'C2'") == [("refused", "[]")]


def test_a_rebuilt_read_model_shows_the_same_claims(rig: Rig) -> None:
    key, facts = a_life_with_claims()
    rig.ledger.write((key, fact) for fact in facts)
    rig.project("claims")
    live_rows = rig.query("SELECT * FROM claims ORDER BY claim_id")
    rig.rebuild("claims")
    assert rig.query("SELECT * FROM claims ORDER BY claim_id") == live_rows
    assert len(live_rows) == 3

"""What the terminal shows of claims: no id is cut, and what a partner answers for stands with its time."""

from __future__ import annotations

from io import StringIO
from typing import Any

import msgspec
from rich.console import Console, RenderableType

from infra.claim_pages import claim_page, claims_page
from projections.claim_rows import ClaimView, FaultView
from projections.rows import AsOf
from tests.unit.api_world import OWN, World
from tests.unit.test_api_claims import a_view

AS_OF = AsOf(read_model="claims", version=2, recorded_at=0, complete_until=0, partitions=())
JUNE = 1_780_315_200_000


def claim(**changes: Any) -> ClaimView:
    fault = FaultView(
        partner_id="press-east",
        line_id="1",
        run=1,
        units=(1,),
        vendor="printify",
        vendor_reason="image_quality",
        file_by=JUNE,
        in_time=False,
    )
    return msgspec.structs.replace(a_view(World()), **{"faults": (fault,)} | changes)


def printed(page: RenderableType) -> str:
    """The page on a terminal of 80 columns."""
    text = StringIO()
    Console(file=text, width=80).print(page)
    return text.getvalue()


def test_a_list_of_claims_fits_80_columns_without_cutting_an_order_id() -> None:
    reasons = [claim(reason="wrong_size_or_colour"), claim(stage="reprinted"), claim(wish="", faults=())]
    text = printed(claims_page(reasons, AS_OF))
    assert text.count(OWN) == len(reasons)
    for told in ("C1", "referred", "reprinted", "wrong size or colour", "2026-06-01"):
        assert told in text


def test_a_claim_shows_its_units_its_money_and_the_partner_who_answers_for_it() -> None:
    paid = claim(stage="refunded", amount_minor=900, currency="EUR", reference="bank-7", decided_by="operator:support")
    text = " ".join(printed(claim_page(paid, "The handle broke.", ["https://demo.example/v1/assets/x"])).split())
    for told in (
        f"{OWN} C1 refunded",
        "1 1 1 press-east P1",
        "decided by operator:support, rules shipped-1",
        "900 EUR in minor units, reference bank-7",
        "file it as image_quality until 2026-06-01 12:00:00, which was over",
        "text: The handle broke.",
        "picture: https://demo.example/v1/assets/x",
    ):
        assert told in text


def test_what_the_buyer_gave_is_not_shown_unless_it_is_asked_for() -> None:
    text = printed(claim_page(claim(), None, []))
    assert "text:" not in text
    assert "picture:" not in text

"""What people are told reads well whatever is missing, and holds no line break where a header is made of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.order.facts import NotificationRequested
from processors.links import LinkSigner
from processors.workers.letters import ABOUT_PROOFS, LETTERS, letter
from processors.workers.notify import MailServer, Notify
from tests.unit.inbound.doubles import MemoryVault
from tests.unit.workers.test_effects import ENVELOPE


def asked(template: str, **facts: str) -> NotificationRequested:
    return NotificationRequested(
        effect_key="0" * 32,
        request_id="0" * 32 + ".1",
        attempt=1,
        due_at=0,
        notification_id=template,
        template=template,
        audience="buyer",
        recipient=b"",
        subject="P1",
        order_number="#1001",
        store="demo-rest",
        facts=facts,
    )


@pytest.mark.parametrize("template", sorted(LETTERS))
def test_every_letter_names_the_order_and_leaves_no_gap(template: str) -> None:
    subject, text = letter(asked(template), "Demo Buyer")

    assert "#1001" in subject
    assert "{" not in subject + text
    assert text.startswith("Hello Demo Buyer,\n\n")
    assert text.endswith("\n\ndemo-rest\n")


def test_a_template_that_is_not_known_is_told_by_its_name_with_its_detail() -> None:
    subject, text = letter(asked("parcel_found", detail="It is here again."), "")

    assert subject == "Order #1001: parcel found"
    assert "It is here again." in text
    assert text.startswith("Hello,\n\n")


def test_a_tracking_number_stands_in_the_letter() -> None:
    _, text = letter(asked("shipped", tracking_number="9400", tracking_url="https://track.example/9400"), "")

    assert "9400" in text
    assert "https://track.example/9400" in text


def test_line_breaks_in_what_a_store_sent_do_not_reach_the_subject() -> None:
    request = msgspec.structs.replace(asked("order_received"), order_number="#1\r\nBcc: everybody@example.com")

    subject, _ = letter(request, "")

    assert "\n" not in subject
    assert "\r" not in subject


@pytest.mark.parametrize("template", sorted(ABOUT_PROOFS))
def test_a_letter_about_a_proof_carries_a_link_to_it(template: str) -> None:
    _, text = letter(asked(template, line_id="1", version="2"), "", "https://print.example/v1/proofs/abc")

    assert "https://print.example/v1/proofs/abc" in text


@pytest.mark.parametrize("audience", ["buyer", "store"])
def test_the_link_in_a_letter_opens_that_version_for_whoever_was_sent_it(audience: str) -> None:
    links = LinkSigner(bytes(32), "https://print.example", lambda: 5)
    worker: Any = Notify(
        server=MailServer(url="smtp://localhost", sender="shop@example.com"),
        vault=MemoryVault(),
        claims=MemoryClaims(),
        sent=MemoryClaims(),
        address_of=lambda audience, store: "owner@example.com",
        links=links,
    )
    request = msgspec.structs.replace(asked("proof_ready", line_id="1", version="2"), audience=audience)
    url = worker._proof_url(request, ENVELOPE)

    proof = links.open_proof(url.rpartition("/")[2])

    assert (proof.tenant, proof.order_id, proof.line_id, proof.proof_version) == ("demo", "order", "1", 2)
    assert proof.actor == f"{audience}:proof-link"


class MemoryClaims:
    """Claims that nobody else makes."""

    async def claim(self, key: str, value: str) -> str:
        return value

    async def claimed(self, key: str) -> str | None:
        return None

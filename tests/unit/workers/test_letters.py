"""What people are told reads well whatever is missing, and holds no line break where a header is made of it."""

from __future__ import annotations

import msgspec
import pytest

from events.order.facts import NotificationRequested
from processors.workers.letters import LETTERS, letter


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

"""A message that the mail server took is never handed over a second time, whatever fails after it."""

import asyncio
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest

from events.order.commands import ReportNotificationSent
from processors.links import LinkSigner
from processors.workers import notify
from processors.workers.notify import MailServer, Notify
from tests.contract.claims import Claims
from tests.unit.inbound.doubles import MemoryVault
from tests.unit.workers.test_effects import ENVELOPE
from tests.unit.workers.test_letters import asked


class DatabaseAway(Exception):
    """The database does not answer."""


class ClaimsAfterAnOutage(Claims):
    """A claim store that cannot be reached once, and then can."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = True

    async def claim(self, effect_key: str, candidate: str) -> str:
        if self.is_away:
            self.is_away = False
            raise DatabaseAway
        return await super().claim(effect_key, candidate)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """What the mail server took."""
    taken: list[EmailMessage] = []
    connection: Any = object()
    monkeypatch.setattr(MailServer, "connect", lambda _: connection)
    monkeypatch.setattr(notify, "hand_over", lambda _, message: taken.append(message))
    monkeypatch.setattr(notify, "close_mail", lambda _: None)
    return taken


def test_a_message_that_could_not_be_noted_as_sent_is_noted_afterwards_and_not_sent_again(
    messages: list[EmailMessage],
) -> None:
    # given
    sent = ClaimsAfterAnOutage()
    worker = Notify(
        server=MailServer(url="smtp://127.0.0.1", sender="shop@example.com"),
        vault=MemoryVault(),
        claims=Claims(),
        sent=sent,
        address_of=lambda audience, store: "owner@example.com",
        links=LinkSigner(bytes(32), "https://print.example", lambda: 5),
    )
    request = msgspec.structs.replace(asked("shipped"), audience="store")
    with pytest.raises(DatabaseAway):
        asyncio.run(worker.carry_out(request, ENVELOPE))
    # when
    report = asyncio.run(worker.carry_out(request, ENVELOPE))
    # then
    assert isinstance(report, ReportNotificationSent)
    assert len(messages) == 1
    assert sent.values == {request.effect_key: request.request_id}

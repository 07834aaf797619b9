"""Tell people by mail, at most once.

SMTP cannot recognise a message that it took before. So a message is claimed under its effect key before it is sent, and
noted as sent after the server took it. Where a claim of another process is found and no note, nobody knows whether the
message went out: that is reported as it is, and a person decides. Every try has the same Message-ID.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import ClassVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportNotificationFailed, ReportNotificationSent
from events.order.facts import NotificationRequested
from processors.carriers.protocol import ClaimStore
from processors.links import LinkSigner
from processors.personal import open_recipient
from processors.ports import NamedError, Vault, VaultError
from processors.workers.letters import ABOUT_PROOFS, letter

SMTP_SECONDS = 15.0
MESSAGE_ID_DOMAIN = "printledger.invalid"


class MailServerUnreachable(NamedError):
    """The mail server does not take connections. Nothing was sent; the message waits. Mend SMTP_URL."""


class MailRefusedForNow(MailServerUnreachable):
    """The mail server refuses a message for now, and nothing was sent: it is handed over again after a wait."""


class NoAddress(NamedError):
    """There is no e-mail address to send to."""


class OutcomeUnknown(NamedError):
    """The message was handed over and the answer was lost: it may have arrived."""


class MailRefused(NamedError):
    """The mail server refused the message; nothing was sent."""

    def __init__(self, code: int) -> None:
        """`code` is the server's answer: 4xx is a refusal for now, 5xx one for good."""
        super().__init__(f"{MailRefused.__doc__} (SMTP {code})")
        self.retryable = 400 <= code < 500


@cache
def _tls() -> ssl.SSLContext:
    """The authorities that the machine trusts, read once: reading them takes 100 ms, longer than sending a message."""
    return ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail is handed over: `smtp://[user:password@]host[:port]`, or `smtps://`."""

    url: str
    sender: str

    def connect(self) -> smtplib.SMTP:
        """A greeted connection. Raises MailServerUnreachable. Blocks."""
        parts = urlsplit(self.url)
        host = parts.hostname or "localhost"
        try:
            if parts.scheme == "smtps":
                server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=SMTP_SECONDS, context=_tls())
            else:
                server = smtplib.SMTP(host, parts.port or 25, timeout=SMTP_SECONDS)
                server.ehlo_or_helo_if_needed()
                if server.has_extn("starttls"):
                    server.starttls(context=_tls())
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except (OSError, smtplib.SMTPException) as error:
            raise MailServerUnreachable(f"{MailServerUnreachable.__doc__} ({type(error).__name__})") from error
        return server


@dataclass(frozen=True, kw_only=True)
class Notify:
    """The effect of `NotificationRequested`: one message.

    `address_of(audience, store)` gives the address of a store or of support; a buyer's is sealed in the request.
    `claims` and `sent` are two claim stores: begun, and taken by the server.
    """

    server: MailServer
    vault: Vault
    claims: ClaimStore
    sent: ClaimStore
    address_of: Callable[[str, str], str]
    links: LinkSigner
    at_once: int = 8
    #: What this process claims with: a claim of its own may be tried again, one of another process may not.
    token: str = field(default_factory=lambda: uuid4().hex)
    #: Effect keys of messages that the server took and that are not noted as sent yet: they are noted, not sent again.
    _taken: set[str] = field(default_factory=set, init=False)

    name: ClassVar[str] = "notify"
    request: ClassVar[type[NotificationRequested]] = NotificationRequested

    async def carry_out(self, fact: NotificationRequested, envelope: FactEnvelope) -> OrderCommand:
        """Send once; raises MailServerUnreachable while the server is away and nothing was sent."""
        if await self.sent.claimed(fact.effect_key) is not None:
            return _sent(fact)
        if fact.effect_key not in self._taken:
            failed = await self._send(fact, envelope)
            if failed is not None:
                return failed
            self._taken.add(fact.effect_key)
        await self.sent.claim(fact.effect_key, fact.request_id)
        self._taken.discard(fact.effect_key)
        return _sent(fact)

    async def _send(self, fact: NotificationRequested, envelope: FactEnvelope) -> ReportNotificationFailed | None:
        """Hand the message over; what came of it where the server did not take it."""
        try:
            message = await asyncio.to_thread(self._message, fact, envelope)
        except (NoAddress, VaultError) as closed:
            return _failed(fact, str(closed))
        # Connecting comes before claiming: a server that is away leaves no doubt behind.
        connection = await asyncio.to_thread(self.server.connect)
        try:
            mine = f"{self.token}.{fact.attempt}"
            if await self.claims.claim(f"{fact.effect_key}.{fact.attempt}", mine) != mine:
                return _failed(fact, OutcomeUnknown.__doc__ or "", outcome_unknown=True)
            await asyncio.to_thread(hand_over, connection, message)
        except MailRefused as refused:
            return _failed(fact, str(refused), retryable=refused.retryable)
        except OutcomeUnknown as unknown:
            return _failed(fact, str(unknown), outcome_unknown=True)
        finally:
            await asyncio.to_thread(close_mail, connection)
        return None

    def _message(self, fact: NotificationRequested, envelope: FactEnvelope) -> EmailMessage:
        address, name = self._addressee(fact, envelope)
        subject, text = letter(fact, name, self._proof_url(fact, envelope))
        message = EmailMessage()
        message["From"] = self.server.sender
        message["To"] = address
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.fromtimestamp(envelope.recorded_at / 1000, UTC))
        message["Message-ID"] = f"<{fact.effect_key}@{MESSAGE_ID_DOMAIN}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message

    def _proof_url(self, fact: NotificationRequested, envelope: FactEnvelope) -> str:
        """A link to the proof that the message is about, made now: links expire, and facts are kept for ever."""
        values = fact.facts
        if fact.template not in ABOUT_PROOFS or not values.get("version", "").isdecimal():
            return ""
        line_id, version = values.get("line_id", ""), int(values["version"])
        return self.links.proof_link(envelope.tenant, envelope.key, line_id, version, fact.audience)

    def _addressee(self, fact: NotificationRequested, envelope: FactEnvelope) -> tuple[str, str]:
        if fact.audience != "buyer":
            address, name = self.address_of(fact.audience, fact.store), ""
        else:
            recipient = open_recipient(self.vault, envelope.tenant, envelope.key, fact.recipient)
            address, name = recipient.email, recipient.name
        # A line break in an address would start a header of the sender's own choosing.
        found = parseaddr(address)[1] if address.isprintable() else ""
        if "@" not in found:
            raise NoAddress(f"There is no e-mail address of the {fact.audience}.")
        return found, name if name.isprintable() else ""


def hand_over(connection: smtplib.SMTP, message: EmailMessage) -> None:
    """Give the message to the server. Raises MailRefused or OutcomeUnknown. Blocks."""
    try:
        connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        raise MailRefused(max((code for code, _ in refused.recipients.values()), default=550)) from refused
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as refused:
        raise MailRefused(refused.smtp_code) from refused
    except smtplib.SMTPNotSupportedError as refused:
        raise MailRefused(550) from refused
    except (OSError, smtplib.SMTPException) as lost:
        raise OutcomeUnknown from lost


def close_mail(connection: smtplib.SMTP) -> None:
    """Take leave of the server, if it is still there. Blocks."""
    with suppress(OSError, smtplib.SMTPException):
        connection.quit()


def _sent(fact: NotificationRequested) -> ReportNotificationSent:
    return ReportNotificationSent(request_id=fact.request_id, notification_id=fact.notification_id)


def _failed(
    fact: NotificationRequested, reason: str, *, outcome_unknown: bool = False, retryable: bool = False
) -> ReportNotificationFailed:
    return ReportNotificationFailed(
        request_id=fact.request_id,
        notification_id=fact.notification_id,
        reason=reason,
        outcome_unknown=outcome_unknown,
        retryable=retryable,
    )

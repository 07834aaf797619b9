"""A record of a topic as projections see it: headers at once, its content only when a read model asks for it."""

from typing import TypeVar

from confluent_kafka import Message

from events.codec import Codec, Undecodable
from events.declare import Declared
from events.envelope import HeaderMissing
from projections.errors import LedgerUnreadable

T = TypeVar("T", bound=Declared)


class Record:
    """One record: a fact of the ledger, or a refusal on a rejected topic.

    The content is decoded once, however many read models use it. A header is text only where it is asked for.
    """

    __slots__ = ("_codec", "_content", "_headers", "_value", "key", "offset", "partition", "topic", "type_name")

    def __init__(self, message: Message, codec: Codec) -> None:
        self.topic: str = message.topic() or ""
        self.partition: int = message.partition() or 0
        self.offset: int = message.offset() or 0
        key, headers = message.key(), message.headers()
        self.key: str = key.decode() if isinstance(key, bytes) else ""
        self._headers = dict(headers or ())
        self._value = message.value()
        self._codec = codec
        self._content: Declared | None = None
        #: Name of the fact as its header says it.
        self.type_name: str = self._text("ce_type")

    def _text(self, name: str) -> str:
        value = self._headers.get(name)
        return value.decode() if isinstance(value, bytes) else value or ""

    def _number(self, name: str) -> int:
        try:
            return int(self._headers[name] or "")
        except (KeyError, ValueError, TypeError):
            raise LedgerUnreadable(f"{self.where}: header {name} is missing or no number") from None

    @property
    def where(self) -> str:
        """Topic, partition and offset, for messages."""
        return f"{self.topic}[{self.partition}]@{self.offset}"

    @property
    def position(self) -> int:
        """The fact's number in its partition, from 1."""
        return self._number("position")

    @property
    def seq(self) -> int:
        """The fact's number in its stream, from 1."""
        return self._number("seq")

    @property
    def recorded_at(self) -> int:
        """When the ledger recorded it, epoch milliseconds."""
        return self._number("ce_time")

    @property
    def tenant(self) -> str:
        """Whose it is; raises `LedgerUnreadable` where the header is missing, so that no row is without a tenant."""
        tenant = self._text("tenant")
        if not tenant:
            raise LedgerUnreadable(f"{self.where}: {HeaderMissing.__doc__} header tenant")
        return tenant

    @property
    def actor(self) -> str:
        """Who did it: a role and an id without personal data."""
        return self._text("ce_source")

    @property
    def causation_id(self) -> str:
        """The command that made it true."""
        return self._text("causation_id")

    @property
    def content(self) -> Declared:
        """The decoded record; raises `LedgerUnreadable` where its bytes are not one."""
        if self._content is None:
            try:
                self._content = self._codec.decode(self._value)
            except Undecodable as error:
                raise LedgerUnreadable(f"{self.where}: {error}") from error
        return self._content

    def content_as(self, declared: type[T]) -> T:
        """The decoded record of this type; raises `LedgerUnreadable` where header and bytes disagree."""
        content = self.content
        if not isinstance(content, declared):
            raise LedgerUnreadable(f"{self.where}: header says {self.type_name}, bytes say {type(content).__name__}")
        return content

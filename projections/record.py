"""A record of a topic as projections see it: headers at once, its content only when a read model asks for it."""

from typing import TypeVar

from confluent_kafka import Message

from events.codec import Codec, Undecodable
from events.declare import Declared
from projections.errors import LedgerUnreadable

T = TypeVar("T", bound=Declared)

#: Where the ledger's headers stand in a fact (`FactEnvelope.to_headers`). Looking there first spares building a
#: dictionary of fourteen headers for each fact, of which the projection needs two; elsewhere they are found too.
_USUAL_INDEX = {
    "ce_type": 2,
    "ce_source": 3,
    "ce_time": 5,
    "tenant": 6,
    "seq": 7,
    "position": 8,
    "causation_id": 9,
}


class Record:
    """One record: a fact of the ledger, or a refusal on a rejected topic.

    The content is decoded once, however many read models use it.
    """

    __slots__ = ("_codec", "_content", "_headers", "_message", "key", "offset", "partition", "topic", "type_name")

    def __init__(self, message: Message, codec: Codec) -> None:
        self._message = message
        self._codec = codec
        self._content: Declared | None = None
        self._headers: list[tuple[str, bytes]] = message.headers() or []  # type: ignore[assignment]
        self.topic: str = message.topic()  # type: ignore[assignment]
        self.partition: int = message.partition()  # type: ignore[assignment]
        self.offset: int = message.offset()  # type: ignore[assignment]
        self.key: str = (message.key() or b"").decode()
        #: Name of the fact as its header says it.
        self.type_name: str = self._text("ce_type")

    def _text(self, name: str) -> str:
        value = self._header(name)
        return value.decode() if value else ""

    def _number(self, name: str) -> int:
        try:
            return int(self._header(name) or b"")
        except ValueError:
            raise LedgerUnreadable(f"{self.where}: header {name} is missing or no number") from None

    def _header(self, name: str) -> bytes | None:
        headers, index = self._headers, _USUAL_INDEX[name]
        if index < len(headers) and headers[index][0] == name:
            return headers[index][1]
        return next((value for found, value in headers if found == name), None)

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
        """When the ledger recorded it, epoch milliseconds; a refusal has the broker's time."""
        if self._header("ce_time") is None:
            _, at = self._message.timestamp()
            return at
        return self._number("ce_time")

    @property
    def tenant(self) -> str:
        """Whose it is; raises `LedgerUnreadable` where the header is missing, so that no row is without a tenant."""
        tenant = self._text("tenant")
        if not tenant:
            raise LedgerUnreadable(f"{self.where}: header tenant is missing")
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
        content = self._content
        if content is None:
            try:
                content = self._content = self._codec.decode(self._message.value())
            except Undecodable as error:
                raise LedgerUnreadable(f"{self.where}: {error}") from error
        return content

    def content_as(self, declared: type[T]) -> T:
        """The decoded record of this type; raises `LedgerUnreadable` where header and bytes disagree."""
        content = self.content
        if not isinstance(content, declared):
            raise LedgerUnreadable(f"{self.where}: header says {self.type_name}, bytes say {type(content).__name__}")
        return content

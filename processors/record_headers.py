"""The headers of a record that was consumed, also where a stranger wrote it."""

from __future__ import annotations

from operator import methodcaller

from confluent_kafka import Message

from processors.dead_letters import KafkaHeaders


class HeadersUnreadable(ValueError):
    """The name of one of the record's headers is not UTF-8, so none can be read: mend the sender, and send it again."""


#: Where confluent-kafka cannot make a text of a name, `headers()` returns a list with a hole in it and leaves an
#: exception behind. Called like this Python always notices; a plain call that runs often is made faster, and then the
#: exception comes up anywhere later.
_headers = methodcaller("headers")


def read_headers(message: Message) -> KafkaHeaders:
    """The record's headers, null contents among them. Raises `HeadersUnreadable`, after which it has none."""
    try:
        found: KafkaHeaders | None = _headers(message)
    except (SystemError, UnicodeDecodeError) as error:
        # The message keeps that list, and whoever asked for it again would end the process.
        message.set_headers([])
        raise HeadersUnreadable(HeadersUnreadable.__doc__) from error
    return found or ()


def headers_if_readable(message: Message) -> KafkaHeaders:
    """The record's headers; none where they cannot be read."""
    try:
        return read_headers(message)
    except HeadersUnreadable:
        return ()

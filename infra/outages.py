"""What clients raise while the part that they ask is away, as the named errors that tell a person what to do."""

from __future__ import annotations

import httpx
import psycopg
from confluent_kafka import KafkaException
from psycopg_pool import PoolTimeout

from infra.kafka import KafkaUnreachable, is_retriable
from infra.postgres import DatabaseUnreachable
from processors.ports import NamedError

#: Classes of SQLSTATE by which a server says that a connection is lost, or that it starts or ends.
CONNECTION_LOST = ("08", "57P")


class NothingAnswers(NamedError):
    """Nothing answers there. Look at `printledger status`, or mend the setting that has this address."""


def named(error: Exception) -> NamedError | None:
    """The named error that tells of this one, or None where no part is away: then something else is wrong."""
    match error:
        case PoolTimeout():
            return _told(DatabaseUnreachable, error)
        case psycopg.OperationalError() if error.sqlstate is None or error.sqlstate.startswith(CONNECTION_LOST):
            return _told(DatabaseUnreachable, error)
        case KafkaException() if is_retriable(error.args[0]):
            return _told(KafkaUnreachable, error.args[0].str())
        case httpx.TransportError():
            url = error.request.url
            return NothingAnswers(f"{url.scheme}://{url.netloc.decode()}: {NothingAnswers.__doc__} ({error})")
        case _:
            return None


def _told(named: type[NamedError], why: object) -> NamedError:
    return named(f"{named.__doc__} ({why})")

"""The Kafka clients that the ledger is given: `infra` makes them, so that all processes agree on their settings."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec
from confluent_kafka import Consumer, Producer

ProducerFactory: TypeAlias = Callable[[str], Producer]
"""Transactional id to a producer partitioning by murmur2, on which `init_transactions` was not called yet."""

ConsumerFactory: TypeAlias = Callable[[str, str], Consumer]
"""Group id and instance id to a consumer of committed records that commits nothing by itself, and fails where an offset
does not exist (`auto.offset.reset=error`)."""

ReaderFactory: TypeAlias = Callable[[bool], Consumer]
"""Whether it reads only what is committed, to a consumer without a group's work: it is assigned by hand, tells the end
of a partition (`enable.partition.eof`), and fails where an offset does not exist (`auto.offset.reset=error`)."""


class Clients(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger reaches Kafka."""

    producer: ProducerFactory
    consumer: ConsumerFactory
    reader: ReaderFactory

"""A part of the stack, as the runner sees it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from infra.child import Command
from processors.ports import NamedError


class NotAnswering(NamedError):
    """The part does not answer yet; the message says what it said instead."""


def nothing() -> None:
    """Nothing to do."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One server: how to prepare its folder, run it, see that it answers, and make what the system needs in it.

    `command` is None where the settings give an address: then only `answers` and `settle` are used.
    """

    name: str
    #: Writes configuration and empty storage. Runs before the command, beside other parts.
    prepare: Callable[[], None] = nothing
    command: Callable[[], Command] | None = None
    #: One quick try: does it answer requests now? Raises NotAnswering where it can say why not.
    answers: Callable[[], bool]
    #: Makes topics, schemas, tables, the bucket. Idempotent.
    settle: Callable[[], None] = nothing
    #: Who is reached, for messages.
    address: str

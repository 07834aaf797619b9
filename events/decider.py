"""The shape of every stream: decide what becomes true, evolve the state by it, start from nothing."""

from typing import Protocol, TypeVar

import msgspec

StateT = TypeVar("StateT")
CommandT = TypeVar("CommandT", contravariant=True)
FactT = TypeVar("FactT")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may know beside state and command; all of it is in the command's envelope.

    `now` is the time at which the command was sent (milliseconds), never the clock of the machine that decides.
    """

    key: str
    tenant: str
    command_id: str
    now: int
    actor: str


class Refusal(Exception):
    """The command cannot be carried out."""

    def __init__(self, detail: str | None = None) -> None:
        self.reason = type(self).__name__
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        super().__init__(self.detail)


class Ignored(Exception):
    """The command changes nothing, and its sender need not do anything."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Decider(Protocol[StateT, CommandT, FactT]):
    """A stream's pure core.

    `decide` returns the facts that the command makes true, or raises `Refusal` or `Ignored`.
    `evolve` folds one fact; it never refuses. `exists` tells whether a refusal can be written into the stream itself.
    """

    def initial_state(self) -> StateT:
        """The state of a stream without facts."""

    def decide(self, state: StateT, command: CommandT, context: Context) -> tuple[FactT, ...]:
        """The facts that the command makes true in this state."""

    def decide_and_evolve(self, state: StateT, command: CommandT, context: Context) -> tuple[tuple[FactT, ...], StateT]:
        """The facts of `decide` and the state after them, for callers that need both: nothing is folded twice."""

    def evolve(self, state: StateT, fact: FactT) -> StateT:
        """The state after one more fact."""

    def exists(self, state: StateT) -> bool:
        """Whether the stream has begun."""

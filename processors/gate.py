"""What lets a call to a vendor through: the vendor's rate limit and a circuit breaker, as one small state.

The state changes by pure functions of the time, so that one process can keep it in memory and many can share it in a
database row, and both behave alike. The rate is exact: a call is let through when the call that came as many turns
before it as the vendor allows lies a whole window back. The breaker opens after failures in a row, rests, lets one call
through to see, and closes when that one is answered.

Times are epoch milliseconds, of whichever clock the gate's keeper has.
"""

import time
from typing import Final, Literal, Protocol

import msgspec

#: Turns that a gate remembers at most, so that its state stays small enough for one row.
RATE_CALLS_MAX: Final = 1_000
#: A vendor is left alone for an hour at most, because an odd `Retry-After`, such as a date written as seconds, must not
#: shut its gate for years. One that wants to be left alone for longer says so again to the first call after that.
PAUSE_MAX_MS: Final = 3_600_000

Obstacle = Literal["", "rate_limited", "circuit_open"]


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's rate limit: so many calls in any stretch of so many seconds."""

    calls: int
    seconds: int

    def __post_init__(self) -> None:
        """ValueError for a rate that lets nothing through, or that would make a long memory."""
        if not 1 <= self.calls <= RATE_CALLS_MAX or self.seconds < 1:
            raise ValueError(f"a rate has 1 to {RATE_CALLS_MAX} calls in at least a second, not {self}")

    def __str__(self) -> str:
        """As people say it."""
        return f"{self.calls} calls in {self.seconds} s"


class GateRules(msgspec.Struct, frozen=True, kw_only=True):
    """By what a gate opens and shuts."""

    rate: Rate | None
    #: Failed calls in a row that open the circuit.
    failures_max: int
    #: How long it rests before one call is let through.
    rest_ms: int
    #: How long that one call may take before another one is let through to see.
    probe_ms: int


class GateState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a vendor."""

    #: When the newest calls were let through, oldest first: as many as the rate counts.
    turns: tuple[int, ...] = ()
    #: The vendor asked to be left alone until then.
    paused_until: int = 0
    #: Failed calls in a row.
    failures: int = 0
    #: When the circuit opened; 0 while it is closed.
    opened_at: int = 0
    #: While the circuit is half open: until when the call that was let through may take.
    probe_until: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether an answered call would change nothing."""
        return self.failures == 0 and self.opened_at == 0


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a call may go out now; else why not, and when asking again makes sense."""

    obstacle: Obstacle = ""
    wait_ms: int = 0
    #: Whether the gate wants to know that the call was answered.
    is_watched: bool = False


def admit(state: GateState, rules: GateRules, now: int) -> tuple[Admission, GateState]:
    """Ask to be let through. A call that is let through has taken its turn."""
    if state.opened_at:
        ready_at = max(state.opened_at + rules.rest_ms, state.probe_until)
        if now < ready_at:
            return Admission(obstacle="circuit_open", wait_ms=ready_at - now), state
    free_at = _paused_until(state, now)
    if rules.rate is not None and len(state.turns) >= rules.rate.calls:
        free_at = max(free_at, state.turns[-rules.rate.calls] + rules.rate.seconds * 1000)
    if now < free_at:
        return Admission(obstacle="rate_limited", wait_ms=free_at - now), state
    turns = (*state.turns, now)[-rules.rate.calls :] if rules.rate is not None else ()
    probe_until = now + rules.probe_ms if state.opened_at else 0
    return (
        Admission(is_watched=not state.is_clean),
        msgspec.structs.replace(state, turns=turns, paused_until=0, probe_until=probe_until),
    )


def answered(state: GateState) -> GateState:
    """A call was answered: the vendor is well."""
    return msgspec.structs.replace(state, failures=0, opened_at=0, probe_until=0)


def failed(state: GateState, rules: GateRules, now: int) -> GateState:
    """A call failed; after enough of them in a row, or when it was the one that was to see, the circuit opens."""
    failures = state.failures + 1
    opens = failures >= rules.failures_max or state.opened_at > 0
    return msgspec.structs.replace(state, failures=failures, opened_at=now if opens else 0, probe_until=0)


def paused(state: GateState, now: int, wait_ms: int) -> GateState:
    """The vendor answered that its limit is used up: it is well, and wants to be left alone for so long."""
    until = now + min(wait_ms, PAUSE_MAX_MS)
    return msgspec.structs.replace(answered(state), paused_until=max(_paused_until(state, now), until))


def _paused_until(state: GateState, now: int) -> int:
    """Until when the vendor is left alone. A longer pause than any was kept by an earlier release, and is over."""
    return state.paused_until if state.paused_until <= now + PAUSE_MAX_MS else 0


class Gate(Protocol):
    """The gate of one vendor. Safe for many calls at the same time."""

    async def admit(self, rules: GateRules) -> Admission:
        """Ask to be let through now."""
        ...

    async def answered(self) -> None:
        """Tell that a watched call was answered."""
        ...

    async def failed(self, rules: GateRules) -> None:
        """Tell that a call failed, or that nobody was reached."""
        ...

    async def paused(self, wait_ms: int) -> None:
        """Tell that the vendor wants to be left alone for so long."""
        ...


class LocalGate:
    """A gate that one process keeps in memory."""

    def __init__(self) -> None:
        self._state = GateState()

    async def admit(self, rules: GateRules) -> Admission:
        """Ask to be let through now."""
        admission, self._state = admit(self._state, rules, _now_ms())
        return admission

    async def answered(self) -> None:
        """Tell that a watched call was answered."""
        self._state = answered(self._state)

    async def failed(self, rules: GateRules) -> None:
        """Tell that a call failed, or that nobody was reached."""
        self._state = failed(self._state, rules, _now_ms())

    async def paused(self, wait_ms: int) -> None:
        """Tell that the vendor wants to be left alone for so long."""
        self._state = paused(self._state, _now_ms(), wait_ms)


def _now_ms() -> int:
    # Starts at 1: a moment of 0 would read as "the circuit is closed".
    return time.monotonic_ns() // 1_000_000 + 1

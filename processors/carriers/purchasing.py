"""Pay for a label once at a carrier that promises nothing about a request that comes twice.

EasyPost keeps one postage a shipment; Shippo and ShipStation do not promise that a rate is sold only once. So paying
takes turns here. A turn is claimed under the effect key, with the rate that it pays for, before anything is sent, and
the first claim wins for good: of two workers one pays. The request that pays is sent once, never again by the
transport. When its answer is lost the carrier is asked what became of that rate; until that is settled nobody takes
the next turn.

A turn ends without a label in two ways. The carrier refused it, which is marked beside the turn; or its worker died
and the carrier knows nothing of the rate `SETTLED_AFTER_MS` later, which is many times longer than a call can take.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import msgspec

from events.decoding import from_json
from processors.carriers.protocol import ClaimStore, LabelRefused
from processors.outbound import Deferred

#: A call ends after seconds (`OutboundPolicy.total_timeout_s`); after so long it cannot be under way any more.
SETTLED_AFTER_MS: Final = 10 * 60 * 1000
#: So many refused turns are a person's matter.
TURNS_MAX: Final = 50

B = TypeVar("B")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Who may pay now, for which rate, since when (epoch milliseconds)."""

    rate_id: str
    at: int
    nonce: str


class Paid(msgspec.Struct, Generic[B], frozen=True, kw_only=True):
    """What was bought; `already_known` when not this call paid for it, or when its answer was lost."""

    bought: B
    already_known: bool


class PaidOnce(Generic[B]):
    """Takes turns at paying. `B` is what the carrier calls a bought label."""

    def __init__(
        self,
        claims: ClaimStore,
        now_ms: Callable[[], int],
        find: Callable[[str], Awaitable[B | Deferred | None]],
        settled_after_ms: int = SETTLED_AFTER_MS,
    ) -> None:
        """`find` asks the carrier what was bought with a rate: None when it is sure that nothing was."""
        self._claims = claims
        self._now_ms = now_ms
        self._find = find
        self._settled_after_ms = settled_after_ms

    async def buy(
        self,
        effect_key: str,
        rate: Callable[[], Awaitable[str | LabelRefused | Deferred]],
        pay: Callable[[str], Awaitable[B | LabelRefused | Deferred]],
    ) -> Paid[B] | LabelRefused | Deferred:
        """Buy unless it is bought. `rate` chooses a fresh rate's id; `pay` sends one request that is never repeated."""
        number, known = await self._so_far(effect_key)
        if known is not None:
            return known
        if number > TURNS_MAX:
            detail = f"it was refused {TURNS_MAX} times: look at the account, then ask under a new effect key"
            return LabelRefused(reason="carrier_error", retryable=False, needs_person=True, detail=detail)
        chosen = await rate()
        if not isinstance(chosen, str):
            return chosen
        key = _key(effect_key, number)
        mine = Turn(rate_id=chosen, at=self._now_ms(), nonce=uuid.uuid4().hex)
        winner = from_json(await self._claims.claim(key, msgspec.json.encode(mine).decode()), Turn)
        if winner != mine:
            return await self._found(winner) or self._unsettled(winner)
        outcome = await pay(chosen)
        if isinstance(outcome, Deferred) and outcome.outcome_unknown:
            return await self._found(mine) or outcome
        if isinstance(outcome, LabelRefused | Deferred):
            await self._claims.claim(_refused(key), "nothing was paid")
            return outcome
        return Paid(bought=outcome, already_known=False)

    async def read_back(self, effect_key: str) -> B | Deferred | None:
        """What was bought under the key; None when nothing was."""
        _, known = await self._so_far(effect_key)
        if isinstance(known, Paid):
            return known.bought
        return known

    async def _so_far(self, effect_key: str) -> tuple[int, Paid[B] | Deferred | None]:
        """The number of the next turn, and what the earlier ones say: a label, or that nobody may pay yet."""
        for number in range(1, TURNS_MAX + 1):
            key = _key(effect_key, number)
            text = await self._claims.claimed(key)
            if text is None:
                return number, None
            if await self._claims.claimed(_refused(key)) is not None:
                continue
            turn = from_json(text, Turn)
            found = await self._found(turn)
            if found is not None:
                return number, found
            if self._now_ms() - turn.at < self._settled_after_ms:
                return number, self._unsettled(turn)
        return TURNS_MAX + 1, None

    async def _found(self, turn: Turn) -> Paid[B] | Deferred | None:
        found = await self._find(turn.rate_id)
        if isinstance(found, Deferred):
            return msgspec.structs.replace(found, outcome_unknown=True)
        return None if found is None else Paid(bought=found, already_known=True)

    def _unsettled(self, turn: Turn) -> Deferred:
        left_ms = max(turn.at + self._settled_after_ms - self._now_ms(), 1)
        detail = f"rate {turn.rate_id} may be under way; nobody pays for another one yet"
        return Deferred(reason="answer_lost", retry_after_ms=left_ms, outcome_unknown=True, detail=detail)


def _key(effect_key: str, number: int) -> str:
    return f"{effect_key}/pay/{number}"


def _refused(key: str) -> str:
    return f"{key}/refused"

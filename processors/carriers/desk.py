"""All carriers that are set up, as one place where a parcel's label is bought once.

Which carrier is asked to sell is itself claimed under the effect key before anything is paid, so a label whose answer
was lost at one carrier is never bought at another. Only a refusal, which says that nothing was paid, ends a choice;
then the next best is taken. A carrier that does not answer is not chosen, and delays nobody.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from events.decoding import from_json
from processors.carriers.choice import ChoiceRules, choose_rate
from processors.carriers.protocol import (
    Carrier,
    ClaimStore,
    Deferred,
    LabelOutcome,
    LabelRefused,
    ParcelShipment,
    Rate,
    RatesFound,
    RatesOutcome,
)

#: Refusals that are about the parcel or its address, not about who was asked: another carrier is not tried.
OF_THE_PARCEL: Final = frozenset({"address_not_found", "address_incomplete", "conflict"})
CHOICES_MAX: Final = 50
ENTRIES_MAX: Final = 1_000
#: Nobody is at a purchase for so long: the calls of one take seconds each.
STALE_AFTER_MS: Final = 5 * 60 * 1000


class CarrierRecord(Protocol):
    """Knows how carriers did. May block."""

    def label_success(self) -> Mapping[str, float]:
        """The share of labels that did not fail, 0 to 1, by carrier; carriers without history are left out."""
        ...


class NoRecord:
    """Nothing is known of what happened before: every carrier counts as reliable."""

    def label_success(self) -> Mapping[str, float]:
        """No carrier."""
        return {}


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked to sell which service."""

    carrier: str
    service: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at a purchase since when (epoch milliseconds)."""

    at: int
    nonce: str


class CarrierDesk:
    """Buys at the carrier that `choose_rate` names."""

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        claims: ClaimStore,
        now_ms: Callable[[], int],
        record: CarrierRecord | None = None,
        rules: ChoiceRules | None = None,
    ) -> None:
        """`claims` is the desk's own system in the claim store, beside those of the carriers."""
        if not carriers:
            raise ValueError("no carrier is set up: nobody can sell a label")
        self._carriers = dict(carriers)
        self._claims = claims
        self._now_ms = now_ms
        self._record = record or NoRecord()
        self._rules = rules or ChoiceRules()

    def carrier(self, name: str) -> Carrier | None:
        """A carrier that is set up."""
        return self._carriers.get(name)

    async def buy_label(self, shipment: ParcelShipment, promised_days: int | None = None) -> tuple[str, LabelOutcome]:
        """The label, or why there is none, and through which carrier. Once per effect key."""
        if len(self._carriers) == 1:
            ((name, only),) = self._carriers.items()
            return name, await only.buy_label(shipment)
        tried: set[str] = set()
        refusal: tuple[str, LabelRefused] | None = None
        for number in range(1, CHOICES_MAX + 1):
            key = f"{shipment.effect_key}/carrier/{number}"
            chosen = await self._claimed(key)
            if chosen is None:
                found = await self._choose(shipment, promised_days, tried)
                if not isinstance(found, Chosen):
                    return refusal or found
                chosen = _read(await self._claims.claim(key, msgspec.json.encode(found).decode()))
            elif await self._claims.claimed(f"{key}/refused") is not None:
                continue
            name, outcome = await self._alone_at(key, chosen, shipment)
            if not isinstance(outcome, LabelRefused) or outcome.reason in OF_THE_PARCEL:
                return name, outcome
            await self._claims.claim(f"{key}/refused", outcome.reason)
            tried.add(name)
            refusal = name, outcome
        return refusal or ("", LabelRefused(reason="no_service", retryable=False, needs_person=True))

    async def _claimed(self, key: str) -> Chosen | None:
        text = await self._claims.claimed(key)
        return None if text is None else _read(text)

    async def _alone_at(self, key: str, chosen: Chosen, shipment: ParcelShipment) -> tuple[str, LabelOutcome]:
        """Buy while nobody else is at this purchase: a refusal then says that nothing is paid and nothing will be."""
        for number in range(1, ENTRIES_MAX + 1):
            entry = f"{key}/entry/{number}"
            text = await self._claims.claimed(entry)
            if text is None:
                mine = Entry(at=self._now_ms(), nonce=uuid.uuid4().hex)
                text = await self._claims.claim(entry, msgspec.json.encode(mine).decode())
                if from_json(text, Entry) == mine:
                    try:
                        return await self._buy_at(chosen, shipment)
                    finally:
                        await self._claims.claim(f"{entry}/left", "nobody is at it any more")
            elif await self._claims.claimed(f"{entry}/left") is not None:
                continue
            left_ms = from_json(text, Entry).at + STALE_AFTER_MS - self._now_ms()
            if left_ms > 0:
                detail = f"somebody else is buying this label at {chosen.carrier}"
                unclear = Deferred(reason="answer_lost", retry_after_ms=left_ms, outcome_unknown=True, detail=detail)
                return chosen.carrier, unclear
        detail = f"it was asked for {ENTRIES_MAX} times: look at {chosen.carrier}, then ask under a new effect key"
        return chosen.carrier, LabelRefused(reason="conflict", retryable=False, needs_person=True, detail=detail)

    async def _buy_at(self, chosen: Chosen, shipment: ParcelShipment) -> tuple[str, LabelOutcome]:
        carrier = self._carriers.get(chosen.carrier)
        if carrier is None:
            # A label may have been paid there, so nobody else sells one before a person has looked.
            detail = f"{chosen.carrier} was asked for this label and is not set up any more: set it up again"
            return chosen.carrier, LabelRefused(reason="conflict", retryable=False, needs_person=True, detail=detail)
        return chosen.carrier, await carrier.buy_label(msgspec.structs.replace(shipment, services=(chosen.service,)))

    async def _choose(
        self, shipment: ParcelShipment, promised_days: int | None, tried: set[str]
    ) -> Chosen | tuple[str, LabelRefused | Deferred]:
        asked = {name: carrier for name, carrier in self._carriers.items() if name not in tried}
        outcomes = dict(zip(asked, await asyncio.gather(*(c.rates(shipment) for c in asked.values())), strict=True))
        rates: list[Rate] = [
            rate for outcome in outcomes.values() if isinstance(outcome, RatesFound) for rate in outcome.rates
        ]
        success = await asyncio.to_thread(self._record.label_success)
        choice = choose_rate(
            rates, promised_days=promised_days, success=success, services=shipment.services, rules=self._rules
        )
        if choice is not None:
            return Chosen(carrier=choice.rate.carrier, service=choice.rate.service)
        return _nobody(outcomes)


def _read(text: str) -> Chosen:
    return from_json(text, Chosen)


def _nobody(outcomes: Mapping[str, RatesOutcome]) -> tuple[str, LabelRefused | Deferred]:
    """Why nobody sells: a carrier that did not answer may do so later, so its answer goes before refusals."""
    for name, outcome in outcomes.items():
        if isinstance(outcome, Deferred):
            # Asking for rates pays nothing, whatever became of the question.
            return name, msgspec.structs.replace(outcome, outcome_unknown=False)
    for name, outcome in outcomes.items():
        if isinstance(outcome, LabelRefused):
            return name, outcome
    detail = "No carrier has a service for this parcel."
    return "", LabelRefused(reason="no_service", retryable=False, needs_person=True, detail=detail)

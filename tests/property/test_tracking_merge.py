"""A parcel ends alike however often and in whatever order its carrier's words arrive, and it never goes back.

Each carrier's words go the whole way: the vendor's shape is read, translated into a command and decided. What must
come of it is worked out from the words' meanings alone, as their vendors describe them (`unit/carriers/vocabulary.py`).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.decider import Ignored
from events.order.commands import ReportTracking
from events.order.facts import OrderEvent, ShipmentDelivered, ShipmentDispatched, ShipmentReturned
from events.order.state import Order
from processors.carriers import (
    easypost_reading,
    easypost_wire,
    shippo_reading,
    shippo_wire,
    shipstation_reading,
    shipstation_wire,
)
from processors.carriers.protocol import TrackingReport
from processors.inbound.reports import tracking
from projections.rows import Effect
from tests.order_life import NOW, context_of
from tests.property.test_order_reports import DECIDER, LABELLED, after
from tests.unit.carriers.vocabulary import EASYPOST, SHIPPO, SHIPSTATION_CODES, SHIPSTATION_DETAILS, SHIPSTATION_SILENT

#: A carrier's word, with its detail where it has one, and how many minutes after the label it was said.
Said = tuple[tuple[str, str], int]

NUMBER: Final = "9400100208303109505657"
STAGES: Final = ("labelled", "dispatched", "delivered", "returned")
#: How far a parcel is that was seen so. What is not here stands beside the journey.
STAGE_OF: Final = {
    "pre_transit": "labelled",
    "in_transit": "dispatched",
    "out_for_delivery": "dispatched",
    "available_for_pickup": "dispatched",
    "delivered": "delivered",
    "return_to_sender": "returned",
}
TROUBLES: Final = frozenset({"failure", "cancelled"})


class OneParcel:
    """Finds the one parcel of these tests."""

    def by_key(self, effect_key: str) -> Effect | None:
        return None

    def by_tracking(self, carrier: str, carrier_reference: str, tracking_number: str) -> Effect | None:
        assert tracking_number == NUMBER
        return Effect(
            tenant="demo", effect_key="e" * 32, order_id=context_of().key, kind="label", line_id="", run=0,
            parcel_id="P1", who="", units=(), attempt=1,
        )  # fmt: skip


def moment(minute: int) -> str:
    """A time as all three carriers write it."""
    return datetime.fromtimestamp(NOW // 1000 + 60 * minute, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_easypost(status: str, _: str, minute: int) -> TrackingReport:
    scan = {"status": status, "datetime": moment(minute), "message": "said"}
    tracker = {
        "id": "trk_1",
        "tracking_code": NUMBER,
        "status": status,
        "carrier": "USPS",
        "updated_at": moment(minute),
        "tracking_details": [scan],
    }
    return easypost_reading.tracking_report(f"evt_{status}_{minute}", msgspec.convert(tracker, easypost_wire.Tracker))


def by_shippo(status: str, substatus: str, minute: int) -> TrackingReport:
    state = {
        "object_id": f"{status}/{substatus}/{minute}",
        "status": status,
        "status_date": moment(minute),
        "substatus": {"code": substatus} if substatus else None,
    }
    track = msgspec.convert({"tracking_number": NUMBER, "carrier": "usps", "tracking_status": state}, shippo_wire.Track)
    assert track.tracking_status is not None
    return shippo_reading.tracking_report(track, track.tracking_status, None)


def by_shipstation(code: str, detail: str, minute: int) -> TrackingReport:
    track = {
        "tracking_number": NUMBER,
        "status_code": code,
        "status_detail_code": detail or None,
        "carrier_code": "usps",
        "events": [{"occurred_at": moment(minute)}],
    }
    return shipstation_reading.tracking_report(msgspec.convert(track, shipstation_wire.Tracking), "label")


#: Every word of each carrier by its meaning, and one that the carrier does not have.
VOCABULARIES: Final[Mapping[str, Mapping[tuple[str, str], str]]] = {
    "easypost": {**{(word, ""): meaning for word, meaning in EASYPOST.items()}, ("held_by_customs", ""): ""},
    "shippo": {
        **{(status, sub): meaning for status, meanings in SHIPPO.items() for sub, meaning in meanings.items()},
        ("HELD_BY_CUSTOMS", ""): "",
    },
    "shipstation": {
        **{(code, detail): SHIPSTATION_DETAILS[detail] for code in SHIPSTATION_CODES for detail in SHIPSTATION_DETAILS},
        **{(code, word): means for code, means in SHIPSTATION_CODES.items() for word in ("", *SHIPSTATION_SILENT)},
        ("ZZ", "DELIVERED"): "",
    },
}
READERS: Final[Mapping[str, Callable[[str, str, int], TrackingReport]]] = {
    "easypost": by_easypost,
    "shippo": by_shippo,
    "shipstation": by_shipstation,
}


def commands(carrier: str, said: Sequence[Said]) -> list[ReportTracking]:
    """What the ledger is told."""
    told = []
    for word, minute in said:
        command = tracking(READERS[carrier](*word, minute), carrier, OneParcel()).command
        assert isinstance(command, ReportTracking)
        told.append(command)
    return told


def words_of(carrier: str, data: st.DataObject) -> list[Said]:
    """Some words, in the order in which they were said or in another one."""
    by_meaning: dict[str, list[tuple[str, str]]] = {}
    for word, meaning in VOCABULARIES[carrier].items():
        by_meaning.setdefault(meaning, []).append(word)
    # Meanings first, so that a journey's rare ends are as likely as its many words on the way.
    words = st.sampled_from(sorted(by_meaning)).flatmap(lambda meaning: st.sampled_from(sorted(by_meaning[meaning])))
    return data.draw(st.lists(st.tuples(words, st.integers(1, 30)), min_size=1, max_size=7))


def ended(carrier: str, said: Sequence[Said]) -> Order:
    """What the order is after these words.

    A return keeps when its goods had been delivered as far as that was known when it was opened, so that is left out.
    """
    order = after(LABELLED, commands(carrier, said))
    assert isinstance(order, Order)
    claims = {
        claim_id: replace(claim, items=tuple(replace(item, delivered_at=0) for item in claim.items))
        for claim_id, claim in order.claims.items()
    }
    return replace(order, claims=claims)


def expected(carrier: str, said: Sequence[Said]) -> tuple[str, str]:
    """The stage that a parcel has reached, and the newest trouble that was told of it."""
    meanings = [(VOCABULARIES[carrier][word], minute) for word, minute in said]
    farthest = max((STAGES.index(STAGE_OF[meaning]) for meaning, _ in meanings if meaning in STAGE_OF), default=0)
    troubles = [(minute, meaning) for meaning, minute in meanings if meaning in TROUBLES]
    return STAGES[farthest], max(troubles)[1] if troubles else ""


@pytest.mark.parametrize("carrier", READERS)
@settings(deadline=None)
@given(data=st.data())
def test_any_order_of_any_duplicates_of_a_carriers_words_ends_alike(carrier: str, data: st.DataObject) -> None:
    said = words_of(carrier, data)
    again = data.draw(st.lists(st.sampled_from(said), max_size=4))
    shuffled = data.draw(st.permutations([*said, *again]))

    mixed = ended(carrier, shuffled)

    assert mixed == ended(carrier, said)
    parcel = mixed.parcels["P1"]
    assert (parcel.stage, parcel.condition) == expected(carrier, said)


@pytest.mark.parametrize("carrier", READERS)
@settings(deadline=None)
@given(data=st.data())
def test_a_parcel_never_goes_back_and_each_of_its_stages_is_told_once(carrier: str, data: st.DataObject) -> None:
    order, facts = LABELLED, list[OrderEvent]()
    reached = 0
    for number, command in enumerate(commands(carrier, words_of(carrier, data)), 1_000):
        context = replace(context_of(number=number), now=NOW + 10**7)
        try:
            new, order = DECIDER.decide_and_evolve(order, command, context)
        except Ignored:
            continue
        facts.extend(new)
        stage = STAGES.index(order.parcels["P1"].stage)
        assert stage >= reached
        reached = stage
    told = Counter(type(fact) for fact in facts)
    assert all(told[kind] <= 1 for kind in (ShipmentDispatched, ShipmentDelivered, ShipmentReturned))
    assert told[ShipmentReturned] == (reached == STAGES.index("returned"))


@pytest.mark.parametrize("carrier", READERS)
def test_a_carrier_that_has_not_seen_the_parcel_yet_troubles_nobody(carrier: str) -> None:
    unseen = [word for word, meaning in VOCABULARIES[carrier].items() if meaning == "unknown"]
    told = commands(carrier, [(word, minute) for minute, word in enumerate(unseen, 1)])
    assert told
    assert after(LABELLED, told) == after(LABELLED, [])

"""Requests without an Idempotency-Key that come again: what is one command still, and what is a new wish.

Behind the API stands the order's own decider here, which answers each command id once, as the ledger does.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.decider import Ignored, Refusal
from events.order.decide import OrderDecider
from events.order.facts import OrderEvent, OrderPlaced, OrderSeenAgain
from events.order.parcels import Suggestion, digest_of
from events.order.state import Line, Order, Parcel
from events.order.values import OrderPolicy, SuggestedAddress
from processors import personal
from tests.order_life import World as Outside
from tests.order_life import context_of, live
from tests.unit.api_world import OWN, World, order_body, order_view, outcome
from tests.unit.test_api_proofs import PNG, path_of, world_with_proof

REPLACE = f"/v1/orders/{OWN}/lines/1/replace-file"
UPLOAD = f"/v1/orders/{OWN}/lines/1/file"
CANCEL = f"/v1/orders/{OWN}/cancel"
ACCEPT = f"/v1/orders/{OWN}/address/accept-suggestion"
CLAIMS = f"/v1/orders/{OWN}/claims"
COMPLAINT = {"lines": [{"line_id": "1", "units": [1]}], "reason": "damaged", "text": "It broke."}


class Ledger:
    """Decides what the API sent, each command id once, and has the read models show what came of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.order = world.reads.states.get(("demo", OWN), Order())
        self.answered: dict[str, str] = {}
        self.facts: list[OrderEvent] = []

    def settle(self) -> list[str]:
        """Decide what is new; returns what became of each command that was sent so far."""
        for command, envelope in self.world.commands.sent:
            if envelope.command_id not in self.answered:
                self.answered[envelope.command_id] = self._decide(command)
                word = self.answered[envelope.command_id]
                self.world.reads.outcomes[envelope.command_id] = outcome(word)
        self._show()
        return [self.answered[envelope.command_id] for _, envelope in self.world.commands.sent]

    def _decide(self, command: Any) -> str:
        try:
            context = context_of("A-1", len(self.answered) + 1)
            facts, self.order = OrderDecider().decide_and_evolve(self.order, command, context)
        except (Ignored, Refusal) as answer:
            return "ignored" if isinstance(answer, Ignored) else "refused"
        self.facts += facts
        return "accepted"

    def _show(self) -> None:
        self.world.reads.states["demo", OWN] = self.order
        # Every answer is a fact of its own at least.
        seq = 3 + len(self.facts) + len(self.answered)
        self.world.reads.orders["demo", OWN] = msgspec.structs.replace(order_view("demo", OWN), seq=seq)

    @property
    def line(self) -> Line:
        return self.order.lines["1"]

    @property
    def text(self) -> str | None:
        """What is printed on the line's first area."""
        (first,) = (content for content in self.line.contents if not content.area)
        return personal.open_text(self.world.vault, "demo", OWN, "text:1", first.text)


def ids_of(world: World) -> list[str]:
    return [envelope.command_id for _, envelope in world.commands.sent]


def ordered(text: str) -> dict[str, Any]:
    return {"lines": [order_body()["lines"][0] | {"text": text}]}


# Orders


@pytest.mark.parametrize("is_shown_between", [True, False])
def test_an_order_that_goes_back_to_its_first_text_is_printed_with_it(is_shown_between: bool) -> None:
    # given: also while the read models are behind
    world = World()
    ledger = Ledger(world)
    # when
    for text in ("Anna", "Anne", "Anna"):
        world.now += 1
        assert world.post_order(**ordered(text)).status_code == 202
        if is_shown_between:
            ledger.settle()
    # then
    assert ledger.settle() == ["accepted", "accepted", "accepted"]
    assert len(set(ids_of(world))) == 3
    assert ledger.text == "Anna"


def test_the_same_order_again_is_only_seen_again() -> None:
    world = World()
    ledger = Ledger(world)
    for _ in range(2):
        world.now += 1_000
        world.post_order()
    assert ledger.settle() == ["accepted", "accepted"]
    assert [type(fact) for fact in ledger.facts].count(OrderPlaced) == 1
    assert isinstance(ledger.facts[-1], OrderSeenAgain)


def test_the_same_order_of_the_same_time_is_one_command() -> None:
    world = World()
    ledger = Ledger(world)
    for _ in range(3):
        world.now += 1
        world.post_order(updated_at=1_700_000_000_000)
        ledger.settle()
    assert len(set(ids_of(world))) == 1


# Other artwork


def replace_text(world: World, text: str) -> None:
    assert world.call("POST", REPLACE, json={"text": text}).status_code == 202


def test_a_line_that_goes_back_to_an_earlier_text_is_printed_with_it() -> None:
    # given
    world = world_with_proof()
    ledger = Ledger(world)
    # when
    for text in ("Anna", "Anne", "Anna"):
        replace_text(world, text)
        ledger.settle()
    # then
    assert ledger.settle() == ["accepted", "accepted", "accepted"]
    assert ledger.text == "Anna"


def test_a_line_that_goes_back_to_an_earlier_picture_is_printed_with_it() -> None:
    # given
    world = world_with_proof()
    ledger = Ledger(world)
    # when
    designs = []
    for picture in (PNG + b"1", PNG + b"2", PNG + b"1"):
        assert world.call("PUT", UPLOAD, content=picture).status_code == 202
        ledger.settle()
        designs.append(ledger.line.contents[-1].design_key)
    # then
    assert designs[0] == designs[2] != designs[1]


@pytest.mark.parametrize("is_shown_between", [True, False])
def test_the_same_artwork_again_is_one_command_as_long_as_the_line_carries_it(is_shown_between: bool) -> None:
    # given
    world = world_with_proof()
    ledger = Ledger(world)
    # when
    for _ in range(3):
        replace_text(world, "Anna")
        if is_shown_between:
            ledger.settle()
    # then: the line is proofed anew once
    ledger.settle()
    assert len(set(ids_of(world))) == 1
    assert ledger.line.revision == 2


def test_a_form_that_a_browser_sends_twice_is_one_command() -> None:
    # given: each time with other bytes between its parts
    world = world_with_proof()
    for boundary in ("first", "second"):
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        form = f'--{boundary}\r\nContent-Disposition: form-data; name="text"\r\n\r\nAnna\r\n--{boundary}--\r\n'
        # when
        answer = world.call("POST", f"{path_of(world)}/replace", key=None, content=form.encode(), headers=headers)
        assert answer.status_code == 202
    # then
    assert len(set(ids_of(world))) == 1


def test_taking_a_text_away_is_another_request_than_leaving_it() -> None:
    world = world_with_proof()
    for body in ({"artwork_url": "https://x.example/b"}, {"artwork_url": "https://x.example/b", "text": None}):
        assert world.call("POST", REPLACE, json=body).status_code == 202
    assert len({command.content_digest for command, _ in world.commands.sent}) == 2


def test_artwork_that_was_refused_may_be_sent_again() -> None:
    # given: a change of the store's own waits for the partner
    world = world_with_proof()
    replace_text(world, "Anna")
    (first,) = ids_of(world)
    world.reads.outcomes[first] = outcome("refused", "EditUnderWay")
    # when
    replace_text(world, "Anna")
    # then
    assert ids_of(world)[1] != first


# Cancellation, addresses


def cancel(world: World) -> str:
    answer = world.call("POST", CANCEL, json={})
    assert answer.status_code == 202
    return str(answer.json()["command_id"])


def test_a_cancellation_that_is_sent_again_before_anything_happened_is_one_command() -> None:
    world = world_with_proof()
    assert cancel(world) == cancel(world)
    assert Ledger(world).settle() == ["accepted", "accepted"]


def test_a_cancellation_that_was_refused_may_be_asked_for_again() -> None:
    # given: nothing is left to cancel
    world = world_with_proof()
    ledger = Ledger(world)
    for _ in range(2):
        cancel(world)
        ledger.settle()
    assert ledger.settle() == ["accepted", "refused"]
    # when
    third = cancel(world)
    # then: it is asked of the order as it is now
    assert third not in ids_of(world)[:2]


def suggesting(world: World, street: str) -> None:
    """The carrier refuses the order's address and would write the street otherwise."""
    state = world.reads.states.get(("demo", OWN), Order(placed=True, recipient=b"sealed"))
    address = SuggestedAddress(recipient=street.encode(), country="US", parts=("street",))
    suggestion = Suggestion(address=address, instead_of=digest_of(state.recipient))
    parcel = Parcel(
        parcel_id="P1", partner_id="press", contents={}, effect_key="e", stage="label_failed", suggestion=suggestion
    )
    world.reads.states["demo", OWN] = msgspec.structs.replace(state, parcels={"P1": parcel})


def test_a_second_suggestion_for_the_same_parcel_can_be_accepted() -> None:
    # given
    world = World()
    suggesting(world, "Demo Street 2")
    ledger = Ledger(world)
    world.call("POST", ACCEPT, json={})
    assert ledger.settle() == ["accepted"]
    # when
    suggesting(world, "Demo Street 2a")
    ledger.order = world.reads.states["demo", OWN]
    world.call("POST", ACCEPT, json={})
    # then
    assert ledger.settle() == ["accepted", "accepted"]
    assert ledger.order.recipient == b"Demo Street 2a"


# Complaints


def world_with_delivered_order() -> tuple[World, Ledger]:
    world = World()
    world.post_order()
    placed = world.commands.sent.pop()[0]
    policy = OrderPolicy(approval="when_clean", spot_check_per_mille=0)
    placed = msgspec.structs.replace(placed, order=msgspec.structs.replace(placed.order, policy=policy))
    order, _, _ = live([placed], Outside().answer, "A-1")
    world.reads.states["demo", OWN] = order
    return world, Ledger(world)


def complain(world: World) -> str:
    answer = world.call("POST", CLAIMS, json=COMPLAINT)
    assert answer.status_code == 202
    return str(answer.json()["command_id"])


def test_the_same_complaint_about_the_same_goods_is_one_claim_even_after_it_was_decided() -> None:
    # given
    world, ledger = world_with_delivered_order()
    first = complain(world)
    assert ledger.settle() == ["accepted"]
    # when
    world.call("POST", f"{CLAIMS}/C1/decide", json={"outcome": "refuse", "reason": "as_ordered"})
    ledger.settle()
    again = complain(world)
    ledger.settle()
    # then
    assert again == first
    assert list(ledger.order.claims) == ["C1"]


def test_a_complaint_about_goods_that_were_printed_again_is_another_one() -> None:
    # given
    world, ledger = world_with_delivered_order()
    first = complain(world)
    ledger.settle()
    world.call("POST", f"{CLAIMS}/C1/decide", json={"outcome": "reprint"})
    assert ledger.settle()[-1] == "accepted"
    # when
    again = complain(world)
    # then
    assert again != first


def test_a_complaint_that_was_refused_as_too_early_may_be_made_again() -> None:
    # given
    world = world_with_proof()
    ledger = Ledger(world)
    first = complain(world)
    assert ledger.settle() == ["refused"]
    # when, then
    assert complain(world) != first

"""The scenes of the demonstration: what is sent, what is done to it, and what must come out.

Each scene is a coroutine that plays on a `Theatre` (stores, presses and read models over real HTTP and Kafka) and
yields nothing: it checks. A scene that does not end as it should raises `SceneFailed`, which names order and reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from infra.demo.complaints import complain, money_given_back
from infra.demo.orders import published_order, rest_order, shopify_line, shopify_order
from infra.demo.theatre import SceneFailed, Theatre, Ticket

SCENE_SECONDS_MAX: Final = 400.0
TWICE_AND_LATE: Final = {"duplicate_share": 1.0, "delay_min_ms": 0, "delay_max_ms": 1_500, "enabled": True}
"""How the supplier's webhooks come while the mixed order is made: each twice, and in any order."""


class Scene(msgspec.Struct, frozen=True):
    """One scene: its title, and the coroutine that plays it."""

    title: str
    play: Callable[[Theatre], Awaitable[None]]


async def several_lines_to_the_door(theatre: Theatre) -> None:
    """A Shopify order of four lines, one order by REST and one over Kafka: all go to the door."""
    number = theatre.next_number()
    lines = [
        shopify_line(
            number, 1, "DEMO-MUG-WHITE", "Demo mug", picture_url=theatre.picture("cat.png"), text="Good morning ☀️"
        ),
        shopify_line(
            number,
            2,
            "DEMO-TEE-BLACK",
            "Demo tee, printed on both sides",
            picture_url=theatre.picture("rosette.png"),
            back_text="DEMO TEAM ⭐\n07",
            quantity=2,
        ),
        shopify_line(number, 3, "DEMO-POSTER", "Demo poster", picture_url=theatre.picture("hills-poster.png")),
        # The store's own design: it is rendered for the first order that asks for it, and never again.
        shopify_line(number, 4, "DEMO-TEE-DESIGN", "Demo tee with the store's design"),
    ]
    by_webhook = await theatre.send_shopify(shopify_order(number, lines, now_ms=theatre.now_ms()))
    number = theatre.next_number()
    by_rest = await theatre.send_rest(
        rest_order(
            number,
            "DEMO-MUG-BLACK",
            "Demo mug",
            picture_url=theatre.picture("tiles.png"),
            text="صباح الخير",
            now_ms=theatre.now_ms(),
        )
    )
    number = theatre.next_number()
    by_kafka = await theatre.send_kafka(
        published_order(
            number,
            "DEMO-TEE-WHITE",
            "Demo tee",
            picture_url=theatre.picture("hills.png"),
            text="",
            now_ms=theatre.now_ms(),
        )
    )
    for ticket in (by_webhook, by_rest, by_kafka):
        await theatre.until(ticket, "delivered", SCENE_SECONDS_MAX)


async def an_unmapped_sku_is_held_and_released(theatre: Theatre) -> None:
    """Nobody knows the SKU: the order is held with that reason, until the SKU is mapped."""
    number = theatre.next_number()
    sku = f"DEMO-NEW-{number}"
    line = shopify_line(number, 1, sku, "Demo mug, new design", picture_url=theatre.picture("cat.png"), text="New here")
    ticket = await theatre.send_shopify(shopify_order(number, [line], where="west", now_ms=theatre.now_ms()))
    await theatre.until(ticket, "on_hold", SCENE_SECONDS_MAX)
    await expect(theatre, ticket, "OrderHeld")
    await theatre.map_sku("demo-shopify", sku, "mug-11oz-white")
    await theatre.until(ticket, "delivered", SCENE_SECONDS_MAX)
    await expect(theatre, ticket, "HoldReleased")


async def a_house_press_prints_in_batches(theatre: Theatre) -> None:
    """Three orders share gang sheets; each is asked before it is imaged; one spoiled sheet prints its units again."""
    tickets = []
    async with theatre.house_behaving(spoil_next_sheets=1):
        for quantity, picture in ((2, "cat.png"), (1, "tiles.png"), (1, "rosette.png")):
            number = theatre.next_number()
            line = shopify_line(
                number, 1, "DEMO-MUG-MATT", "Demo mug, matt", picture_url=theatre.picture(picture), quantity=quantity
            )
            tickets.append(await theatre.send_shopify(shopify_order(number, [line], now_ms=theatre.now_ms())))
        for ticket in tickets:
            await theatre.until_fact(ticket, "LinePrinted", SCENE_SECONDS_MAX)
    for ticket in tickets:
        await theatre.until(ticket, "delivered", SCENE_SECONDS_MAX)
        await expect(theatre, ticket, "ProductionStarted")
    ours = {ticket.order_id for ticket in tickets}
    sheets = [(sheet["outcome"], piece) for sheet in await theatre.house_sheets() for piece in sheet["pieces"]]
    spoiled = {_unit(piece) for outcome, piece in sheets if outcome == "spoiled" and piece["order_id"] in ours}
    again = {_unit(piece) for _, piece in sheets if piece["run"] > 1 and piece["order_id"] in ours}
    if not spoiled or spoiled != again:
        raise SceneFailed(f"the spoiled sheet held {sorted(spoiled)}, and {sorted(again)} were printed again")


def _unit(piece: Mapping[str, Any]) -> tuple[str, str, int]:
    return piece["order_id"], piece["line_id"], piece["unit"]


async def ready_made_beside_printed_and_two_claims(theatre: Theatre) -> None:
    """A mug from a press and coasters from a supplier; then the buyer complains of both, and money is given back.

    The supplier's webhooks come twice and in any order.
    """
    number = theatre.next_number()
    lines = [
        shopify_line(number, 1, "DEMO-MUG-WHITE", "Demo mug", picture_url=theatre.picture("tiles.png"), text="For two"),
        shopify_line(number, 2, "DEMO-COASTERS", "Demo coasters, not printed", quantity=2),
    ]
    async with theatre.supplier_behaving(delivery=TWICE_AND_LATE):
        ticket = await theatre.send_shopify(shopify_order(number, lines, now_ms=theatre.now_ms()))
        await theatre.until(ticket, "delivered", SCENE_SECONDS_MAX)
    if (times := (await theatre.fact_types(ticket)).count("GoodsReady")) != 1:
        raise SceneFailed(f"order {ticket.order_number}: the coasters were packed {times} times")
    if (count := await theatre.parcel_count(ticket)) != 2:
        raise SceneFailed(f"order {ticket.order_number}: a press and a supplier send a parcel each, and {count} left")
    # The rules decide the first. The second is left to a person, who looks and gives a half back.
    mug = await complain(theatre, ticket, "DEMO-MUG-WHITE", reason="damaged", text="Demo: the handle is off.")
    await theatre.until_claim(ticket, mug, "refunded", SCENE_SECONDS_MAX)
    coasters = await complain(theatre, ticket, "DEMO-COASTERS", reason="other", text="Demo: one is thinner.")
    waiting = await theatre.until_claim(ticket, coasters, "referred", SCENE_SECONDS_MAX)
    half = {"outcome": "refund", "reason": "demo_goodwill", "amount_minor": waiting["items"][0]["price_minor"] // 2}
    await theatre.tell(ticket, f"claims/{waiting['claim_id']}/decide", half, once=f"demo-decide-{ticket.order_id}")
    await theatre.until_claim(ticket, coasters, "refunded", SCENE_SECONDS_MAX)
    await expect(theatre, ticket, "RefundMade")
    await money_given_back(theatre, ticket)


async def a_cancel_in_time_and_one_too_late(theatre: Theatre) -> None:
    """Two orders are cancelled: one waits at the press and is stopped, the other is on it and is made."""
    async with theatre.press_behaving(stuck_at="received"):
        in_time = await _one_mug(theatre, "Cancel me in time")
        await theatre.until_fact(in_time, "SubmissionAccepted", SCENE_SECONDS_MAX)
        await theatre.cancel(in_time, "demo_changed_mind")
        await theatre.until(in_time, "cancelled", SCENE_SECONDS_MAX)
    async with theatre.press_behaving(stuck_at="printing"):
        too_late = await _one_mug(theatre, "Cancel me too late")
        await theatre.until_fact(too_late, "ProductionStarted", SCENE_SECONDS_MAX)
        await theatre.cancel(too_late, "demo_changed_mind_late")
        await theatre.until_fact(too_late, "CancellationRefused", SCENE_SECONDS_MAX)
    await theatre.until(too_late, "delivered", SCENE_SECONDS_MAX)
    await expect(theatre, in_time, "LineCancelled")


async def a_partner_fails_and_the_next_takes_over(theatre: Theatre) -> None:
    """The nearest press takes nothing: it is tried with growing waits, then the other one makes the goods."""
    async with theatre.press_behaving("press-east", refuse_retryable_next=100):
        ticket = await _one_mug(theatre, "Second press")
        await theatre.until_fact(ticket, "PartnerGaveUp", SCENE_SECONDS_MAX)
    await theatre.until(ticket, "delivered", SCENE_SECONDS_MAX)
    await expect(theatre, ticket, "SubmissionRefused")


async def a_misprint_is_printed_again_and_two_parcels_leave(theatre: Theatre) -> None:
    """One of a line's two units is misprinted: the good one leaves at once, the new one follows in its own parcel.

    Two lines would leave it to chance: a press sends all its first-run units together, so the new unit of a line that
    was printed early may be ready before the other line is.
    """
    number = theatre.next_number()
    picture = theatre.picture("tiles.png")
    lines = [shopify_line(number, 1, "DEMO-MUG-WHITE", "Demo mug", picture_url=picture, text="Two alike", quantity=2)]
    async with theatre.press_behaving(misprint_next_units=1):
        ticket = await theatre.send_shopify(shopify_order(number, lines, now_ms=theatre.now_ms()))
        await theatre.until_fact(ticket, "InspectionFailed", SCENE_SECONDS_MAX)
    await theatre.until(ticket, "delivered", SCENE_SECONDS_MAX)
    await expect(theatre, ticket, "ReprintRequested")
    if (count := await theatre.parcel_count(ticket)) != 2:
        raise SceneFailed(f"order {ticket.order_number}: 2 parcels should have left, {count} did")


SCENES: Final = (
    Scene("Several lines, three roads in", several_lines_to_the_door),
    Scene("An unmapped SKU, held and released", an_unmapped_sku_is_held_and_released),
    Scene("A house press: batches, and a spoiled sheet", a_house_press_prints_in_batches),
    Scene("Ready-made beside printed, and two claims", ready_made_beside_printed_and_two_claims),
    Scene("A cancel in time, and one too late", a_cancel_in_time_and_one_too_late),
    Scene("A partner fails, the next takes over", a_partner_fails_and_the_next_takes_over),
    Scene("A misprint, printed again: two parcels", a_misprint_is_printed_again_and_two_parcels_leave),
)


async def play_all(theatre: Theatre) -> None:
    """All scenes; the first four leave one another alone, the others change a shared press and go one by one."""
    await asyncio.gather(*(theatre.scene(scene.title, scene.play) for scene in SCENES[:4]))
    for scene in SCENES[4:]:
        await theatre.scene(scene.title, scene.play)


async def expect(theatre: Theatre, ticket: Ticket, fact_type: str) -> None:
    """The order's timeline tells of this fact, or the scene failed."""
    if fact_type not in await theatre.fact_types(ticket):
        raise SceneFailed(f"order {ticket.order_number}: its timeline does not tell of {fact_type}")


async def _one_mug(theatre: Theatre, text: str) -> Ticket:
    number = theatre.next_number()
    return await theatre.send_rest(
        rest_order(
            number,
            "DEMO-MUG-WHITE",
            "Demo mug",
            picture_url=theatre.picture("cat.png"),
            text=text,
            now_ms=theatre.now_ms(),
        )
    )

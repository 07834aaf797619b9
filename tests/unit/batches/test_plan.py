"""Which lines are batched now: by group, by what the press takes, and by the oldest line's promise."""

import msgspec
from msgspec.structs import replace

from events.batches.facts import BatchFile
from events.order.state import Run
from events.order.values import RenderedArea
from infra.batch_tables import waiting_runs
from processors.batching.plan import (
    HOUR_MS,
    LEAD_MS,
    TRY_AGAIN_MS,
    Planned,
    Waiting,
    next_try,
    plan,
    tries_of,
)
from processors.batching.presses import Press
from tests.order_life import a_file, a_store_order, placed
from tests.unit.batches.made_up import a_batch_line
from tests.unit.order.spec import given

NOW = 1_000_000_000_000
ONE_LINE = placed(a_store_order())
PRESS = Press(
    name="dtf-1",
    method="dtf",
    variants={"T-B-M": "tee", "T-W-L": "tee", "HOOD": "hoodie"},
    sheet_width_um=270_000,
    sheet_height_um=150_000,
    sheets_per_hour=10,
    sheets_max=2,
    wait_max_s=3_600,
)


def waits(
    order: str, *, variant: str = "T-B-M", to: str = "DE", priority: str = "standard", due_in_ms: int = 90 * HOUR_MS,
    waited_ms: int = 0, units: int = 1, side_um: int = 100_000,
) -> Waiting:  # fmt: skip
    file = BatchFile(area="front", key=f"{order}.png", width_um=side_um, height_um=side_um)
    line = msgspec.structs.replace(
        a_batch_line(order, tuple(range(1, units + 1))), files=(file,), due_at=NOW + due_in_ms
    )
    return Waiting(line=line, partner_variant=variant, destination=to, priority=priority, since=NOW - waited_ms)


def batches(*waiting: Waiting) -> list[Planned]:
    return plan("house", PRESS, waiting, NOW)


def orders_of(planned: Planned) -> set[str]:
    return {line.order_id for line in planned.lines}


def test_a_piece_brings_along_what_is_cut_off_of_it() -> None:
    # Given a run of a line whose print files are of 100 mm with 3 mm of bleed on every side,
    file = replace(a_file("print.png"), width_px=1_252, height_px=1_252, dpi=300)
    area = RenderedArea(area="front", print_file=file, proof=a_file("proof.webp"), bleed_um=3_000)
    order = given(ONE_LINE).history.order
    run = Run(run=1, units=(1,), stage="accepted", partner_id="house", version=1)
    line = replace(order.lines["1"], areas=(area,), runs=(run,), version=1)
    # when it waits at the shop,
    (waiting,) = waiting_runs("demo", "order", replace(order, lines={"1": line}), "house", {}, NOW)
    # then its piece is known with its bleed.
    (piece,) = waiting.line.files
    assert (piece.width_um, piece.bleed_um) == (106_002, 3_000)


def test_a_line_waits_for_company() -> None:
    assert batches(waits("a")) == []


def test_a_batch_opens_when_its_oldest_line_has_waited_long_enough() -> None:
    (one,) = batches(waits("a", waited_ms=PRESS.wait_max_s * 1000), waits("b"))
    assert one.reason == "waited"
    assert orders_of(one) == {"a", "b"}


def test_a_batch_opens_when_the_promise_leaves_no_more_time_than_the_press_needs() -> None:
    needed_ms = HOUR_MS // PRESS.sheets_per_hour + LEAD_MS
    assert batches(waits("a", due_in_ms=needed_ms + 1)) == []
    (one,) = batches(waits("a", due_in_ms=needed_ms))
    assert one.reason == "promise"


def test_full_batches_open_at_once_with_the_most_urgent_lines_and_the_rest_waits() -> None:
    # Two pieces a sheet, two sheets a batch.
    (full,) = batches(*(waits(f"order-{number}", due_in_ms=(90 - number) * HOUR_MS) for number in range(5)))
    assert full.reason == "full"
    assert orders_of(full) == {f"order-{number}" for number in (1, 2, 3, 4)}


def test_only_lines_of_one_product_destination_and_priority_are_made_together() -> None:
    late = PRESS.wait_max_s * 1000
    found = batches(
        waits("a", waited_ms=late),
        waits("b", waited_ms=late, variant="T-W-L"),
        waits("c", waited_ms=late, variant="HOOD"),
        waits("d", waited_ms=late, to="FR"),
        waits("e", waited_ms=late, priority="express"),
    )
    assert sorted(sorted(orders_of(one)) for one in found) == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_the_press_does_not_make_is_left_to_others() -> None:
    late = PRESS.wait_max_s * 1000
    assert batches(waits("a", variant="MUG", waited_ms=late), waits("b", side_um=400_000, waited_ms=late)) == []


def test_a_line_larger_than_a_batch_is_made_alone() -> None:
    (one,) = batches(waits("a", units=20, waited_ms=PRESS.wait_max_s * 1000))
    assert orders_of(one) == {"a"}


def test_the_same_lines_are_the_same_batch() -> None:
    late = PRESS.wait_max_s * 1000
    first, again = batches(waits("a", waited_ms=late)), batches(waits("a", waited_ms=late + 5_000))
    assert first[0].batch_id == again[0].batch_id
    assert first[0].batch_id != batches(waits("b", waited_ms=late))[0].batch_id


def test_lines_that_were_all_left_out_are_tried_again_in_another_batch() -> None:
    # given lines whose first batch is over
    (one,) = batches(waits("a", waited_ms=PRESS.wait_max_s * 1000))
    tries = tries_of(one)
    assert next_try(tries, {}, NOW) == tries[0] == one.batch_id
    ended = {tries[0]: NOW}
    # when they have waited a moment, then whoever plans them opens the same second one
    assert next_try(tries, ended, NOW + TRY_AGAIN_MS) == tries[1] != tries[0]
    assert next_try(tries_of(one), ended, NOW + 10 * TRY_AGAIN_MS) == tries[1]


def test_lines_that_are_left_out_again_and_again_are_tried_ever_less_often() -> None:
    (one,) = batches(waits("a", waited_ms=PRESS.wait_max_s * 1000))
    tries = tries_of(one)
    for number in range(1, len(tries)):
        ended, wait_ms = dict.fromkeys(tries[:number], NOW), TRY_AGAIN_MS * 2 ** (number - 1)
        assert next_try(tries, ended, NOW + wait_ms - 1) is None
        assert next_try(tries, ended, NOW + wait_ms) == tries[number]
    assert next_try(tries, dict.fromkeys(tries, NOW), 2 * NOW) is None

"""What routing is told of the rest of an order: what would travel along, and whose colours count."""

from msgspec.structs import replace

from events.order.companions import OTHERS_MAX, made_by, other_lines, printed_areas
from events.order.facts import RoutingRequested
from events.order.state import Line, Order, Run
from events.order.values import OrderPolicy, OtherLine, PrintedArea, RenderedArea
from tests.order_life import MUG, NOW, a_file, a_line, a_store_order, placed
from tests.unit.order.spec import answer_to, everybody_answers_until, given

POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0)
TWO_LINES = placed(a_store_order(lines=(a_line("1", quantity=2), a_line("2")), policy=POLICY))


def line(line_id: str, *runs: Run, quantity: int = 2, **changes: object) -> Line:
    """A line of an order just placed, with these print runs."""
    fresh = given(TWO_LINES).history.order.lines["1"]
    return replace(fresh, line_id=line_id, quantity=quantity, runs=runs, **{"stage": "approved", **changes})


def run(stage: str, *units: int, partner_id: str = "east", **changes: object) -> Run:
    made = Run(run=1, units=units or (1, 2), stage=stage, partner_id=partner_id)
    return replace(made, **changes)


def others(*lines: Line) -> tuple[OtherLine, ...]:
    """What is told beside a line `own`."""
    own = line("own")
    return other_lines(Order(lines={one.line_id: one for one in (own, *lines)}), own)


def waits(units: int, *excluded: str) -> OtherLine:
    return OtherLine(
        line_id="2", variant_id=MUG.variant_id, units=units, partner_id="", excluded_partner_ids=tuple(excluded)
    )


def made(units: int, partner_id: str = "east") -> OtherLine:
    return OtherLine(line_id="2", variant_id=MUG.variant_id, units=units, partner_id=partner_id)


def test_routing_is_asked_with_the_moment_the_promise_and_the_value_of_the_order() -> None:
    asked = given(TWO_LINES, everybody_answers_until(RoutingRequested)).history.newest(RoutingRequested)

    assert asked.asked_at > asked.placed_at == NOW
    assert (asked.total_minor, asked.currency) == (3_000, "EUR")
    assert asked.made_by == ""


def test_a_line_is_asked_for_with_the_other_one_which_has_a_partner_as_soon_as_one_is_accepted() -> None:
    # given
    asking = given(TWO_LINES, everybody_answers_until(RoutingRequested)).history
    first, second = (fact for fact in asking.facts if isinstance(fact, RoutingRequested))
    assert [(other.line_id, other.units, other.partner_id) for other in first.others] == [("2", 1, "")]
    assert [(other.line_id, other.units, other.partner_id) for other in second.others] == [("1", 2, "")]
    # when
    asking.take(answer_to(RoutingRequested))
    # then
    (told,) = other_lines(asking.order, asking.order.lines["1"])
    assert (told.line_id, told.units, told.partner_id) == ("2", 1, "press-east")


def test_an_order_of_one_line_has_no_others() -> None:
    assert others() == ()


def test_a_line_without_a_run_waits_and_so_do_units_that_their_partner_gave_up() -> None:
    assert others(line("2")) == (waits(2),)
    assert others(line("2", run("routing", partner_id=""))) == (waits(2),)
    assert others(line("2", run("given_up", partner_id="west"))) == (waits(2, "west"),)


def test_what_is_being_made_or_waits_for_its_parcel_is_told_with_its_partner() -> None:
    assert others(line("2", run("accepted"))) == (made(2),)
    assert others(line("2", run("passed", passed_units=(1, 2)))) == (made(2),)
    assert others(line("2", run("accepted", 1), quantity=2)) == (made(1), waits(1))


def test_what_is_packed_cancelled_or_printed_again_travels_alone() -> None:
    assert others(line("2", run("passed", passed_units=(1, 2), parcel_id="P1"))) == ()
    assert others(line("2", stage="cancelled")) == ()
    assert others(line("2", cancelling=True)) == ()
    assert others(line("2", artwork=None)) == ()
    assert others(line("2", run("accepted", reason="reprint"))) == ()


def test_an_order_of_very_many_lines_tells_the_first_of_them() -> None:
    assert len(others(*(line(str(number)) for number in range(200)))) == OTHERS_MAX


def test_the_partner_that_made_other_units_is_named_unless_it_never_made_any() -> None:
    assert made_by(line("1")) == ""
    assert made_by(line("1", run("given_up"))) == ""
    assert made_by(line("1", run("passed"), run("given_up", partner_id="west"))) == "east"


def test_the_size_of_a_print_file_follows_from_its_pixels_and_its_resolution() -> None:
    file = replace(a_file("print.png"), width_px=3_000, height_px=1_500, dpi=300)
    area = RenderedArea(area="front", print_file=file, proof=a_file("proof.webp"))

    assert printed_areas(line("1", areas=(area,))) == (PrintedArea(area="front", width_um=254_000, height_um=127_000),)
    assert printed_areas(line("1", areas=(replace(area, print_file=a_file("print.png")),))) == ()

"""What the terminal shows of a lineage: every step on a line of its own."""

from io import StringIO

from rich.console import Console

from infra.pages import lineage_page
from projections.lineage import lineage_of
from tests.order_life import World, a_line, a_store_order, live, placed


def shown(*lines: object) -> str:
    order, _, _ = live([placed(a_store_order(lines=lines))], World().answer)  # type: ignore[arg-type]
    text = StringIO()
    Console(file=text, width=120).print(lineage_page(lineage_of(order)))
    return text.getvalue()


def test_a_delivered_line_shows_what_was_given_its_file_its_run_and_its_parcel() -> None:
    text = shown(a_line(quantity=2))
    for step in ("given: text, address", "template mug-11oz v1", "front: print file", "units 1, 2", "→ parcel P1"):
        assert step in text


def test_a_line_that_waits_for_its_mapping_shows_what_was_given() -> None:
    text = shown(a_line(artwork=None))
    assert "given: text, address" in text
    assert "print file" not in text

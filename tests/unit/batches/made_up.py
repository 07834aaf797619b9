"""Made-up batches for tests."""

from collections.abc import Sequence

from events.batches.commands import BatchCommandUnion, OpenBatch, ReportSheetImposed
from events.batches.decide import BatchDecider
from events.batches.facts import BatchEvent, BatchFile, BatchGroup, BatchLine, Placement
from events.batches.state import Batch
from events.decider import Context

DECIDER = BatchDecider()
CONTEXT = Context(key="batch-1", tenant="shared", command_id="c1", now=1_000, actor="operator:command-line")
GROUP = BatchGroup(
    partner_id="house", press="dtf-1", product="tee", method="dtf", destination="DE", priority="standard"
)
SIDE_UM = 100_000


def a_batch_line(
    order: str = "order-1", units: tuple[int, ...] = (1,), *, areas: tuple[str, ...] = ("front",)
) -> BatchLine:
    """A print run of line 1 of an order: squares of ten centimetres."""
    files = tuple(
        BatchFile(area=area, key=f"demo/{order}/1/{area}/print.png", width_um=SIDE_UM, height_um=SIDE_UM)
        for area in areas
    )
    return BatchLine(
        tenant="demo", order_id=order, line_id="1", run=1, units=units, version=1, variant_id="tee-black-m",
        effect_key=f"{order}-effect", files=files, due_at=5_000,
    )  # fmt: skip


def opened(*lines: BatchLine) -> OpenBatch:
    """The command that opens a batch of these lines."""
    return OpenBatch(group=GROUP, reason="waited", lines=lines)


def a_sheet(number: int, *pieces: tuple[str, int, str]) -> ReportSheetImposed:
    """A sheet with these pieces (order, unit, area) beside one another."""
    return ReportSheetImposed(
        sheet=number,
        width_um=SIDE_UM * len(pieces),
        height_um=SIDE_UM,
        file_key=f"shared/batches/batch-1/sheet-{number}.pdf",
        sha256="digest",
        size_bytes=10,
        placements=tuple(
            Placement(
                order_id=order, line_id="1", run=1, unit=unit, area=area,
                x_um=SIDE_UM * place, y_um=0, width_um=SIDE_UM, height_um=SIDE_UM,
            )
            for place, (order, unit, area) in enumerate(pieces)
        ),
    )  # fmt: skip


def after(*commands: BatchCommandUnion) -> Batch:
    """The batch after these commands, each of which it takes."""
    return live(commands)[0]


def live(commands: Sequence[BatchCommandUnion]) -> tuple[Batch, list[BatchEvent]]:
    """The batch after these commands, and all its facts."""
    batch = Batch()
    facts: list[BatchEvent] = []
    for command in commands:
        new, batch = DECIDER.decide_and_evolve(batch, command, CONTEXT)
        facts += new
    return batch, facts

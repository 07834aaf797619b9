"""A misprint on the real broker: its photograph fails, the same bytes are printed again, and the line goes on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from events.order.commands import OrderCommandUnion
from events.order.facts import (
    ExceptionRaised,
    InspectionFailed,
    InspectionPassed,
    InspectionRequested,
    LabelPurchased,
    OrderEvent,
    PrintCompared,
    RenderRequested,
    ReprintRequested,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.values import OrderPolicy, PrintPhoto, QualityReport, StoredFile
from infra.benchmarks.artworks import png
from infra.s3 import Bucket
from infra.vault import PostgresVault
from processors.inspection import rules
from processors.inspection.rules import RULES
from processors.partners.print_shop_camera import AREA_SHARE, FIXED, Made, photographed, spoiled
from processors.workers.files import NewFile, OrderFiles
from tests.contract.net import Receiver
from tests.integration.ledger_bed import Bed
from tests.integration.worker_bench import START_SECONDS_MAX, Workbench
from tests.order_life import TENANT, World, a_line, a_store_order, context_of, placed
from tests.support import wait_until
from tests.unit.inspection.test_compare import SHIRT, a_print

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ORDER = context_of().key
SIDE_PX = 800


class CameraShop(World):
    """A healthy outside world whose press photographs each unit, and spoils its first runs without seeing it.

    What renders gives `print_file`; what inspects is left to the worker under test.
    """

    def __init__(self, print_file: StoredFile, receiver: Receiver, *, spoiled_runs: int) -> None:
        super().__init__()
        self._print_file, self._receiver, self._spoiled_runs = print_file, receiver, spoiled_runs

    def answer(self, fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        match fact:
            case InspectionRequested():
                return ()
            case RenderRequested():
                (rendered,) = super().answer(fact)
                (area,) = rendered.areas  # type: ignore[union-attr]
                return (replace(rendered, areas=(replace(area, print_file=self._print_file),)),)
            case SubmissionAccepted():
                *before, printed = super().answer(fact)
                photo = PrintPhoto(
                    unit=1,
                    area="front",
                    url=self._photographed(fact.run),
                    area_share_permille=round(AREA_SHARE * 1000),
                )
                return (*before, replace(printed, quality=QualityReport(passed_units=(1,), photos=(photo,))))
            case _:
                return super().answer(fact)

    def _photographed(self, run: int) -> str:
        """Where the photograph of the unit of this run can be fetched."""
        picture = spoiled(a_print()) if run <= self._spoiled_runs else a_print()
        path = f"/{run}.jpg"
        self._receiver.files[path] = photographed(Made(picture), SHIRT, np.random.default_rng(run), SIDE_PX, FIXED)
        return self._receiver.url + path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def files(bench: Workbench, vault: PostgresVault, bucket: Bucket) -> OrderFiles:
    """The order's files as workers keep them."""
    return OrderFiles(bucket, vault)


@pytest.fixture
def print_file(files: OrderFiles) -> StoredFile:
    """The print file of the order's line, sealed in the store."""
    key = f"{TENANT}/{ORDER}/1/front/v1/print.png"
    return files.store(TENANT, ORDER, key, "rendered", NewFile(content=png(a_print()), media_type="image/png"))


class Life:
    """An order on a real ledger beside a real inspection worker; everybody else answers as `shop` does."""

    def __init__(self, bench: Workbench, shop: CameraShop, policy: OrderPolicy) -> None:
        self.bed = Bed(bench.settings, "orders", bench.settings.ledger_partitions)
        self._bench, self._shop, self._policy, self._answered = bench, shop, policy, 0

    def live_until(self, happened: Callable[[], object]) -> None:
        """Place the order and answer every fact until that has happened, and the ledger has answered all."""

        def goes_on() -> object:
            facts = self.bed.decoded(self.bed.stream.events_topic)
            for fact in facts[self._answered :]:
                self._answered += 1
                for number, command in enumerate(self._shop.answer(fact)):  # type: ignore[arg-type]
                    self.bed.send(ORDER, f"answer-{self._answered}-{number}", command)
            return happened()

        with self.bed.running(), self._bench.worker("inspect"):
            self.bed.send(ORDER, "placed", placed(a_store_order(lines=(a_line(),), policy=self._policy)))
            wait_until(goes_on, 2 * START_SECONDS_MAX, "the order came as far as expected")
            self.bed.wait_until_answered()

    def told(self, kind: type[Any]) -> list[Any]:
        """The committed facts of one kind."""
        return [fact for fact in self.bed.decoded(self.bed.stream.events_topic) if isinstance(fact, kind)]


def test_a_misprint_is_seen_on_its_photograph_and_printed_again_from_the_same_bytes(
    bench: Workbench, files: OrderFiles, print_file: StoredFile, receiver: Receiver
) -> None:
    shop = CameraShop(print_file, receiver, spoiled_runs=1)
    life = Life(bench, shop, OrderPolicy(approval="when_clean", spot_check_per_mille=0))

    life.live_until(lambda: life.told(LabelPurchased))

    failed_print, good_print = life.told(PrintCompared)
    assert (failed_print.run, good_print.run) == (1, 2)
    assert {failed_print.rules_version, good_print.rules_version} == {RULES.version}
    (comparison,) = failed_print.comparisons
    (failed,) = life.told(InspectionFailed)
    assert (failed.run, failed.units, failed.defects) == (1, (1,), comparison.defects)
    missing = next(defect for defect in failed.defects if defect.code == rules.PART_MISSING)
    assert missing.measured < missing.threshold
    with Image.open(io.BytesIO(files.read(TENANT, ORDER, comparison.difference.key))) as difference:
        # The print as it should be stands beside the photograph.
        assert (difference.format, difference.width > 1.5 * difference.height) == ("WEBP", True)
    (reprint,) = life.told(ReprintRequested)
    assert (reprint.run, reprint.of_run, reprint.units) == (2, 1, (1,))
    assert reprint.reason_code == failed.defects[0].code
    first, second = life.told(SubmissionRequested)
    # One version of one object, whose digest the press is told: the press cannot get other bytes.
    assert [one.file for one in first.print_files] == [one.file for one in second.print_files] == [print_file]
    told = {files.plain_sha256(one.file.key) for asked in (first, second) for one in asked.print_files}
    assert told == {hashlib.sha256(png(a_print())).hexdigest()}
    (passed,) = life.told(InspectionPassed)
    assert (passed.run, passed.units, good_print.comparisons[0].defects) == (2, (1,), ())
    assert not life.bed.verify().violations
    assert not life.bed.audit().violations


def test_after_the_last_reprint_a_person_is_asked_and_nothing_more_is_printed(
    bench: Workbench, print_file: StoredFile, receiver: Receiver
) -> None:
    shop = CameraShop(print_file, receiver, spoiled_runs=9)
    life = Life(bench, shop, OrderPolicy(approval="when_clean", spot_check_per_mille=0, reprints_max=1))

    life.live_until(lambda: life.told(ExceptionRaised))

    (raised,) = life.told(ExceptionRaised)
    assert (raised.kind, raised.subject, raised.blocking) == ("reprint_limit", "1:2", True)
    assert [failed.run for failed in life.told(InspectionFailed)] == [1, 2]
    assert [reprint.run for reprint in life.told(ReprintRequested)] == [2]
    assert len(life.told(SubmissionRequested)) == 2
    assert not life.told(InspectionPassed)
    assert not life.told(LabelPurchased)

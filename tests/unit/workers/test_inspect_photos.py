"""The inspection worker with photographs: fetched or stored, compared in a child process, kept with what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from events.envelope import FactEnvelope
from events.order.commands import ReportInspected
from events.order.facts import InspectionRequested
from events.order.inspection_commands import ReportPrintCompared
from events.order.values import AreaFile, PrintPhoto, QualityReport, StoredFile
from infra.benchmarks.artworks import png
from processors.artwork.sandbox import SandboxPool
from processors.fetch import Fetched, HostNotFound
from processors.inspection import rules
from processors.ports import ObjectMissing
from processors.worker import Answer
from processors.workers.files import NewFile
from processors.workers.inspect import Inspect, PhotoComparer
from tests.unit.inspection.test_compare import a_photo, a_print, mirrored

ENVELOPE = FactEnvelope(
    key="order",
    tenant="demo",
    fact_type="InspectionRequested",
    seq=9,
    position=9,
    recorded_at=1_800_000_000_000,
    actor="test",
    causation_id="c",
)
EFFECT = "e" * 32
FOLDER = f"demo/order/1/inspection/{EFFECT}"
GOOD_URL, BAD_URL, BROKEN_URL, LOST_URL = (f"https://press.example/{name}.jpg" for name in ("1", "2", "3", "4"))


def stored(key: str) -> StoredFile:
    return StoredFile(key=key, version_id="1", sha256="keyed", size_bytes=1, media_type="image/png")


PRINT_FILE = stored("demo/order/1/front/v1/print.png")


def jpeg(picture: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)  # type: ignore[attr-defined]
    return buffer.getvalue()


class Files:
    """The order's files, in memory."""

    def __init__(self) -> None:
        self.contents = {PRINT_FILE.key: png(a_print())}

    def read(self, tenant: str, order_id: str, key: str) -> bytes:
        if key not in self.contents:
            raise ObjectMissing
        return self.contents[key]

    def find(self, tenant: str, key: str, effect_key: str) -> StoredFile | None:
        return stored(key) if key in self.contents else None

    def store(self, tenant: str, order_id: str, key: str, effect_key: str, file: NewFile) -> StoredFile:
        self.contents.setdefault(key, file.content)
        return stored(key)


class Press:
    """Serves photographs, and counts how often it is asked."""

    def __init__(self) -> None:
        good, bad = jpeg(a_photo(a_print())), jpeg(a_photo(mirrored(a_print())))
        self.pictures = {GOOD_URL: good, BAD_URL: bad, BROKEN_URL: good[:300]}
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        if url not in self.pictures:
            raise HostNotFound
        return Fetched(content=self.pictures[url], media_type="image/jpeg", url=url)


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool(1) as started:
        yield started


class Bench:
    """A worker with its files and its press."""

    def __init__(self, pool: SandboxPool, simulated_after_s: float | None = None) -> None:
        self.files, self.press = Files(), Press()
        comparer = PhotoComparer(files=self.files, fetcher=self.press, pool=pool)  # type: ignore[arg-type]
        self.worker = Inspect(comparer=comparer, simulated_after_s=simulated_after_s)

    def answer(self, fact: InspectionRequested) -> object:
        return asyncio.run(self.worker.carry_out(fact, ENVELOPE))


@pytest.fixture
def bench(pool: SandboxPool) -> Bench:
    return Bench(pool)


def asked(*photos: PrintPhoto, mode: str = "automatic") -> InspectionRequested:
    return InspectionRequested(
        effect_key=EFFECT,
        request_id=f"{EFFECT}.1",
        attempt=1,
        due_at=0,
        line_id="1",
        run=1,
        units=(1, 2, 3),
        mode=mode,
        quality=QualityReport(photos=photos),
        print_files=(AreaFile(area="front", file=PRINT_FILE),),
        photos=photos,
    )


def photo(unit: int, url: str) -> PrintPhoto:
    return PrintPhoto(unit=unit, area="front", url=url, area_share_permille=800)


def test_a_unit_whose_photograph_shows_a_defect_fails_and_the_others_pass(bench: Bench) -> None:
    report = bench.answer(asked(photo(1, GOOD_URL), photo(2, BAD_URL)))

    assert isinstance(report, ReportInspected)
    assert (report.passed_units, report.failed_units) == ((1, 3), (2,))
    (defect,) = report.defects
    assert (defect.code, defect.area) == (rules.MIRRORED, "front")
    assert defect.measured > defect.threshold
    assert report.rules_version == rules.RULES.version


def test_photograph_and_difference_picture_are_kept_with_the_order(bench: Bench) -> None:
    report = bench.answer(asked(photo(1, GOOD_URL), photo(2, BAD_URL)))

    assert isinstance(report, ReportInspected)
    kept = [(one.photo and one.photo.key, one.difference and one.difference.key) for one in report.comparisons]
    assert kept == [(f"{FOLDER}-{place}-photo", f"{FOLDER}-{place}-difference") for place in (0, 1)]
    assert bench.files.contents[f"{FOLDER}-1-difference"][8:12] == b"WEBP"


def test_the_print_file_that_a_photograph_is_held_against_may_be_larger_than_a_photograph(bench: Bench) -> None:
    bench.files.contents[PRINT_FILE.key] += bytes(60 * 1024 * 1024)

    report = bench.answer(asked(photo(1, GOOD_URL)))

    assert isinstance(report, ReportInspected)
    assert [one.problem for one in report.comparisons] == [""]


def test_a_second_try_looks_at_the_same_photograph_and_says_the_same(bench: Bench) -> None:
    first = bench.answer(asked(photo(2, BAD_URL)))
    bench.press.pictures[BAD_URL] = bench.press.pictures[GOOD_URL]

    assert bench.answer(asked(photo(2, BAD_URL))) == first
    assert bench.press.asked == [BAD_URL]


@pytest.mark.parametrize("url", [BROKEN_URL, LOST_URL])
def test_a_photograph_that_cannot_be_used_brings_a_person_and_says_why(bench: Bench, url: str) -> None:
    report = bench.answer(asked(photo(1, GOOD_URL), photo(2, url)))

    assert isinstance(report, ReportPrintCompared)
    assert report.needs_person
    assert [bool(one.problem) for one in report.comparisons] == [False, True]


def test_a_photograph_of_an_area_that_is_not_printed_brings_a_person(bench: Bench) -> None:
    report = bench.answer(asked(replace(photo(1, GOOD_URL), area="back")))

    assert isinstance(report, ReportPrintCompared)
    assert "area" in report.comparisons[0].problem


def test_an_area_without_a_name_is_the_lines_first(bench: Bench) -> None:
    report = bench.answer(asked(replace(photo(1, GOOD_URL), area="")))

    assert isinstance(report, ReportInspected)
    assert report.failed_units == ()


def test_a_person_who_was_drawn_gets_the_comparison_and_keeps_the_verdict(bench: Bench) -> None:
    report = bench.answer(asked(photo(2, BAD_URL), mode="person"))

    assert isinstance(report, ReportPrintCompared)
    assert not report.needs_person
    assert [defect.code for defect in report.comparisons[0].defects] == [rules.MIRRORED]


def test_a_photograph_that_a_person_uploaded_is_read_from_the_orders_files(bench: Bench) -> None:
    key = f"demo/order/1/upload/{hashlib.sha256(b'photo').hexdigest()}"
    bench.files.contents[key] = bench.press.pictures[GOOD_URL]

    report = bench.answer(asked(PrintPhoto(unit=1, file=stored(key)), mode="person"))

    assert isinstance(report, ReportPrintCompared)
    assert report.comparisons[0].photo == stored(key)
    assert bench.press.asked == []


def test_a_simulated_inspector_judges_by_the_same_rules(pool: SandboxPool) -> None:
    answer = Bench(pool, simulated_after_s=0.0).answer(asked(photo(2, BAD_URL), mode="person"))

    assert isinstance(answer, Answer)
    assert isinstance(answer.command, ReportInspected)
    assert answer.command.failed_units == (2,)

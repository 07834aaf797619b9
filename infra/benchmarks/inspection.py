"""The automatic inspection on made-up prints: how many planted defects it finds, how often it cries wolf, how long.

    INSPECTION_SEEDS=300 printledger bench inspection --json

Thresholds were chosen by looking at the first range of seeds (TUNED_FROM on) alone; the second range (REPORTED_FROM on)
has other designs, other defects and other photographs, and its figures are those that count. Both are reported.
"""

from __future__ import annotations

import io
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import msgspec
import numpy as np
from PIL import Image

from infra.benchmarks import artworks
from infra.benchmarks.inspection_prints import AREA_SHARE, DEFECTS, design, good, photographed
from infra.benchmarks.stack import machine
from processors.artwork.limits import Limits
from processors.inspection import rules
from processors.inspection.compare import compare
from processors.inspection.job import CompareRequest, compared
from processors.inspection.rules import RULES

TUNED_FROM: Final = 0
REPORTED_FROM: Final = 100_000
SEEDS: Final = 100
#: Of each design so many good prints are photographed: false alarms are rare, so more are needed to count them.
GOOD_PHOTOS: Final = 3
#: A photograph's width where its content is judged; where time is measured it is TIMED_PX.
JUDGED_PX: Final = 1_200
TIMED_PX: Final = 2_000
TIMED: Final = 15
PERCENTILE: Final = 95

#: What the rules should call each planted defect.
NAMES: Final = {
    "missing_text": rules.PART_MISSING,
    "swapped_channels": rules.CHANNELS_SWAPPED,
    "mirrored": rules.MIRRORED,
    "banding": rules.BANDING,
    "wrong_size": rules.WRONG_SIZE,
    "wrong_design": rules.WRONG_DESIGN,
}


class Judged(msgspec.Struct, frozen=True):
    """One photograph: what was planted (`good` for nothing), and what the rules named."""

    kind: str
    codes: tuple[str, ...]


def run() -> dict[str, Any]:
    """The figures of both ranges, and the time that one photograph takes."""
    seeds = int(os.environ.get("INSPECTION_SEEDS", SEEDS))
    tuned_on = range(TUNED_FROM, TUNED_FROM + seeds)
    reported_on = range(REPORTED_FROM, REPORTED_FROM + seeds)
    figures = timed()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        reported = summary(list(_all(processes, reported_on)))
        tuned = summary(list(_all(processes, tuned_on)))
    return {
        **figures,
        "found_percent": reported["found_percent"],
        "false_alarm_percent": reported["false_alarm_percent"],
        "reported": reported,
        "tuned": tuned,
        "conditions": {
            "rules_version": RULES.version,
            "tuned_on_seeds": [tuned_on.start, tuned_on.stop - 1],
            "reported_on_seeds": [reported_on.start, reported_on.stop - 1],
            "photo_px": JUDGED_PX,
            "timed_photo_px": TIMED_PX,
            **machine(),
        },
    }


def judged(seed: int) -> list[Judged]:
    """Every kind of print of one design, photographed and judged."""
    wanted = design(seed)
    makers = [("good", good)] * GOOD_PHOTOS + list(DEFECTS.items())
    found = []
    for number, (kind, make) in enumerate(makers):
        draw = np.random.default_rng([seed, 2, number])
        photo = Image.open(io.BytesIO(photographed(make(wanted, draw), wanted.product, draw, JUDGED_PX)))
        verdict = compare(wanted.picture, photo, area_share=AREA_SHARE).verdict
        found.append(Judged(kind, tuple(defect.code for defect in verdict.defects)))
    return found


def summary(found: Sequence[Judged]) -> dict[str, Any]:
    """Shares in percent: found at all and by its own name a kind of defect, and good prints that did not pass."""
    of_kind: dict[str, list[Judged]] = defaultdict(list)
    for one in found:
        of_kind[one.kind].append(one)
    sound = of_kind.pop("good")
    planted = [one for several in of_kind.values() for one in several]
    alarms = [one for one in sound if one.codes]
    return {
        "prints": len(found),
        "found_percent": _percent(one.codes for one in planted),
        "false_alarm_percent": _percent(one.codes for one in sound),
        "good_prints": len(sound),
        "false_alarms": sorted({code for one in alarms for code in one.codes}),
        "kinds": {
            kind: {
                "planted": len(several),
                "found_percent": _percent(one.codes for one in several),
                "named_percent": _percent(NAMES[kind] in one.codes for one in several),
                "missed": sum(not one.codes for one in several),
            }
            for kind, several in of_kind.items()
        },
    }


def timed() -> dict[str, Any]:
    """Seconds of one comparison in this process: with everything that the worker's child does, and of that alone."""
    whole, alone, processor = [], [], []
    for number in range(TIMED):
        wanted = design(number)
        draw = np.random.default_rng([number, 3])
        photo = photographed(good(wanted, draw), wanted.product, draw, TIMED_PX)
        request = CompareRequest(
            reference=artworks.png(wanted.picture.resize((4500, 4500 * wanted.picture.height // wanted.picture.width))),
            photo=photo,
            area_share=AREA_SHARE,
            pixels_max=Limits().pixels_max,
        )
        began, used = time.perf_counter(), time.process_time()
        compared(request)
        whole.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
        opened = Image.open(io.BytesIO(photo)).convert("RGB")
        began = time.perf_counter()
        compare(wanted.picture, opened, area_share=AREA_SHARE)
        alone.append(time.perf_counter() - began)
    return {
        "photo_seconds_median": round(float(np.median(alone)), 3),
        "photo_seconds_p95": round(float(np.percentile(alone, PERCENTILE)), 3),
        "job_seconds_median": round(float(np.median(whole)), 3),
        "job_processor_seconds_median": round(float(np.median(processor)), 3),
    }


def _all(processes: ProcessPoolExecutor, seeds: Iterable[int]) -> Iterator[Judged]:
    for several in processes.map(judged, seeds):
        yield from several


def _percent(hits: Iterable[object]) -> float:
    """The share of the true ones, in percent."""
    several = [bool(hit) for hit in hits]
    return round(100 * sum(several) / max(1, len(several)), 2)

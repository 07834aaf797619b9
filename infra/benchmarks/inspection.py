"""The automatic inspection on made-up prints: how many planted defects it finds, how often it cries wolf, how long.

    INSPECTION_SEEDS=100 printledger bench inspection --json

Thresholds were chosen by looking at lower seeds (`INSPECTION_FROM=0` shows the first); those from REPORTED_FROM on
have other designs, other defects and other photographs, and their figures are those that count. Designs are spread over
all processors; how far it is stands on the standard error.
"""

from __future__ import annotations

import io
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final

import msgspec
import numpy as np
import typer
from PIL import Image

from infra.benchmarks import artworks
from infra.benchmarks.inspection_prints import DEFECTS, design, good
from infra.benchmarks.stack import machine
from processors.artwork.limits import Limits
from processors.inspection import rules
from processors.inspection.compare import compare
from processors.inspection.job import CompareRequest, compared
from processors.inspection.rules import RULES
from processors.partners.print_shop_camera import AREA_SHARE, photographed

REPORTED_FROM: Final = 300_000
SEEDS: Final = 100
#: Of each design so many good prints are photographed: false alarms are rare, so more are needed to count them.
GOOD_PHOTOS: Final = 3
#: A photograph's width where its content is judged; where time is measured it is TIMED_PX.
JUDGED_PX: Final = 1_200
TIMED_PX: Final = 2_000
TIMED: Final = 15
PERCENTILE: Final = 95
#: Progress is told after so many designs.
TOLD_EVERY: Final = 5

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
    """The figures of one range of seeds, and the time that one photograph takes."""
    # As in the processes that compare photographs for the inspection worker; inherited by those that are started here.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    count = int(os.environ.get("INSPECTION_SEEDS", SEEDS))
    first = int(os.environ.get("INSPECTION_FROM", REPORTED_FROM))
    seeds = range(first, first + count)
    spawned = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as alone:
        figures = alone.submit(timed).result()
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawned) as processes:
        reported = summary(list(_all(processes, seeds)))
    return {
        **figures,
        **reported,
        "judged_in_seconds": round(time.perf_counter() - began),
        "conditions": {
            "rules_version": RULES.version,
            "seeds": [seeds.start, seeds.stop - 1],
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
        "false_alarms": sorted(code for one in alarms for code in one.codes),
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
    """Seconds of one comparison in this process (`photo`), and with everything that the worker's child does (`job`)."""
    seconds: dict[str, list[float]] = defaultdict(list)
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
        with _clock(seconds, "job"):
            compared(request)
        opened = Image.open(io.BytesIO(photo)).convert("RGB")
        with _clock(seconds, "photo"):
            compare(wanted.picture, opened, area_share=AREA_SHARE)
    return {
        f"{name}_{figure}": round(float(np.percentile(measured, share)), 3)
        for name, measured in seconds.items()
        for figure, share in (("median", 50), ("p95", PERCENTILE))
    }


@contextmanager
def _clock(seconds: dict[str, list[float]], name: str) -> Iterator[None]:
    """Note wall time and processor time of what is done within."""
    began, used = time.perf_counter(), time.process_time()
    yield
    seconds[f"{name}_seconds"].append(time.perf_counter() - began)
    seconds[f"{name}_processor_seconds"].append(time.process_time() - used)


def _all(processes: ProcessPoolExecutor, seeds: Sequence[int]) -> Iterator[Judged]:
    for done, several in enumerate(processes.map(judged, seeds), 1):
        yield from several
        if done % TOLD_EVERY == 0 or done == len(seeds):
            typer.echo(f"{done} of {len(seeds)} designs", err=True)


def _percent(hits: Iterable[object]) -> float:
    """The share of the true ones, in percent."""
    several = [bool(hit) for hit in hits]
    return round(100 * sum(several) / max(1, len(several)), 2)

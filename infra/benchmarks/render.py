"""How fast print files are made, beside other tools in one interleaved run; renders a minute; memory over many renders.

Every measurement of the comparison runs in a process of its own, so that the memory figure is that of one render and
nothing is warm from a neighbour. `render_routes` holds the job and the routes.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from PIL import Image

from infra.benchmarks import artworks
from infra.benchmarks.render_routes import (
    AREA,
    NOT_INSTALLED,
    TEMPLATE,
    TEXT,
    difference_levels,
    in_child,
    peers,
    request,
)
from infra.benchmarks.stack import machine
from processors.artwork.press import RenderRequest, compose_request, print_png
from processors.artwork.render import render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Box, ImageLayer, PrintArea, Product, Template, TextLayer

ROUNDS: Final = 5
#: ImageMagick takes ten times as long as all others together: it is measured once an artwork.
_ONCE: Final = frozenset({"imagemagick"})
FULL_LOAD_RENDERS: Final = 16
CHILDREN: Final = 2
SOAK_PX: Final = 400
#: Proof and mock-up take ten times as long as a small print file.
WHOLE_LINE_EVERY: Final = 10
#: Memory is looked at this many times in a soak.
_LOOKS: Final = 20


def pixels_identical(source: bytes) -> bool:
    """Whether our file decodes to exactly the canvas that it was written from."""
    sheet = compose_request(request(source), AREA).sheet
    decoded = np.asarray(Image.open(io.BytesIO(print_png(sheet, AREA))))
    # Against the image that was drawn on, not against the array that the writer read.
    return bool(np.array_equal(decoded, np.asarray(sheet.image)))


def _artwork(name: str, folder: Path, routes: list[str], rounds: int) -> dict[str, Any]:
    """Measure one artwork by all routes, round by round."""
    source = artworks.png(artworks.ARTWORKS[name]())
    path = folder / f"{name}.png"
    path.write_bytes(source)
    runs: dict[str, list[dict[str, float]]] = {route: [] for route in routes}
    for number in range(rounds):
        for route in routes:
            if number == 0 or route not in _ONCE:
                runs[route].append(in_child(route, path, folder / f"{route}.png"))
    result: dict[str, Any] = {}
    for route, measured in runs.items():
        result[route] = {
            "seconds": round(statistics.median(run["seconds"] for run in measured), 3),
            "cpu_seconds": round(statistics.median(run["cpu_seconds"] for run in measured), 3),
            "megabytes": round(measured[0]["bytes"] / 1e6, 3),
            "rss_mb": round(max(run["rss_mb"] for run in measured), 1),
            "mean_difference_levels": round(difference_levels(folder / "ours.png", folder / f"{route}.png"), 2),
        }
    for figure, unit in (("times_pillow", "seconds"), ("cpu_times_pillow", "cpu_seconds")):
        ratios = [theirs[unit] / mine[unit] for mine, theirs in zip(runs["ours"], runs["pillow"], strict=True)]
        result[figure] = round(statistics.median(ratios), 2)
    result["bytes_ratio"] = round(runs["ours"][0]["bytes"] / runs["pillow"][0]["bytes"], 3)
    result["pixels_identical"] = pixels_identical(source)
    return result


def full_load() -> dict[str, Any]:
    """Whole lines of the photograph (print file, proof, mock-up) by two children that never wait."""
    source = artworks.png(artworks.photo())
    with SandboxPool(CHILDREN).start() as pool, ThreadPoolExecutor(CHILDREN) as threads:

        def batch(count: int) -> float:
            started = time.perf_counter()
            for _ in threads.map(lambda _: render_line(pool, source, TEXT, TEMPLATE), range(count)):
                pass
            return time.perf_counter() - started

        batch(CHILDREN)
        seconds = batch(FULL_LOAD_RENDERS)
        peak = max(_memory_mb("VmHWM"))
    return {
        "renders_per_minute": round(60 * FULL_LOAD_RENDERS / seconds, 1),
        "line_rss_mb": round(peak, 1),
        "renders": FULL_LOAD_RENDERS,
        "children": CHILDREN,
        "job": "the photograph's print file of 4500 × 5400 px with its proof and mock-up",
    }


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure all artworks. The plain figures are those of the photograph; `artworks` holds every one."""
    conditions = machine()
    made_of = peers()
    routes = [route for route, what in made_of.items() if what != NOT_INSTALLED]
    with tempfile.TemporaryDirectory(prefix="printledger-bench-") as folder:
        measured = {name: _artwork(name, Path(folder), routes, rounds) for name in artworks.ARTWORKS}
    of_photo = measured["photo"]
    loaded = full_load()
    return {
        "times_pillow": of_photo["times_pillow"],
        "bytes_ratio": of_photo["bytes_ratio"],
        "megabytes": of_photo["ours"]["megabytes"],
        "rss_mb": max(result["ours"]["rss_mb"] for result in measured.values()),
        "pattern_bytes_ratio": measured["pattern"]["bytes_ratio"],
        "pixels_identical": all(result["pixels_identical"] for result in measured.values()),
        "renders_per_minute": loaded["renders_per_minute"],
        "artworks": measured,
        "full_load": loaded,
        "conditions": conditions
        | {
            "job": "3000² RGBA PNG to 4200², on 4500 × 5400 px with a line of text, PNG with ICC and 300 DPI",
            "rounds": rounds,
            "order": "interleaved: " + ", ".join(routes),
            "once_an_artwork": sorted(_ONCE.intersection(routes)),
            "routes": made_of,
        },
    }


def soak(renders: int) -> dict[str, Any]:
    """Renders in a row through the pool: how many a minute, and whether memory grows.

    Children are kept for the whole run, so that growth would show; in use they are replaced now and then. Pictures are
    small and of three formats, and nine in ten renders make the press's files only, so that ten thousand renders pass
    all decoders and encoders within minutes.
    """
    pictures, template = _soak_pictures(), _soak_template()
    looks: list[tuple[int, float]] = []
    pool = SandboxPool(CHILDREN, jobs_module="infra.benchmarks.soak_jobs", jobs_per_child=renders + 1)
    with pool.start(), ThreadPoolExecutor(CHILDREN) as threads:

        def one(number: int) -> None:
            picture, text = pictures[number % len(pictures)], f"Order {number}"
            if number % WHOLE_LINE_EVERY == 0:
                render_line(pool, picture, text, template)
                return
            asked = RenderRequest(original=picture, text=text, template=template, area="front", pixels_max=1_000_000)
            pool.run("print_files", msgspec.msgpack.encode(asked))

        started = time.perf_counter()
        for first, last in pairwise(renders * look // _LOOKS for look in range(_LOOKS + 1)):
            for _ in threads.map(one, range(first, last)):
                pass
            looks.append((last, sum(_memory_mb("VmRSS"))))
        seconds = time.perf_counter() - started
    # Caches of fonts and blanks fill in the first tenth; growth is counted from there.
    counted = looks[_LOOKS // 10 - 1 :]
    slope = float(np.polyfit([done for done, _ in counted], [megabytes for _, megabytes in counted], 1)[0])
    return {
        "renders": renders,
        "renders_per_minute": round(60 * renders / seconds, 1),
        "first_rss_mb": round(counted[0][1], 1),
        "last_rss_mb": round(counted[-1][1], 1),
        "growth_mb_per_1000_renders": round(1000 * slope, 3),
        "rss_mb_by_renders": {str(done): round(megabytes, 1) for done, megabytes in looks},
        "conditions": machine()
        | {
            "job": f"{SOAK_PX}² PNG, JPEG and WebP in turn with text on 600 × 600 px; PNG and PDF for the press, in "
            f"every {WHOLE_LINE_EVERY}th proof and mock-up too",
            "children": CHILDREN,
            "memory": "resident memory of all children together, from the first tenth on",
        },
    }


def _soak_pictures() -> list[bytes]:
    photo = artworks.photo(SOAK_PX)
    pictures = [artworks.png(photo)]
    for kind in ("JPEG", "WEBP"):
        buffer = io.BytesIO()
        photo.convert("RGB" if kind == "JPEG" else "RGBA").save(buffer, kind)
        pictures.append(buffer.getvalue())
    return pictures


def _soak_template() -> Template:
    side_um = 50_800
    area = PrintArea(
        name="front",
        width_um=side_um,
        height_um=side_um,
        width_px=600,
        height_px=600,
        dpi=300,
        pdf=True,
        layers=(
            ImageLayer(name="picture", box=Box(x_um=0, y_um=0, width_um=side_um, height_um=40_000)),
            TextLayer(name="text", box=Box(x_um=0, y_um=40_000, width_um=side_um, height_um=10_000), size_um=8_000),
        ),
    )
    return Template(template_id="soak", version=1, product=Product(name="soak", kind="mug"), areas=(area,))


def _memory_mb(what: str) -> list[float]:
    """Memory of each child process, by a name of /proc/PID/status."""
    pids = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return [int(line.split()[1]) / 1024 for s in statuses for line in s.splitlines() if line.startswith(f"{what}:")]


def main() -> None:
    """Without `--soak` the whole benchmark runs and prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--soak", type=int, metavar="RENDERS")
    arguments = parser.parse_args()
    figures = soak(arguments.soak) if arguments.soak else run(arguments.rounds)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

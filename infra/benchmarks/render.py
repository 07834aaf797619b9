"""How fast print files are made, beside Pillow's own encoder and libvips, in one interleaved run.

The job: a 3000² RGBA picture is decoded, scaled to 4200², put on a 4500 × 5400 canvas with a line of text, and
written as PNG with profile and DPI. Every measurement runs in a process of its own, so that the memory figure is that
of one render and nothing is warm from a neighbour. Decoding, scaling, composing and encoding count; starting Python
and reading the source from disk do not.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL
from PIL import Image, ImageDraw

from infra.benchmarks import artworks
from processors.artwork import fonts, templates_folder
from processors.artwork.picture import srgb_bytes
from processors.artwork.press import RenderRequest, compose_request, print_png
from processors.artwork.render import render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import (
    Box,
    ImageLayer,
    PrintArea,
    Product,
    Template,
    TextLayer,
    template_from_json,
)

DPI: Final = 300
CANVAS_PX: Final = (4500, 5400)
PLACED_PX: Final = 4200
TEXT: Final = "Printed to order 2026"
ROUNDS: Final = 5


def _um(length_px: int) -> int:
    return round(length_px * 25_400 / DPI)


AREA: Final = PrintArea(
    name="front",
    width_um=_um(CANVAS_PX[0]),
    height_um=_um(CANVAS_PX[1]),
    width_px=CANVAS_PX[0],
    height_px=CANVAS_PX[1],
    dpi=DPI,
    layers=(
        ImageLayer(
            name="picture", box=Box(x_um=_um(150), y_um=_um(150), width_um=_um(PLACED_PX), height_um=_um(PLACED_PX))
        ),
        TextLayer(
            name="text",
            box=Box(x_um=_um(150), y_um=_um(4500), width_um=_um(PLACED_PX), height_um=_um(700)),
            size_um=_um(240),
        ),
    ),
)
TEMPLATE: Final = Template(template_id="bench", version=1, product=Product(name="bench", kind="tee"), areas=(AREA,))


def ours(source: bytes) -> bytes:
    """The project's route, as a child process of the sandbox runs it."""
    request = RenderRequest(original=source, text=TEXT, template=TEMPLATE, area="front", pixels_max=100_000_000)
    return print_png(compose_request(request, AREA).sheet, AREA)


def pillow(source: bytes) -> bytes:
    """The same job with Pillow alone and its default encoder settings."""
    picture = Image.open(io.BytesIO(source)).convert("RGBA")
    scaled = picture.resize((PLACED_PX, PLACED_PX), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", CANVAS_PX)
    canvas.alpha_composite(scaled, (150, 150))
    font = fonts.load("Noto Sans", 240, 400)
    ImageDraw.Draw(canvas).text((CANVAS_PX[0] / 2, 4850), TEXT, fill="#000000", font=font, anchor="mm")
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", dpi=(DPI, DPI), icc_profile=srgb_bytes())
    return buffer.getvalue()


def pyvips(source: bytes) -> bytes:
    """The same job with libvips and its default encoder settings."""
    import pyvips as vips  # a development dependency; the other routes do not need it

    picture = vips.Image.new_from_buffer(source, "")
    scale = PLACED_PX / picture.width
    scaled = picture.premultiply().resize(scale, kernel="lanczos3").unpremultiply().cast("uchar")
    canvas = scaled.embed(150, 150, *CANVAS_PX, extend="background", background=[0, 0, 0, 0])
    mask = vips.Image.text(TEXT, font="sans 60", dpi=DPI)
    ink = (mask * 0).bandjoin([mask * 0, mask * 0, mask]).cast("uchar").copy(interpretation="srgb")
    canvas = canvas.composite2(ink, "over", x=(CANVAS_PX[0] - ink.width) // 2, y=4700).cast("uchar")
    return bytes(canvas.copy(xres=DPI / 25.4, yres=DPI / 25.4).pngsave_buffer())


ROUTES: Final[Mapping[str, Callable[[bytes], bytes]]] = {"ours": ours, "pillow": pillow, "pyvips": pyvips}


def measure_once(route: str, path: Path) -> dict[str, float]:
    """One job in this process: seconds, bytes, and the process's peak memory."""
    source = path.read_bytes()
    fonts.load("Noto Sans", 240, 400)
    started = time.perf_counter()
    printed = ROUTES[route](source)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": len(printed), "rss_mb": _peak_memory_mb()}


def _peak_memory_mb() -> float:
    """The peak of this process's own memory: getrusage would count what its parent held when it forked."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not report VmHWM; run this benchmark on Linux")


def pixels_identical(source: bytes) -> bool:
    """Whether our file decodes to exactly the canvas that it was written from."""
    request = RenderRequest(original=source, text=TEXT, template=TEMPLATE, area="front", pixels_max=100_000_000)
    sheet = compose_request(request, AREA).sheet
    decoded = np.asarray(Image.open(io.BytesIO(print_png(sheet, AREA))))
    # Against the image that was drawn on, not against the array that the writer read.
    return bool(np.array_equal(decoded, np.asarray(sheet.image)))


def _in_child(route: str, path: Path) -> dict[str, float]:
    argv = [sys.executable, "-m", "infra.benchmarks.render", "--once", route, str(path)]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=300)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _artwork(name: str, folder: Path, routes: list[str], rounds: int) -> dict[str, Any]:
    """Measure one artwork by all routes, round by round."""
    source = artworks.png(artworks.ARTWORKS[name]())
    path = folder / f"{name}.png"
    path.write_bytes(source)
    runs: dict[str, list[dict[str, float]]] = {route: [] for route in routes}
    for _ in range(rounds):
        for route in routes:
            runs[route].append(_in_child(route, path))
    result: dict[str, Any] = {}
    for route, measured in runs.items():
        result[route] = {
            "seconds": round(statistics.median(run["seconds"] for run in measured), 3),
            "megabytes": round(measured[0]["bytes"] / 1e6, 3),
            "rss_mb": round(max(run["rss_mb"] for run in measured), 1),
        }
    result["times_pillow"] = round(
        statistics.median(
            theirs["seconds"] / mine["seconds"] for mine, theirs in zip(runs["ours"], runs["pillow"], strict=True)
        ),
        2,
    )
    result["bytes_ratio"] = round(runs["ours"][0]["bytes"] / runs["pillow"][0]["bytes"], 3)
    result["pixels_identical"] = pixels_identical(source)
    return result


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure all artworks. The plain figures are those of the photo; `artworks` holds every one."""
    routes = ["ours", "pillow"]
    try:
        import pyvips as vips
    except ImportError:
        pass
    else:
        if vips.version(0) >= 8:
            routes.append("pyvips")
    with tempfile.TemporaryDirectory() as folder:
        measured = {name: _artwork(name, Path(folder), routes, rounds) for name in artworks.ARTWORKS}
    of_photo = measured["photo"]
    return {
        "times_pillow": of_photo["times_pillow"],
        "bytes_ratio": of_photo["bytes_ratio"],
        "megabytes": of_photo["ours"]["megabytes"],
        "rss_mb": max(result["ours"]["rss_mb"] for result in measured.values()),
        "pattern_bytes_ratio": measured["pattern"]["bytes_ratio"],
        "pixels_identical": all(result["pixels_identical"] for result in measured.values()),
        "artworks": measured,
        "conditions": {
            "job": "3000² RGBA PNG to 4200², on 4500 × 5400 px with a line of text, PNG with ICC and 300 DPI",
            "rounds": rounds,
            "order": "interleaved: " + ", ".join(routes),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "pillow": PIL.__version__,
            "machine": platform.machine(),
        },
    }


def soak(renders: int) -> dict[str, Any]:
    """Renders in a row through the pool: how many a minute, and memory.

    Children are kept for the whole run, so that growth would show; in use they are replaced now and then.
    """
    source = artworks.png(artworks.photo(1200))
    template = template_from_json((templates_folder() / "mug-11oz-white.json").read_bytes())
    with SandboxPool(2, jobs_per_child=renders + 1).start() as pool, ThreadPoolExecutor(2) as threads:

        def batch(count: int) -> float:
            started = time.perf_counter()
            for _ in threads.map(lambda n: render_line(pool, source, f"Order {n}", template), range(count)):
                pass
            return time.perf_counter() - started

        # Caches of fonts and blanks fill in the first tenth; growth is counted from there.
        batch(max(1, renders // 10))
        before = _children_mb()
        seconds = batch(renders - renders // 10)
        after = _children_mb()
    return {
        "renders_per_minute": round(60 * (renders - renders // 10) / seconds, 1),
        "children_mb_before": round(before, 1),
        "children_mb_after": round(after, 1),
        "growth_mb": round(after - before, 1),
        "conditions": {
            "renders": renders,
            "job": "1200² photo on an 11 oz mug with text, proof and mock-up",
            "children": 2,
        },
    }


def _children_mb() -> float:
    """Resident memory of all child processes."""
    pids = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return sum(int(line.split()[1]) for s in statuses for line in s.splitlines() if line.startswith("VmRSS:")) / 1024


def main() -> None:
    """`--once ROUTE FILE` measures one job; without it the whole benchmark runs and prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", nargs=2, metavar=("ROUTE", "FILE"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--soak", type=int, metavar="RENDERS")
    arguments = parser.parse_args()
    if arguments.once:
        route, path = arguments.once
        figures: dict[str, Any] = measure_once(route, Path(path))
    elif arguments.soak:
        figures = soak(arguments.soak)
    else:
        figures = run(arguments.rounds)
    sys.stdout.write(json.dumps(figures, indent=None if arguments.once else 2) + "\n")


if __name__ == "__main__":
    main()

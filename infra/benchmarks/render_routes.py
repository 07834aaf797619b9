"""The ways to make one print file that `printledger bench render` compares, each measured in a process of its own.

The job: a 3000² RGBA picture is decoded, scaled to 4200², put on a 4500 × 5400 canvas with a line of text, and written
as PNG with profile and DPI. Decoding, scaling, composing and encoding count; starting an interpreter and reading the
source from disk do not (ImageMagick is a program, so its start counts, some 20 ms).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from processors.artwork import fonts
from processors.artwork.picture import srgb_bytes
from processors.artwork.press import RenderRequest, compose_request, print_png
from processors.artwork.template import Box, ImageLayer, PrintArea, Product, Template, TextLayer

DPI: Final = 300
CANVAS_PX: Final = (4500, 5400)
MARGIN_PX: Final = 150
PLACED_PX: Final = 4200
TEXT_TOP_PX: Final = 4500
TEXT: Final = "Printed to order 2026"
TEXT_FONT: Final = "Noto Sans"
TEXT_PX: Final = 240
NOT_INSTALLED: Final = "not installed"
_SECONDS_MAX: Final = 300


def _um(length_px: int) -> int:
    return round(length_px * 25_400 / DPI)


def _box(top_px: int, height_px: int) -> Box:
    return Box(x_um=_um(MARGIN_PX), y_um=_um(top_px), width_um=_um(PLACED_PX), height_um=_um(height_px))


AREA: Final = PrintArea(
    name="front",
    width_um=_um(CANVAS_PX[0]),
    height_um=_um(CANVAS_PX[1]),
    width_px=CANVAS_PX[0],
    height_px=CANVAS_PX[1],
    dpi=DPI,
    layers=(
        ImageLayer(name="picture", box=_box(MARGIN_PX, PLACED_PX)),
        TextLayer(name="text", box=_box(TEXT_TOP_PX, 700), fonts=(TEXT_FONT,), size_um=_um(TEXT_PX)),
    ),
)
TEMPLATE: Final = Template(template_id="bench", version=1, product=Product(name="bench", kind="tee"), areas=(AREA,))


def request(source: bytes) -> RenderRequest:
    """The job as the render worker would ask for it."""
    return RenderRequest(original=source, text=TEXT, template=TEMPLATE, area="front", pixels_max=100_000_000)


def ours(source: bytes) -> bytes:
    """The project's route, as a child process of the sandbox runs it."""
    return print_png(compose_request(request(source), AREA).sheet, AREA)


def pillow(source: bytes) -> bytes:
    """The same job with Pillow alone and its default encoder settings."""
    picture = Image.open(io.BytesIO(source)).convert("RGBA")
    scaled = picture.resize((PLACED_PX, PLACED_PX), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", CANVAS_PX)
    canvas.alpha_composite(scaled, (MARGIN_PX, MARGIN_PX))
    font = fonts.load(TEXT_FONT, TEXT_PX, 400)
    ImageDraw.Draw(canvas).text((CANVAS_PX[0] / 2, TEXT_TOP_PX + 350), TEXT, fill="#000000", font=font, anchor="mm")
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", dpi=(DPI, DPI), icc_profile=srgb_bytes())
    return buffer.getvalue()


def pyvips(source: bytes) -> bytes:
    """The same job with libvips, streaming, and its default encoder settings."""
    import pyvips as vips  # a development dependency; the other routes do not need it

    picture = vips.Image.new_from_buffer(source, "", access="sequential")
    scaled = picture.premultiply().resize(PLACED_PX / picture.width, kernel="lanczos3").unpremultiply().cast("uchar")
    canvas = scaled.embed(MARGIN_PX, MARGIN_PX, *CANVAS_PX, extend="background", background=[0, 0, 0, 0])
    mask = vips.Image.text(
        TEXT, font=f"{TEXT_FONT} {TEXT_PX * 72 / DPI:g}", fontfile=fonts.font_path(TEXT_FONT), dpi=DPI
    )
    ink = (mask * 0).bandjoin([mask * 0, mask * 0, mask]).cast("uchar").copy(interpretation="srgb")
    at = {"x": (CANVAS_PX[0] - ink.width) // 2, "y": TEXT_TOP_PX + 350 - ink.height // 2}
    canvas = canvas.composite2(ink, "over", **at).cast("uchar")
    return bytes(canvas.copy(xres=DPI / 25.4, yres=DPI / 25.4).pngsave_buffer())


#: Run by Node with the source, the target and the job's measures as JSON; prints the figures. sharp is libvips with
#: encoder defaults of its own.
_SHARP: Final = """
const sharp = require('sharp'), fs = require('fs');
const [source, target, job] = [process.argv[1], process.argv[2], JSON.parse(process.argv[3])];
const bytes = fs.readFileSync(source), clear = {r: 0, g: 0, b: 0, alpha: 0};
(async () => {
  const started = process.hrtime.bigint(), cpu = process.cpuUsage();
  const text = {text: job.text, font: job.font, fontfile: job.fontfile, dpi: job.dpi, rgba: true};
  const ink = await sharp({text}).png({compressionLevel: 1}).toBuffer({resolveWithObject: true});
  const printed = await sharp(bytes).resize(job.placed, job.placed, {kernel: 'lanczos3'})
    .extend({top: job.margin, left: job.margin, background: clear,
             right: job.width - job.placed - job.margin, bottom: job.height - job.placed - job.margin})
    .composite([{input: ink.data, left: Math.round((job.width - ink.info.width) / 2),
                 top: Math.round(job.textMiddle - ink.info.height / 2)}])
    .withMetadata({density: job.dpi}).png().toBuffer();
  const seconds = Number(process.hrtime.bigint() - started) / 1e9, used = process.cpuUsage(cpu);
  fs.writeFileSync(target, printed);
  console.log(JSON.stringify({seconds, cpu_seconds: (used.user + used.system) / 1e6, bytes: printed.length,
                              rss_mb: process.resourceUsage().maxRSS / 1024}));
})();
"""


def _sharp(source: Path, target: Path) -> dict[str, float]:
    """The same job with sharp on Node."""
    job = {
        "text": TEXT,
        "font": f"{TEXT_FONT} {TEXT_PX * 72 / DPI:g}",
        "fontfile": fonts.font_path(TEXT_FONT),
        "dpi": DPI,
        "placed": PLACED_PX,
        "margin": MARGIN_PX,
        "width": CANVAS_PX[0],
        "height": CANVAS_PX[1],
        "textMiddle": TEXT_TOP_PX + 350,
    }
    argv = ["node", "-e", _SHARP, str(source), str(target), json.dumps(job)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=_SECONDS_MAX)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _imagemagick(source: Path, target: Path) -> dict[str, float]:
    """The same job with ImageMagick's command line."""
    program = _imagemagick_program()
    argv = [program or "convert", str(source), "-filter", "Lanczos", "-resize", f"{PLACED_PX}x{PLACED_PX}"]
    argv += ["-background", "none", "-gravity", "NorthWest"]
    argv += ["-extent", f"{CANVAS_PX[0]}x{CANVAS_PX[1]}-{MARGIN_PX}-{MARGIN_PX}"]
    argv += ["-font", fonts.font_path(TEXT_FONT), "-pointsize", str(TEXT_PX), "-fill", "black", "-gravity", "Center"]
    argv += ["-annotate", f"+0+{TEXT_TOP_PX + 350 - CANVAS_PX[1] // 2}", TEXT]
    argv += ["-units", "PixelsPerInch", "-density", str(DPI), f"PNG32:{target}"]
    started = time.perf_counter()
    process = subprocess.Popen(argv)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "bytes": target.stat().st_size,
        "rss_mb": usage.ru_maxrss / 1024,
    }


def _imagemagick_program() -> str | None:
    """ImageMagick 7's or 6's command, if it is there and is ImageMagick."""
    for name in ("magick", "convert"):
        if shutil.which(name) and _says([name, "-version"]).startswith("Version: ImageMagick"):
            return name
    return None


def _says(argv: list[str]) -> str:
    """What a program prints; empty when it fails or is not there."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _libvips() -> str:
    try:
        import pyvips as vips
    except (ImportError, OSError):
        return ""
    return f"pyvips {version('pyvips')}, libvips {'.'.join(str(vips.version(part)) for part in range(3))}"


def _magick_version() -> str:
    program = _imagemagick_program()
    found = re.match(r"Version: (ImageMagick \S+)", _says([program, "-version"])) if program else None
    return found.group(1) if found else ""


_IN_PYTHON: Final[Mapping[str, Callable[[bytes], bytes]]] = {"ours": ours, "pillow": pillow, "pyvips": pyvips}
_PROGRAMS: Final[Mapping[str, Callable[[Path, Path], dict[str, float]]]] = {
    "sharp": _sharp,
    "imagemagick": _imagemagick,
}


def peers() -> dict[str, str]:
    """Every route with what it is made of here, or that it is not installed."""
    sharp = _says(["node", "-e", "console.log(require('sharp').versions.sharp)"]) if shutil.which("node") else ""
    return {
        "ours": f"Pillow {version('pillow')}, zlib-ng {version('zlib-ng')}, numpy {version('numpy')}",
        "pillow": f"Pillow {version('pillow')}",
        "pyvips": _libvips() or NOT_INSTALLED,
        "sharp": f"sharp {sharp}" if sharp else NOT_INSTALLED,
        "imagemagick": _magick_version() or NOT_INSTALLED,
    }


def in_child(route: str, source: Path, target: Path) -> dict[str, float]:
    """Measure one job in a new process: seconds, CPU seconds, bytes, and the process's peak memory in MB."""
    argv = [sys.executable, "-m", "infra.benchmarks.render_routes", route, str(source), str(target)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=_SECONDS_MAX)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def difference_levels(one: Path, other: Path) -> float:
    """The mean difference of two print files where either has ink, premultiplied, in levels of 255.

    Tools differ in the last bits of a kernel and in a letter's hinting; more than a level would be another job.
    """
    first, second = (_premultiplied(path) for path in (one, other))
    inked = (first[..., 3] > 0) | (second[..., 3] > 0)
    return float(np.abs(first[inked] - second[inked]).mean())


def _premultiplied(path: Path) -> Any:
    with Image.open(path) as picture:
        # Half the size is enough to see another job, and an eighth of the memory.
        return np.asarray(picture.convert("RGBA").convert("RGBa").reduce(2), np.float32)


def peak_memory_mb() -> float:
    """The peak of this process's own memory: getrusage would count what its parent held when it forked."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not report VmHWM; run this benchmark on Linux")


def _measure(route: str, source: Path, target: Path) -> dict[str, float]:
    """One job, now, in this process or in a program that it starts."""
    if route in _PROGRAMS:
        return _PROGRAMS[route](source, target)
    content = source.read_bytes()
    fonts.load(TEXT_FONT, TEXT_PX, 400)
    started, cpu_started = time.perf_counter(), time.process_time()
    printed = _IN_PYTHON[route](content)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    peak = peak_memory_mb()
    target.write_bytes(printed)
    return {"seconds": seconds, "cpu_seconds": cpu, "bytes": len(printed), "rss_mb": peak}


def main() -> None:
    """`ROUTE SOURCE TARGET`: do the job once and print what it cost as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("route", choices=[*_IN_PYTHON, *_PROGRAMS])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(_measure(arguments.route, arguments.source, arguments.target)) + "\n")


if __name__ == "__main__":
    main()

"""How long a live preview takes through HTTP: the real API in a process of its own, the real catalogue, 600 px wide.

One designer types: every request has another text, so no answer can be a remembered one. `photo` sends a photograph of
nine megapixels with every request, `design` names a design in the store, `text` has no picture, `print` shows the bare
print. The first requests of each kind warm it up and are reported as `first_ms`. `cpu_ms` is the processor time of the
API and its children for each preview, which a busy machine does not change much.
"""

from __future__ import annotations

import asyncio
import io
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image

from infra import bootstrap, intake
from infra.benchmarks import artworks
from infra.benchmarks.stack import machine, process, stack
from infra.demo.seed import API_KEY_FILE, TENANT
from infra.settings import Settings
from processors.ports import NamedError

ROUNDS: Final = 60
WARM_UP: Final = 4
WIDTH_PX: Final = 600
#: Designers who type at the same time in the second part.
TOGETHER: Final = 2
START_SECONDS: Final = 90.0
DESIGN_KEY: Final = f"{TENANT}/designs/benchmark"

#: What is asked for: the fields of the request, and whether the photograph is sent with it.
KINDS: Final[dict[str, tuple[dict[str, str], bool]]] = {
    "text": ({"template_id": "mug-11oz-white", "view": "mockup"}, False),
    "design": ({"template_id": "tee-black", "view": "mockup", "design_key": DESIGN_KEY}, False),
    "photo": ({"template_id": "tee-white", "view": "mockup"}, True),
    "print": ({"template_id": "poster-30x40", "view": "print"}, True),
}


class NoPreview(NamedError):
    """The API did not draw a preview in time. Start `printledger up` and ask it for one to see why."""


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure; returns `preview_ms_p50` and `preview_ms_p95` over all kinds, and of each kind its own."""
    photograph = _photograph()
    kinds: dict[str, dict[str, float]] = {}
    with stack(("kafka", "registry", "postgres", "s3")) as settings:
        intake.bucket(settings).put(DESIGN_KEY, artworks.png(artworks.ARTWORKS["flat"]()), "image/png", {})
        asyncio.run(bootstrap.seed_demo(settings))
        with process(settings, "serve") as serving, _client(settings) as client:
            with process(settings, "ledger", "--stream", "catalogue"), process(settings, "project", "all"):
                _wait(client)
            every: list[float] = []
            for name, (fields, with_photograph) in KINDS.items():
                picture = photograph if with_photograph else None
                first = [_draw(client, fields, picture, number) for number in range(WARM_UP)]
                cpu_before = _cpu_seconds(serving.pid)
                warm = [_draw(client, fields, picture, number) for number in range(WARM_UP, WARM_UP + rounds)]
                cpu_ms = round(1_000 * (_cpu_seconds(serving.pid) - cpu_before) / rounds, 1)
                every += warm
                kinds[name] = {"first_ms": round(first[0], 1), **_percentiles(warm), "cpu_ms": cpu_ms}
            together = _together(client, photograph, rounds)
    return {
        "preview_ms_p50": _percentiles(every)["p50_ms"],
        "preview_ms_p95": _percentiles(every)["p95_ms"],
        "kinds": kinds,
        "together": {"designers": TOGETHER, **_percentiles(together)},
        "conditions": {
            **machine(),
            "rounds": rounds,
            "width_px": WIDTH_PX,
            "photograph_bytes": len(photograph),
            "what": "POST /v1/previews answered as WebP on this machine, a new text every time, findings included",
        },
    }


def _photograph() -> bytes:
    buffer = io.BytesIO()
    photo = artworks.ARTWORKS["photo"]()
    sheet = Image.new("RGB", photo.size, "white")
    sheet.paste(photo, (0, 0), photo)
    sheet.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@contextmanager
def _client(settings: Settings) -> Iterator[httpx.Client]:
    key = (settings.data_dir / API_KEY_FILE).read_text(encoding="utf-8").strip()
    with httpx.Client(
        base_url=settings.public_base_url,
        headers={"Authorization": f"Bearer {key}", "Accept": "image/webp"},
        trust_env=False,
        timeout=START_SECONDS,
    ) as client:
        yield client


def _wait(client: httpx.Client) -> None:
    """Wait until the API serves and the catalogue has all templates. Raises NoPreview."""
    deadline = time.monotonic() + START_SECONDS
    for fields, _ in KINDS.values():
        while True:
            try:
                answer = client.post("/v1/previews", json={**fields, "width_px": 64})
            except httpx.TransportError:
                answer = httpx.Response(503)
            if answer.status_code == 200:
                break
            if time.monotonic() > deadline:
                raise NoPreview(f"{NoPreview.__doc__} The last answer: {answer.status_code} {answer.text[:300]}")
            time.sleep(0.2)


def _draw(client: httpx.Client, fields: dict[str, str], picture: bytes | None, number: int) -> float:
    """Milliseconds of one preview."""
    form = {**fields, "text": f"Hello number {number}", "width_px": str(WIDTH_PX)}
    started = time.perf_counter()
    if picture is None:
        answer = client.post("/v1/previews", json={**form, "width_px": WIDTH_PX})
    else:
        answer = client.post("/v1/previews", data=form, files={"picture": ("photo.jpg", picture, "image/jpeg")})
    seconds = time.perf_counter() - started
    answer.raise_for_status()
    return 1_000 * seconds


def _together(client: httpx.Client, photograph: bytes, rounds: int) -> list[float]:
    """Several designers at once, each with the photograph on the shirt."""
    fields, _ = KINDS["photo"]

    def type_on(designer: int) -> list[float]:
        times = [
            _draw(client, fields, photograph, 1_000 * designer + number) for number in range(WARM_UP + rounds // 2)
        ]
        return times[WARM_UP:]

    with ThreadPoolExecutor(TOGETHER) as threads:
        return [time for times in threads.map(type_on, range(1, TOGETHER + 1)) for time in times]


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and its living children so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            # It ended in between.
            continue
        if pid in (int(stat.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _percentiles(times: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
        "max_ms": round(max(times), 1),
    }

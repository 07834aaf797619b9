"""How long a file takes through its signed link: the real API, the real store, opened with the order's key on the way.

One client fetches whole files one after the other, as a press and a person do. The time is from the request to the last
byte; the bytes are compared with those that were stored.
"""

from __future__ import annotations

import hashlib
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from infra import intake, postgres
from infra.benchmarks.stack import machine, process, stack
from infra.ports import accepts
from infra.settings import Settings
from processors.ports import NamedError
from processors.workers.files import NewFile, OrderFiles

ORDER: Final = "0c4b5f6e-0000-5000-8000-00000000be7c"
#: As large as what the render benchmark makes of its photograph.
FILES: Final = {"print_file": ("print.png", "image/png", 13_400_000), "proof": ("proof.webp", "image/webp", 90_000)}
ROUNDS: Final = 60
WARM_UP: Final = 5
START_SECONDS: Final = 60.0


class WrongBytes(NamedError):
    """A link gave other bytes than were stored."""


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure; returns `link_ms_p50` and `link_ms_p95` of the print file, and the same of a proof."""
    figures: dict[str, Any] = {}
    with stack(("kafka", "registry", "postgres", "s3")) as settings:
        links = _stored(settings)
        with process(settings, "serve"), _client(settings) as client:
            for name, (url, digest) in links.items():
                times = _times(client, url, digest, rounds)
                prefix = "link" if name == "print_file" else f"{name}_link"
                figures[f"{prefix}_ms_p50"] = round(statistics.median(times), 1)
                figures[f"{prefix}_ms_p95"] = round(statistics.quantiles(times, n=20)[-1], 1)
    return {
        **figures,
        "conditions": {
            **machine(),
            "files": {name: size for name, (_, _, size) in FILES.items()},
            "rounds": rounds,
            "what": "whole files, sealed in the store, one after the other over one connection on this machine",
        },
    }


def _stored(settings: Settings) -> dict[str, tuple[str, str]]:
    """Store one file of each kind; their links and digests."""
    signer, links = intake.link_signer(settings), {}
    with postgres.pool(settings.database_url, settings, name="bench") as pool:
        files = OrderFiles(intake.bucket(settings), intake.vault(settings, pool))
        for name, (file, media_type, size) in FILES.items():
            content = random.Random(name).randbytes(size)  # noqa: S311  the same bytes in every run
            key = f"demo/{ORDER}/1/front/v1/{file}"
            files.store("demo", ORDER, key, "bench", NewFile(content=content, media_type=media_type))
            digest = hashlib.sha256(content).hexdigest()
            links[name] = (signer.link("demo", ORDER, key, media_type), digest)
    return links


@contextmanager
def _client(settings: Settings) -> Iterator[httpx.Client]:
    """A client, once the API answers."""
    deadline = time.monotonic() + START_SECONDS
    while not accepts(settings.api_port):
        if time.monotonic() > deadline:
            raise TimeoutError("the API did not start")
        time.sleep(0.1)
    with httpx.Client(trust_env=False, timeout=START_SECONDS) as client:
        yield client


def _times(client: httpx.Client, url: str, digest: str, rounds: int) -> list[float]:
    """Milliseconds of each fetch after the warm-up. Raises WrongBytes."""
    times = []
    for number in range(WARM_UP + rounds):
        started = time.perf_counter()
        answer = client.get(url)
        seconds = time.perf_counter() - started
        answer.raise_for_status()
        if hashlib.sha256(answer.content).hexdigest() != digest:
            raise WrongBytes
        if number >= WARM_UP:
            times.append(1_000 * seconds)
    return times

"""One pool of child processes for all artwork tests, and the templates that the product ships."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.artwork import templates_folder
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Template, template_from_json


@pytest.fixture(scope="session")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool(2).start() as started:
        yield started


@pytest.fixture(scope="session")
def tee() -> Template:
    return template_from_json((Path(templates_folder()) / "tee-white.json").read_bytes())


@pytest.fixture(scope="session")
def mug() -> Template:
    return template_from_json((Path(templates_folder()) / "mug-11oz-white.json").read_bytes())


@pytest.fixture(scope="session")
def poster() -> Template:
    return template_from_json((Path(templates_folder()) / "poster-30x40.json").read_bytes())

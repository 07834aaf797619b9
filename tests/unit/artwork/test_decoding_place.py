"""Foreign pictures are decoded in child processes and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PIL import Image

import processors
from processors.artwork.checks import check_artwork
from processors.artwork.render import render_line
from processors.artwork.sandbox import SandboxPool
from tests.unit.artwork.pictures import encoded, noisy, simple_area, simple_template

ROOT = Path(processors.__file__).parent.parent
#: The one place that opens pictures; gang sheets, which open print files in a child as well;
#: and the simulated press, which is another firm's machine.
OPENERS = {
    "processors/artwork/picture.py",
    "processors/batching/planes.py",
    "processors/partners/print_shop_files.py",
    "processors/partners/print_shop_photos.py",
}
#: What runs in a child; the parents' modules are everything else.
IN_THE_CHILD = {f"processors/artwork/{name}.py" for name in ("assets", "measure", "picture", "press", "preview")} | {
    "processors/inspection/job.py"
}
SYSTEM = ("events", "projections", "processors", "api", "infra")


def calls(path: Path) -> set[str]:
    """Names of what a module calls: `open_picture`, `Image.open` …"""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
    return found


def modules() -> list[tuple[str, Path]]:
    paths = [path for folder in SYSTEM for path in sorted((ROOT / folder).rglob("*.py"))]
    named = [(str(path.relative_to(ROOT)), path) for path in paths]
    return [(name, path) for name, path in named if not name.startswith("infra/benchmarks/")]


def test_one_module_opens_pictures() -> None:
    assert {name for name, path in modules() if "Image.open" in calls(path)} == OPENERS


def test_only_modules_of_the_child_use_it() -> None:
    assert {name for name, path in modules() if "open_picture" in calls(path)} <= IN_THE_CHILD


def test_a_check_and_a_render_decode_nothing_in_this_process(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, picture = simple_template(simple_area(300, 200)), encoded(noisy(300, 200))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a picture was opened outside the child processes")

    monkeypatch.setattr(Image, "open", refuse)

    assert check_artwork(pool, picture, None, template).verdict == "pass"
    assert render_line(pool, picture, None, template).print_png.startswith(b"\x89PNG")

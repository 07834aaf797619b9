"""What the render benchmark compares with: peers are found where they are, and said to be missing where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.benchmarks.render_routes import NOT_INSTALLED, peers


def program(folder: Path, name: str, says: str, exit_code: int = 0) -> None:
    script = folder / name
    script.write_text(f"#!/bin/sh\necho '{says}'\nexit {exit_code}\n")
    script.chmod(0o755)


def test_peers_that_are_not_there_are_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = peers()
    assert (found["sharp"], found["imagemagick"]) == (NOT_INSTALLED, NOT_INSTALLED)
    assert found["pillow"].startswith("Pillow ")


def test_a_program_of_the_same_name_is_not_taken_for_imagemagick(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "convert", "convert: ImageMagick is not here")
    program(tmp_path, "node", "Cannot find module sharp", exit_code=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = peers()
    assert (found["sharp"], found["imagemagick"]) == (NOT_INSTALLED, NOT_INSTALLED)


def test_peers_that_are_there_are_named_with_their_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "magick", "Version: ImageMagick 7.1.1-29 Q16 x86_64 https://imagemagick.org")
    program(tmp_path, "node", "0.35.5")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = peers()
    assert (found["sharp"], found["imagemagick"]) == ("sharp 0.35.5", "ImageMagick 7.1.1-29")

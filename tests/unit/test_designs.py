"""Designs of a store's own, as an operator names them: one an area, stored once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.commands.common import FileNotUsable
from infra.commands.store import DesignNamedTwice, _designs_in
from processors.uploads import UPLOAD_BYTES_MAX

PRODUCTION: Any = SimpleNamespace(profile="production")


def test_a_file_is_for_the_first_area_and_a_named_one_for_its_own(tmp_path: Path) -> None:
    front, back = tmp_path / "front.png", tmp_path / "back.png"
    front.write_bytes(b"front")
    back.write_bytes(b"back")
    assert _designs_in([str(front), f"back={back}"], PRODUCTION) == {"": b"front", "back": b"back"}


@pytest.mark.parametrize("names", [["back=nowhere.png"], ["nowhere.png"]])
def test_a_file_that_is_not_there_is_named(names: list[str]) -> None:
    with pytest.raises(FileNotUsable, match=r"nowhere\.png"):
        _designs_in(names, PRODUCTION)


def test_a_file_larger_than_any_upload_is_named_with_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    with file.open("wb") as large:
        large.truncate(UPLOAD_BYTES_MAX + 1)
    with pytest.raises(FileNotUsable, match=r"large\.png has more than"):
        _designs_in([str(file)], PRODUCTION)


def test_an_area_has_one_design(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"a")
    with pytest.raises(DesignNamedTwice, match="already"):
        _designs_in([f"back={file}", f"back={file}"], PRODUCTION)


def test_without_a_design_the_demo_draws_one_and_production_has_none() -> None:
    assert _designs_in([], PRODUCTION) == {}
    assert _designs_in([], SimpleNamespace(profile="demo"))[""].startswith(b"\x89PNG")  # type: ignore[arg-type]

"""Set-up names what is missing, and the registry's export is read with care."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from infra import registry_export
from infra.registry_export import ExportUnreadable, read_export
from infra.stack.install import ToolMissing, install
from infra.stack.tools import NotSetUp, Tools


def archive(**entries: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in entries.items():
            made.writestr(name.replace("__", "/").replace("_dot_", "."), text)
    return buffer.getvalue()


VERSION = {"artifactId": "topic-a.B", "contentId": 7, "groupId": None}
WHOLE = {
    "content__abc_dot_Content_dot_json": json.dumps({"contentId": 7}),
    "content__abc_dot_Content_dot_data": '"string"',
    "versions__1_dot_ArtifactVersion_dot_json": json.dumps(VERSION),
}


def test_a_missing_program_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"mvn: apt-get install .*maven"):
        install(tmp_path / "stack")


def test_a_part_that_is_given_by_address_needs_no_program(tmp_path: Path) -> None:
    tools = Tools(tmp_path)
    tools.check(frozenset({"postgres", "smtp"}))
    with pytest.raises(NotSetUp, match="versitygw"):
        tools.check(frozenset({"s3"}))


def test_an_export_says_which_subject_has_which_schema() -> None:
    assert read_export(archive(**WHOLE)) == {"topic-a.B": {7: '"string"'}}


def test_subjects_of_other_groups_are_not_ours() -> None:
    elsewhere = WHOLE | {"versions__1_dot_ArtifactVersion_dot_json": json.dumps(VERSION | {"groupId": "theirs"})}
    assert read_export(archive(**elsewhere)) == {}


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not an archive",
        archive(**{name: text for name, text in WHOLE.items() if "data" not in name}),
        archive(**(WHOLE | {"versions__1_dot_ArtifactVersion_dot_json": "{"})),
        archive(**(WHOLE | {"versions__1_dot_ArtifactVersion_dot_json": json.dumps(VERSION | {"contentId": 8})})),
    ],
    ids=["empty", "other bytes", "content without text", "broken document", "version without content"],
)
def test_an_export_of_another_kind_is_named(broken: bytes) -> None:
    with pytest.raises(ExportUnreadable):
        read_export(broken)


def test_an_export_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_export, "UNPACKED_BYTES_MAX", 10)
    with pytest.raises(ExportUnreadable):
        read_export(archive(**WHOLE))

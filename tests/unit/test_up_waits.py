"""How long `up --detach` and `down` wait: as long as the system that they wait for does."""

from __future__ import annotations

import pytest

from infra.commands.up import seconds_given
from infra.settings import Settings

NAME = "start_seconds_max"
DEFAULT = Settings.model_fields[NAME].default


def test_a_time_that_the_environment_gives_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME.upper(), "240")
    assert seconds_given(NAME) == 240.0


def test_without_one_the_default_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME.upper(), raising=False)
    assert seconds_given(NAME) == DEFAULT


def test_what_cannot_be_read_is_left_to_the_started_process_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME.upper(), "soon")
    assert seconds_given(NAME) == DEFAULT

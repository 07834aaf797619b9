"""`printledger dlq` as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from infra.settings import Settings
from tests.integration.command_line import typed
from tests.integration.ledger_bed import Bed
from tests.integration.test_dead_letters import INTAKE, a_record, bury, listed, replayed

pytestmark = pytest.mark.stack

RED = "\x1b[31m"


@pytest.fixture
def letters(make_bed: Callable[..., Bed]) -> Settings:
    """The settings of topics with three dead letters of one stream."""
    settings = make_bed("orders").settings
    bury(settings, *(a_record(offset=number, key=f"{RED}k-{number}".encode()) for number in range(3)))
    return settings


def test_the_list_names_topic_and_reason_and_never_what_a_letter_holds(letters: Settings) -> None:
    done = typed(letters, "dlq", "list", "--limit", "2")
    assert done.exit_code == 0, done.output
    assert INTAKE in done.output
    assert "NotThisWork" in done.output
    assert "Dead letters: 3, not replayed: 3; the newest 2 are shown." in done.output
    assert "Ann Example" not in done.output
    assert [letter["source_offset"] for letter in listed(letters, "--limit", "2")] == [1, 2]


def test_a_letter_is_shown_with_reason_and_headers_and_cannot_steer_the_terminal(letters: Settings) -> None:
    (last,) = listed(letters, "--limit", "1")
    done = typed(letters, "dlq", "show", f"dlq.{INTAKE}", str(last["offset"]))
    assert done.exit_code == 0, done.output
    assert "NotThisWork: The record on this work topic" in done.output
    assert "header ce_id: c-1" in done.output
    assert "not replayed" in done.output
    assert "Ann Example" not in done.output
    assert RED not in done.output
    told = json.loads(typed(letters, "dlq", "show", INTAKE, str(last["offset"]), "--json").stdout)
    assert told["letter"] == last
    assert told["headers"] == [["ce_id", "c-1"]]


def test_a_dry_run_sends_nothing_and_a_limit_leaves_the_rest_for_the_next_time(letters: Settings) -> None:
    tried = typed(letters, "dlq", "replay", "--all", "--dry-run")
    assert "Would be sent again: 3 of 3, replayed before: 0." in tried.output
    first = typed(letters, "dlq", "replay", "--topic", INTAKE, "--limit", "2")
    assert "Sent again: 2 of 3, replayed before: 0.\nLeft: 1." in first.output
    report = replayed(letters, "--since", "2020-01-01")
    assert (report["replayed"], report["replayed_before"], report["left"]) == (1, 2, 0)
    assert replayed(letters, "--since", "2126-01-01")["chosen"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("replay",), "Say which letters are meant"),
        (("replay", "--all", "--reason", "NotFramed"), "Say which letters are meant"),
        (("replay", "--offset", "0"), "--offset with its --topic"),
        (("replay", "--topic", "nowhere", "--dry-run"), "nowhere: No dead letters are kept"),
        (("list", "--topic", "nowhere"), "nowhere: No dead letters are kept"),
        (("list", "--since", "yesterday"), "yesterday: A time is a date"),
        (("show", INTAKE, "99"), f"{INTAKE} 99: There is no dead letter"),
    ],
)
def test_what_is_not_meant_clearly_is_refused_in_words(
    letters: Settings, arguments: tuple[str, ...], says: str
) -> None:
    done = typed(letters, "dlq", *arguments)
    assert done.exit_code == 1
    assert says in str(done.exception)

"""Parts of the stack start, answer, end and are named when they end by themselves. With the two quickest parts."""

from __future__ import annotations

import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from infra import lock
from infra.child import Child, Command
from infra.files import write_whole
from infra.ports import accepts, is_free
from infra.processes import AppProcess
from infra.settings import Settings, prepare_test
from infra.stack.part import Part
from infra.stack.runner import PartEnded, PartNotReady, PortTaken, Stack
from infra.stack.small_parts import s3_part, smtp_part
from infra.stack.tools import NotSetUp, Tools
from infra.supervisor import FIRST_WAIT_SECONDS, STEADY_SECONDS, Kept, Supervisor
from infra.system_state import read_state
from tests.support import wait_until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepare_test(tmp_path / "data", start_seconds_max=30)


@pytest.fixture
def stack(settings: Settings) -> Iterator[Stack]:
    tools = Tools(settings.stack_dir)
    made = Stack(settings, [s3_part(settings, tools), smtp_part(settings, tools)])
    yield made
    made.stop()


#: Where nothing runs, `printledger status` says so and ends with an exit code of its own.
ENDS_AT_ONCE = AppProcess(name="brief", arguments=("status",))


def failing_part(script: str, answers: Callable[[], bool] = lambda: False) -> Part:
    return Part(
        name="failing",
        command=lambda: Command(name="failing", argv=(sys.executable, "-c", script)),
        answers=answers,
        address="nowhere",
    )


def test_parts_answer_after_the_start_and_leave_their_ports_after_the_stop(stack: Stack, settings: Settings) -> None:
    stack.start()
    assert httpx.get(settings.s3_endpoint_url + "/health").is_success
    assert accepts(settings.smtp_port)
    assert set(stack.ready_seconds) == {"s3", "smtp"}
    stack.stop()
    assert is_free(settings.s3_port)
    assert is_free(settings.smtp_port)


def test_a_stack_starts_again_in_the_same_folder_with_what_was_there(stack: Stack, settings: Settings) -> None:
    stack.start()
    write_whole(settings.mail_dir / "kept.eml", "kept")
    stack.stop()
    stack.start()
    assert (settings.mail_dir / "kept.eml").read_text() == "kept"


def test_a_mail_is_kept_with_its_envelope(stack: Stack, settings: Settings) -> None:
    stack.start()
    mail = EmailMessage()
    mail["Subject"], mail["To"], mail["From"] = "Your proof", "Shown <shown@example.org>", "shop@example.org"
    mail.set_content("Please look at it.")
    with smtplib.SMTP("127.0.0.1", settings.smtp_port, timeout=10) as client:
        client.send_message(mail, from_addr="shop@example.org", to_addrs=["real@example.org"])
    (kept,) = settings.mail_dir.glob("*.eml")
    assert "X-Envelope-To: real@example.org" in kept.read_text()
    assert "Subject: Your proof" in kept.read_text()


def test_a_part_that_is_killed_is_noticed(stack: Stack) -> None:
    stack.start()
    assert stack.ended() is None
    stack.children["s3"].kill()
    ended = stack.ended()
    assert ended is not None
    assert ended.ending().startswith("s3 was ended by SIGKILL. ")


def test_a_part_that_ends_during_the_start_is_named_with_its_last_words(settings: Settings) -> None:
    stack = Stack(settings, [failing_part("print('the disk is full'); raise SystemExit(9)")])
    with pytest.raises(PartEnded, match=r"(?s)failing ended with exit code 9.*failing\.log.*the disk is full"):
        stack.start()


def test_a_part_that_never_answers_is_named_and_all_others_are_stopped(settings: Settings) -> None:
    quick = settings.model_copy(update={"start_seconds_max": 10.0})
    smtp = smtp_part(quick, Tools(quick.stack_dir))
    stack = Stack(quick, [smtp, failing_part("import signal; print('waiting', flush=True); signal.pause()")])
    with pytest.raises(PartNotReady, match=r"(?s)failing \(nowhere\) did not answer within 10 seconds.*waiting"):
        stack.start()
    assert is_free(quick.smtp_port)


def test_a_port_that_is_taken_is_named_with_its_setting(
    stack: Stack, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.start()
    monkeypatch.setattr("infra.stack.runner.LEFTOVER_SECONDS", 0.1)
    second = Stack(settings, [smtp_part(settings, Tools(settings.stack_dir))])
    with pytest.raises(PortTaken, match=f"SMTP_PORT={settings.smtp_port}"):
        second.start()
    assert accepts(settings.smtp_port)


def test_a_stack_that_was_not_set_up_says_which_command_does(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match="make setup"):
        Tools(tmp_path).check(frozenset({"s3"}))


def test_a_child_ends_when_the_process_that_started_it_is_killed(settings: Settings) -> None:
    script = (
        "import sys, signal; from pathlib import Path; from infra.child import *;"
        f"Child(Command(name='smtp', argv=(sys.executable, '-m', 'infra.stack.mail', '{settings.smtp_port}',"
        f" '{settings.mail_dir}')), Path('{settings.logs_dir}/smtp.log')); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        wait_until(lambda: accepts(settings.smtp_port), what="the mail server's port")
        parent.kill()
    wait_until(lambda: is_free(settings.smtp_port), what="the end of the mail server")


def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    child = Child(Command(name="stubborn", argv=(sys.executable, "-c", stubborn)), tmp_path / "stubborn.log")
    wait_until(lambda: "up" in child.log.read_text())
    child.stop(timeout_seconds=0.2)
    assert child.exit_code == -signal.SIGKILL


def test_only_one_system_runs_in_a_folder(tmp_path: Path) -> None:
    assert lock.holder(tmp_path) is None
    with lock.held(tmp_path):
        assert lock.holder(tmp_path) is not None
        with pytest.raises(lock.AlreadyRunning, match="printledger down"), lock.held(tmp_path):
            pytest.fail("two systems hold one folder")
    assert lock.holder(tmp_path) is None


def test_a_process_that_ends_is_started_again_after_a_wait_that_grows(settings: Settings) -> None:
    kept = Kept(ENDS_AT_ONCE, settings)
    now, waits = 100.0, []
    for _ in range(3):
        kept.tick(now)
        first = kept.child
        assert first is not None
        wait_until(lambda child=first: child.exit_code is not None)  # type: ignore[misc]
        kept.tick(now)
        assert kept.state().state == "waiting"
        assert kept.start_at is not None
        waits.append(kept.start_at - now)
        now = kept.start_at
    assert waits == [FIRST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2, FIRST_WAIT_SECONDS * 4]
    assert kept.state().restarts == 3
    assert kept.state().last_exit == "ended with exit code 3"
    assert "printledger is not running" in kept.log.read_text()


def test_a_process_that_ran_long_enough_is_started_again_at_once_as_if_it_were_new(settings: Settings) -> None:
    kept = Kept(ENDS_AT_ONCE, settings)
    now = 100.0
    for _ in range(2):
        kept.tick(now)
        child = kept.child
        assert child is not None
        wait_until(lambda child=child: child.exit_code is not None)  # type: ignore[misc]
        now += STEADY_SECONDS
        kept.tick(now)
        assert kept.start_at == now + FIRST_WAIT_SECONDS
        now = kept.start_at


def test_the_system_stops_and_says_why_when_a_part_ends_by_itself(stack: Stack, settings: Settings) -> None:
    heard: list[str] = []

    def tell(text: str) -> None:
        heard.append(text)
        if "is running" in text:
            stack.children["smtp"].signal(signal.SIGKILL)

    with pytest.raises(PartEnded, match=r"smtp was ended by SIGKILL.*smtp\.log"):
        Supervisor(settings, stack, (), tell=tell).run()
    state = read_state(settings.data_dir)
    assert state is not None
    assert state.state == "failed"
    assert "smtp was ended by SIGKILL" in (state.error or "")
    assert is_free(settings.s3_port)


def test_the_system_ends_with_the_process_that_it_was_started_for(stack: Stack, settings: Settings) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as watched:

        def tell(text: str) -> None:
            if "is running" in text:
                watched.kill()

        Supervisor(settings, stack, (), tell=tell, until_pid=watched.pid).run()
    state = read_state(settings.data_dir)
    assert state is not None
    assert state.state == "stopped"

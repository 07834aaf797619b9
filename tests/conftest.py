"""The embedded stack for tests: started once for a run, with topics, database and bucket of its own for each test.

`PRINTLEDGER_TEST_STACK=FOLDER` uses a stack that runs already (`printledger up --parts-only --auto-ports --profile
test --detach --data FOLDER`), so that single tests start at once while one works on them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

import projections
from infra import kafka
from infra.commands.up import end
from infra.lock import holder
from infra.postgres import connect, database_url_for, ensure_database, ensure_schema
from infra.s3 import Bucket, ensure_bucket, s3_client
from infra.settings import OWNER_ROLE, Settings, load
from infra.stack.postgres_part import admin_url
from infra.topics import ensure_topics

START_SECONDS_MAX = 180
OWN_FOLDER = "printledger-tests-"
STACK = "stack"
PROJECTIONS = Path(projections.__file__).parent

# The same examples in every run, and no clock beside them, so that a change that did not touch a rule cannot fail on it
# by chance. `EXPLORE=1` looks for new ones; what it finds becomes an example of its test.
hypothesis_settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("default" if os.environ.get("EXPLORE") else "same")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder of its own.

    By default all runs of a user lie in one folder, whose rights each new run sets back to the user alone. PostgreSQL,
    which has a user of its own where root runs the tests, would lose its data under a run that is still going.
    """
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix=OWN_FOLDER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules of slow tests, so that no worker is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove what a good run left; a run that failed keeps its files for whoever looks into it."""
    folder = Path(session.config.option.basetemp)
    is_worker = hasattr(session.config, "workerinput")
    if is_worker or not folder.name.startswith(OWN_FOLDER) or exitstatus != pytest.ExitCode.OK:
        return
    if holder(folder / STACK) is not None:
        end(folder / STACK)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Settings]:
    """The running stack's settings. It ends with the run, also where the run is killed."""
    if given := os.environ.get("PRINTLEDGER_TEST_STACK"):
        yield load(Path(given))
        return
    is_alone = worker_id == "master"
    base = tmp_path_factory.getbasetemp()
    folder = (base if is_alone else base.parent) / STACK
    # Workers of one run share a stack; it watches the process that started them all.
    run_pid = os.getpid() if is_alone else os.getppid()
    with _one_at_a_time(folder.with_suffix(".lock")):
        if holder(folder) is None:
            start_stack(folder, until_pid=run_pid)
    yield load(folder)
    if is_alone:
        end(folder)


def start_stack(folder: Path, until_pid: int) -> None:
    """Start a stack in a process of its own, as a person would; fails with what it said."""
    command = (
        *(sys.executable, "-m", "infra.cli", "up", "--detach", "--parts-only", "--auto-ports"),
        *("--profile", "test", "--until-pid", str(until_pid), "--data", str(folder)),
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS_MAX, check=False)
    if done.returncode != 0:
        pytest.exit(f"The test stack did not start.\n{done.stdout}{done.stderr}", returncode=3)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def unique() -> str:
    """A word that no other test has, fit for names of topics, databases and buckets."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def settings(stack: Settings, unique: str, request: pytest.FixtureRequest) -> Settings:
    """The stack's settings with a topic prefix, a database and a bucket that are this test's alone.

    The names are there; what they name is made by the fixtures `topics`, `database_url` and `bucket`.
    """
    return stack.model_copy(
        update={
            "topic_prefix": f"{unique}.",
            "database_url": database_url_for(stack.database_url, unique),
            "database_app_url": database_url_for(stack.database_app_url, unique),
            "s3_bucket": f"{unique}-files",
        }
    )


@pytest.fixture
def topics(settings: Settings) -> Iterator[Callable[[str], str]]:
    """Every topic of topics.yaml under this test's prefix; call it with a topic's name to get the prefixed one."""
    admin = kafka.admin(settings)
    made = ensure_topics(admin, settings)
    yield lambda name: settings.topic_prefix + name
    for outcome in admin.delete_topics(made, operation_timeout=30).values():
        outcome.result(timeout=30)


@pytest.fixture
def make_topic(stack: Settings, unique: str) -> Iterator[Callable[..., str]]:
    """A factory of single topics: `make_topic("orders", partitions=4)` returns the new topic's name."""
    admin = kafka.admin(stack)
    made: list[str] = []

    def make(name: str = "topic", partitions: int = 1, **config: str) -> str:
        topic = f"{unique}.{name}"
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
        admin.create_topics([new], operation_timeout=30)[topic].result(timeout=30)
        kafka.wait_until_led(admin, {topic: partitions})
        made.append(topic)
        return topic

    yield make
    if made:
        for outcome in admin.delete_topics(made, operation_timeout=30).values():
            outcome.result(timeout=30)


@pytest.fixture(scope="session")
def template_database(stack: Settings) -> str:
    """A database with every migration applied, copied for each test; nobody stays connected to it."""
    # A stack that runs already may hold the tables of an earlier state of the code: each state has its own template.
    tables = b"".join(path.read_bytes() for path in sorted(PROJECTIONS.rglob("*")) if path.suffix in (".sql", ".py"))
    template = f"printledger_template_{hashlib.sha256(tables).hexdigest()[:12]}"
    with _one_at_a_time(stack.data_dir / "template.lock"):
        ensure_database(admin_url(stack), template)
        ensure_schema(database_url_for(stack.database_url, template))
    return template


@pytest.fixture
def database_url(settings: Settings, template_database: str, unique: str) -> Iterator[str]:
    """The URL, as the owner, of a fresh database with the project's tables; `settings` names it too."""
    admin = admin_url(settings)
    name, template, owner = (sql.Identifier(word) for word in (unique, template_database, OWNER_ROLE))
    with connect(admin) as connection:
        connection.autocommit = True
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(name, template, owner)
        connection.execute(made)
    yield settings.database_url
    with connect(admin) as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def bucket(settings: Settings) -> Bucket:
    """A fresh bucket with versions; `settings` names it too."""
    client = s3_client(settings)
    ensure_bucket(client, settings.s3_bucket)
    return Bucket(client, settings.s3_bucket)

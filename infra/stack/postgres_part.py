"""PostgreSQL on a unix socket: its cluster, its command line, and the roles, database and tables in it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import psycopg
import structlog

from infra.child import Command
from infra.files import socket_folder
from infra.postgres import ensure_database, ensure_schema
from infra.settings import Settings
from infra.stack.part import Part
from infra.stack.tools import Tools
from processors.ports import NamedError

SUPERUSER = "postgres"
#: PostgreSQL refuses to run as root; then it runs as this system user, which owns nothing else.
SYSTEM_USER = "pgserver"
INITDB_SECONDS = 60
LEFTOVER_SECONDS = 10.0
POLL_SECONDS = 0.05
CONNECT_SECONDS = 2
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}

log = structlog.get_logger(__name__)


class DatabaseNotMade(NamedError):
    """PostgreSQL's initdb failed. Its words follow."""


class SocketFolderTaken(NamedError):
    """The folder for the database's socket belongs to somebody else. Use a data folder with a shorter path."""


def postgres_part(settings: Settings, tools: Tools) -> Part:
    """The database server, with the project's roles, database and tables."""
    folder = settings.data_dir / "postgres"
    embedded = "postgres" in settings.embedded
    return Part(
        name="postgres",
        address=settings.database_url,
        prepare=lambda: make_cluster(settings, tools, folder),
        command=(lambda: postgres_command(settings, tools, folder)) if embedded else None,
        answers=lambda: _answers(admin_url(settings) if embedded else settings.database_url),
        settle=lambda: _settle(settings),
    )


def admin_url(settings: Settings) -> str:
    """The embedded server's superuser, who may do everything and is used for roles and databases alone."""
    return f"postgresql://{SUPERUSER}@/postgres?host={socket_folder(settings.data_dir)}"


def system_user() -> str | None:
    """The user to run as; None for the one that we are."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def postgres_command(settings: Settings, tools: Tools, folder: Path) -> Command:
    """The server's command line. A test's database may lose its last second with the machine, so it does not sync."""
    configuration = CONFIGURATION | ({"fsync": "off", "full_page_writes": "off"} if settings.profile == "test" else {})
    return Command(
        name="postgres",
        argv=(
            str(tools.postgres_bin / "postgres"),
            *("-D", str(folder), "-k", str(socket_folder(settings.data_dir))),
            *(word for name, value in configuration.items() for word in ("-c", f"{name}={value}")),
        ),
        folder=folder,
        user=system_user(),
        # Fast shutdown: open transactions are rolled back, and nobody is waited for.
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
    )


def make_cluster(settings: Settings, tools: Tools, folder: Path) -> None:
    """Make the folders and an empty cluster where there is none."""
    user = system_user()
    sockets = socket_folder(settings.data_dir)
    for made in (folder, sockets):
        made.mkdir(parents=True, exist_ok=True)
    if user is None:
        if sockets.stat().st_uid != os.geteuid():
            raise SocketFolderTaken(f"{sockets}: {SocketFolderTaken.__doc__}")
    else:
        _let_user_in(user, folder, sockets, tools.postgres_bin / "postgres")
    if (folder / "PG_VERSION").exists():
        _await_leftover(folder)
        return
    # What an interrupted initdb left behind is not a cluster, and initdb refuses a folder that is not empty.
    for leftover in folder.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    initdb = (
        *(str(tools.postgres_bin / "initdb"), "-D", str(folder), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"),
        *("--auth=trust", *(("--no-sync",) if settings.profile == "test" else ())),
    )
    done = subprocess.run(
        initdb, capture_output=True, text=True, timeout=INITDB_SECONDS, user=user, cwd=folder, check=False
    )
    if done.returncode != 0:
        raise DatabaseNotMade(f"{DatabaseNotMade.__doc__}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _await_leftover(folder: Path) -> None:
    """Give a server of a system that was killed a moment ago the time to end; a new one would refuse the folder."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while time.monotonic() < deadline:
        try:
            pid = int((folder / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
            is_ours = Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "postgres"
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return
        if not is_ours:
            return
        time.sleep(POLL_SECONDS)


def _let_user_in(user: str, folder: Path, sockets: Path, program: Path) -> None:
    """As root: make the system user, give it its two folders, and the right to pass through those above them."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user], check=True)
        entry = pwd.getpwnam(user)
    for owned in (folder, sockets):
        if owned.stat().st_uid != entry.pw_uid:
            os.chown(owned, entry.pw_uid, entry.pw_gid)
        owned.chmod(0o700)
    for parent in {*folder.resolve().parents, *sockets.resolve().parents, *program.resolve().parents}:
        mode = stat.S_IMODE(parent.stat().st_mode)
        # The process keeps root's group, so in a folder of that group the group's right is the one that counts.
        to_pass = stat.S_IXOTH | stat.S_IXGRP
        if mode & to_pass != to_pass:
            # To pass through, not to list: what lies inside keeps its own rights.
            log.info("folder_opened_to_pass", folder=str(parent), user=user)
            parent.chmod(mode | to_pass)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError:
        return False
    return True


def _settle(settings: Settings) -> None:
    if "postgres" in settings.embedded:
        ensure_database(admin_url(settings))
    ensure_schema(settings.database_url)

"""Apicurio Registry on an H2 file: its command line, and the committed schemas in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from events.codec import committed_schemas
from infra.child import Command
from infra.ports import accepts
from infra.registry import Registry, RegistryAnswer, RegistryUnreachable, ensure_schemas
from infra.settings import LOOPBACK, Settings
from infra.stack.part import NotAnswering, Part
from infra.stack.tools import GENERATED_MAIN, Tools
from infra.urls import address_of

ANSWER_SECONDS = 5.0
#: H2 adds the ending to the name that its URL gives.
H2_NAME = "registry"
H2_FILE = f"{H2_NAME}.mv.db"


def registry_part(settings: Settings, tools: Tools) -> Part:
    """The registry on its loopback port, with every committed schema under its committed id."""
    folder = settings.data_dir / "registry"
    return Part(
        name="registry",
        address=address_of(settings.schema_registry_url).url,
        prepare=lambda: make_storage(tools, folder),
        command=(lambda: registry_command(settings, tools, folder)) if "registry" in settings.embedded else None,
        answers=lambda: _answers(settings),
        settle=lambda: _settle(settings),
    )


def make_storage(tools: Tools, folder: Path) -> None:
    """Make the folder; a new one begins with the schemas that set-up registered, where they are still the same."""
    folder.mkdir(parents=True, exist_ok=True)
    template = tools.registry_template()
    if not (folder / H2_FILE).exists() and template.exists():
        shutil.copyfile(template, folder / H2_FILE)


def registry_command(settings: Settings, tools: Tools, folder: Path) -> Command:
    """The registry's command line. It is asked seldom, so the quick compiler alone is enough and starts sooner."""
    properties = {
        "apicurio.storage.kind": "sql",
        "apicurio.storage.sql.kind": "h2",
        "apicurio.datasource.url": f"jdbc:h2:file:{folder / H2_NAME}",
        "quarkus.http.host": LOOPBACK,
        "quarkus.http.port": settings.registry_port,
        # Its management interface would listen on every address; 0 takes any free port.
        "quarkus.management.host": LOOPBACK,
        "quarkus.management.port": 0,
        "quarkus.otel.sdk.disabled": "true",
    }
    return Command(
        name="registry",
        argv=(
            str(tools.java),
            *("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"),
            *("--add-opens", "java.base/java.lang=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED"),
            *tools.aot_options("registry"),
            *(f"-D{name}={value}" for name, value in properties.items()),
            *("-cp", tools.registry_classpath(), GENERATED_MAIN),
        ),
        folder=folder,
    )


def _answers(settings: Settings) -> bool:
    if "registry" in settings.embedded and not accepts(settings.registry_port):
        return False
    try:
        with Registry(settings.schema_registry_url, ANSWER_SECONDS) as registry:
            registry.subjects()
    except (RegistryUnreachable, RegistryAnswer) as error:
        raise NotAnswering(str(error)) from error
    return True


def _settle(settings: Settings) -> None:
    with Registry(settings.schema_registry_url) as registry:
        ensure_schemas(registry, committed_schemas(), settings.tenants)

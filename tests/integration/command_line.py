"""Commands as an operator types them, on the topics, database and bucket that a test has for itself."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from infra.cli import build
from infra.settings import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """What tells a command to use what this test has for itself."""
    return {
        "DATABASE_URL": settings.database_url,
        "DATABASE_APP_URL": settings.database_app_url,
        "S3_BUCKET": settings.s3_bucket,
        "TOPIC_PREFIX": settings.topic_prefix,
    }


def typed(settings: Settings, *arguments: str, text: str | None = None) -> Result:
    """`printledger` with these arguments; `text` is what its standard input has."""
    runner = CliRunner(env=environment_of(settings))
    return runner.invoke(build(arguments), [*arguments, "--data", str(settings.data_dir)], input=text)

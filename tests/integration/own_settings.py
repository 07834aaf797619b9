"""Topics, database and bucket that one test module has for itself on the running stack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from infra import kafka
from infra.postgres import connect, database_url_for, ensure_database, ensure_schema
from infra.s3 import ensure_bucket, s3_client
from infra.settings import Settings
from infra.stack.postgres_part import admin_url
from infra.topics import ensure_topics


@contextmanager
def own_settings(
    stack: Settings, *, tenants: tuple[str, ...] = ("demo", "other"), with_topics: bool = True
) -> Iterator[Settings]:
    """The stack's settings under a prefix of its own; everything is removed at the end but the bucket."""
    unique = f"m{uuid.uuid4().hex[:12]}"
    settings = stack.model_copy(
        update={
            "topic_prefix": f"{unique}.",
            "tenants": tenants,
            "database_url": database_url_for(stack.database_url, unique),
            "database_app_url": database_url_for(stack.database_app_url, unique),
            "s3_bucket": f"{unique}-files",
        }
    )
    ensure_database(admin_url(stack), unique)
    ensure_schema(settings.database_url)
    ensure_bucket(s3_client(settings), settings.s3_bucket)
    admin = kafka.admin(settings)
    made = ensure_topics(admin, settings) if with_topics else []
    try:
        yield settings
    finally:
        for outcome in admin.delete_topics(made, operation_timeout=30).values() if made else ():
            outcome.result(timeout=30)
        with connect(admin_url(stack)) as connection:
            connection.autocommit = True
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(unique)))

"""The lifecycle rules (`lifecycle.yaml`): read, given to a store that applies such rules itself, and swept by us.

What depends on an order can only be swept by us; versions that are no longer the newest are left to the store where it
takes a lifecycle configuration. One sweep runs at a time, whoever starts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import structlog
import yaml
from botocore.exceptions import ClientError

from events.decoding import convert
from infra import intake, postgres
from infra.batch_tables import EndedBatches
from infra.inbound_tables import PostgresIdempotency
from infra.s3 import s3_client
from infra.settings import Settings
from processors.batching.desk import SHARED_TENANT
from processors.clock import now_ms
from processors.ports import NamedError
from processors.sweeper import Sweeper, SweepReport, SweepRule
from processors.timers import stopped_within
from projections.system_reader import SystemReads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import LifecycleRuleTypeDef

log = structlog.get_logger(__name__)

LIFECYCLE_RULE = "printledger-noncurrent"
SWEEP_LOCK = 0x7377_6570
#: A start has other things to do first.
FIRST_SWEEP_SECONDS = 60.0
HOUR_SECONDS = 3600.0

PositiveDays = Annotated[int, msgspec.Meta(ge=1, le=3650)]


class LifecycleInvalid(NamedError):
    """infra/lifecycle.yaml cannot be used as it stands. Mend what is named."""


class SweepRunning(NamedError):
    """Another sweep runs. Wait until it has ended."""


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole list."""

    rules: tuple[SweepRule, ...]
    noncurrent_days: PositiveDays
    idempotency_key_days: PositiveDays

    def __post_init__(self) -> None:
        """Refuse rules that would be told as one, and days that no rule may have."""
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("every rule needs a name of its own")
        for rule in self.rules:
            if rule.days != "forever" and not 1 <= rule.days <= 3650:
                raise ValueError(f"{rule.name}: days lie from 1 to 3650, or are forever")
            if not rule.keys or not all(key.startswith("<tenant>/") for key in rule.keys):
                raise ValueError(f"{rule.name}: every key begins with <tenant>/")


def lifecycle() -> Lifecycle:
    """The list as it stands in the file. Raises LifecycleInvalid."""
    text = files("infra").joinpath("lifecycle.yaml").read_text(encoding="utf-8")
    try:
        return convert(yaml.safe_load(text), Lifecycle)
    except (msgspec.ValidationError, ValueError, yaml.YAMLError) as error:
        raise LifecycleInvalid(f"{LifecycleInvalid.__doc__} {error}") from error


def give_to_store(client: S3Client, bucket: str, noncurrent_days: int) -> bool:
    """Let the store remove old versions itself, beside whatever other rules its operator has given it.

    False where it takes no such rules, so that the sweep has to.
    """
    ours: LifecycleRuleTypeDef = {
        "ID": LIFECYCLE_RULE,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_days},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    try:
        others = [rule for rule in _rules_of(client, bucket) if rule.get("ID") != LIFECYCLE_RULE]
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [*others, ours]})
        return any(rule.get("ID") == LIFECYCLE_RULE for rule in _rules_of(client, bucket))
    except ClientError as error:
        log.info("store_without_lifecycle", reason=str(error.response.get("Error", {}).get("Code", "")))
        return False


def _rules_of(client: S3Client, bucket: str) -> list[LifecycleRuleTypeDef]:
    """The rules that the store has now, in the form in which it takes them."""
    try:
        found = client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchLifecycleConfiguration":
            return []
        raise
    return [cast("LifecycleRuleTypeDef", rule) for rule in found]


@dataclass(frozen=True)
class Housekeeping:
    """Everything that ends with time: objects, keys of raw input, idempotency keys. Calls block."""

    settings: Settings
    pool: intake.Pool
    now_ms: Callable[[], int] = now_ms
    first_after_seconds: float = FIRST_SWEEP_SECONDS

    def sweep(self, *, dry_run: bool = False) -> SweepReport:
        """One sweep over all tenants. Raises SweepRunning where another one runs."""
        rules, settings = lifecycle(), self.settings
        client = s3_client(settings)
        report = SweepReport(dry_run=dry_run)
        with self.alone():
            is_stores = not dry_run and give_to_store(client, settings.s3_bucket, rules.noncurrent_days)
            sweeper = Sweeper(
                objects=intake.bucket(settings),
                orders=SystemReads(self.pool),
                rules=rules.rules,
                noncurrent_days=None if is_stores else rules.noncurrent_days,
            )
            for tenant in settings.tenants:
                sweeper.sweep(tenant, self.now_ms(), report)
            # What the tenants share belongs to batches, where theirs belongs to orders.
            of_batches = replace(sweeper, orders=EndedBatches(self.pool))
            of_batches.sweep(SHARED_TENANT, self.now_ms(), report)
            if not dry_run:
                report.daily_keys_ended = intake.vault(settings, self.pool, self.now_ms).end_daily_keys()
                keys = PostgresIdempotency(self.pool)
                report.idempotency_keys_ended = sum(
                    keys.expire(tenant, rules.idempotency_key_days) for tenant in settings.tenants
                )
        return report

    async def run(self, stop: asyncio.Event, outages: tuple[type[BaseException], ...]) -> None:
        """Sweep every few hours, until `stop` is set; what is away is tried again at the next time."""
        wait_seconds = self.first_after_seconds
        while not await stopped_within(stop, wait_seconds):
            wait_seconds = self.settings.sweep_every_hours * HOUR_SECONDS
            try:
                report = await asyncio.to_thread(self.sweep)
                log.info("swept", report=msgspec.to_builtins(report))
            except SweepRunning:
                log.info("sweep_left_to_another")
            except outages as outage:
                log.warning("sweep_put_off", reason=str(outage)[:500])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the sweep's lock for as long as this connection lives."""
        with postgres.connect(self.settings.database_url) as connection:
            connection.autocommit = True
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (SWEEP_LOCK,)).fetchone()
            if row is None or not row[0]:
                raise SweepRunning
            yield

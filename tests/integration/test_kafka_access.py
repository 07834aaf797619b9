"""A cluster that asks who comes: every kind of client is let in, and whoever is not is told why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from events.order.commands import ReportRoutingFailed
from events.order.facts import RoutingRequested
from infra import kafka
from infra.settings import Settings
from infra.stack.kafka_part import kafka_part
from infra.stack.tools import Tools
from infra.topics import TopicNotMade, ensure_topics
from tests.integration.secure_broker import PASSWORD, SecureBroker, issue, secure_broker
from tests.integration.worker_bench import Workbench

pytestmark = pytest.mark.stack

ORDER = "0c4b5f6e-2222-5222-8222-222222222222"
ANSWER_SECONDS = 5.0
REFUSAL_SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    with secure_broker(tmp_path_factory.mktemp("secure") / "broker") as running:
        yield running


def with_access(settings: Settings, access: dict[str, Any]) -> Settings:
    """The settings with this access, checked as they are where a process reads them."""
    hidden = {name: SecretStr(value) if name.endswith("password") else value for name, value in access.items()}
    return settings.model_copy(update=hidden)


@pytest.fixture
def secured(settings: Settings, broker: SecureBroker) -> Callable[..., Settings]:
    broker.grant(settings.topic_prefix)
    return lambda **changes: with_access(settings, broker.access(**changes))


def written_and_read(settings: Settings) -> bytes | None:
    """One record through a topic of the system, in a transaction, as a consumer of committed records sees it."""
    ensure_topics(kafka.admin(settings), settings)
    topic = f"{settings.topic_prefix}pod.orders.status.v1"
    producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}writer")
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, key=b"key", value=b"value")
    producer.commit_transaction(30)
    consumer = kafka.consumer(settings, f"{settings.topic_prefix}reader")
    try:
        consumer.subscribe([topic])
        (message,) = consumer.consume(1, 30)
        assert message.error() is None
        value = message.value()
        return value if isinstance(value, bytes) else None
    finally:
        consumer.close()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_clients_are_let_in_by_password(secured: Callable[..., Settings], mechanism: str) -> None:
    assert written_and_read(secured(kafka_sasl_mechanism=mechanism)) == b"value"


def test_clients_are_let_in_by_certificate(settings: Settings, broker: SecureBroker) -> None:
    broker.grant(settings.topic_prefix)
    assert written_and_read(with_access(settings, broker.certificate_access())) == b"value"


def test_a_worker_started_with_the_settings_in_its_environment_does_its_work(
    secured: Callable[..., Settings], broker: SecureBroker, database_url: str
) -> None:
    settings = secured()
    ensure_topics(kafka.admin(settings), settings)
    bench = Workbench(settings)
    bench.make_read_models()
    bench.ask(routing_requested(), order_id=ORDER)
    environment = {name.upper(): str(value) for name, value in broker.access().items()}

    with bench.worker("route", environment=environment):
        (report,) = bench.wait_for_reports(1, 140)

    assert isinstance(report.command, ReportRoutingFailed)


def test_what_was_not_granted_is_refused_by_name(settings: Settings, broker: SecureBroker) -> None:
    with pytest.raises(TopicNotMade, match="Authorization failed"):
        ensure_topics(kafka.admin(with_access(settings, broker.access())), with_access(settings, broker.access()))


def test_a_wrong_password_is_named_at_once(secured: Callable[..., Settings]) -> None:
    settings = secured(kafka_sasl_password="not the password")
    began = time.monotonic()
    with pytest.raises(kafka.KafkaRefused, match=r"KAFKA_SASL_.*[Aa]uthentication failed") as refused:
        kafka.wait_until_ready(settings, REFUSAL_SECONDS_MAX)
    assert time.monotonic() - began < REFUSAL_SECONDS_MAX, "it did not wait until the time was over"
    assert "not the password" not in str(refused.value)


def test_a_broker_of_an_unknown_authority_is_not_trusted(secured: Callable[..., Settings], tmp_path: Path) -> None:
    settings = secured(kafka_ca_file=issue(tmp_path, "stranger").certificate_file)
    with pytest.raises(kafka.KafkaRefused, match=r"KAFKA_CA_FILE.*certificate"):
        kafka.wait_until_ready(settings, REFUSAL_SECONDS_MAX)


def test_a_client_that_speaks_no_tls_is_told_which_setting_to_look_at(settings: Settings, broker: SecureBroker) -> None:
    plain = settings.model_copy(update={"kafka_bootstrap_servers": broker.by_password})
    with pytest.raises(kafka.KafkaUnreachable, match="KAFKA_SECURITY_PROTOCOL"):
        kafka.wait_until_ready(plain, ANSWER_SECONDS)


def test_the_stack_starts_beside_a_cluster_of_ones_own(secured: Callable[..., Settings]) -> None:
    settings = secured()
    part = kafka_part(settings.model_copy(update={"embedded": frozenset()}), Tools(settings.stack_dir))
    assert part.command is None
    assert part.answers()
    part.settle()
    part.settle()


def test_the_password_does_not_show_in_a_printed_settings_object(secured: Callable[..., Settings]) -> None:
    assert PASSWORD not in repr(secured())


def routing_requested() -> RoutingRequested:
    return RoutingRequested(
        effect_key=f"{1:032x}",
        request_id=f"{1:032x}.1",
        attempt=1,
        due_at=4_000_000_000_000,
        line_id="1",
        run=1,
        units=(1,),
        variant_id="no-such-variant",
        country="US",
        region="NY",
        postal_prefix="100",
        priority="standard",
    )

"""The settings of a cluster that asks who comes: what must be given together, and what is refused."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import faust
import pytest

from infra.faust_access import faust_access
from infra.settings import Settings, SettingsInvalid, prepare
from infra.topics import topics

BY_PASSWORD: dict[str, Any] = {
    "kafka_bootstrap_servers": "kafka.example:9093",
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_username": "printledger",
    "kafka_sasl_password": "a password of this test",
}


def secured(folder: Path, **changes: Any) -> Settings:
    return prepare(folder, **(BY_PASSWORD | changes))


def test_the_embedded_broker_asks_nobody(tmp_path: Path) -> None:
    settings = prepare(tmp_path)
    assert settings.librdkafka_access() == {}
    assert faust_access(settings) is None


def test_both_kinds_of_clients_are_told_the_same(tmp_path: Path) -> None:
    settings = secured(tmp_path, kafka_sasl_mechanism="SCRAM-SHA-256")
    assert settings.librdkafka_access() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "printledger",
        "sasl.password": "a password of this test",
    }
    credentials = faust_access(settings)
    assert isinstance(credentials, faust.SASLCredentials)
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-256"
    assert (credentials.username, credentials.password) == ("printledger", "a password of this test")
    assert credentials.ssl_context is not None
    assert credentials.ssl_context.verify_mode == ssl.CERT_REQUIRED
    assert credentials.ssl_context.check_hostname


def test_names_may_be_written_in_lower_case(tmp_path: Path) -> None:
    settings = secured(tmp_path, kafka_security_protocol="sasl_ssl", kafka_sasl_mechanism="scram-sha-512")
    assert settings.librdkafka_access()["sasl.mechanism"] == "SCRAM-SHA-512"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kafka_bootstrap_servers": ""}, "give kafka_bootstrap_servers too"),
        ({"kafka_sasl_password": ""}, "needs kafka_sasl_username and kafka_sasl_password"),
        ({"kafka_security_protocol": "SSL"}, "are not used with kafka_security_protocol SSL"),
        ({"kafka_certificate_file": __file__}, "go together"),
        ({"kafka_ca_file": "/nowhere/ca.pem"}, "KAFKA_CA_FILE"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_ca_file": __file__}, "choose SSL or SASL_SSL"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN"}, "would show the password"),
        ({"kafka_sasl_mechanism": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsInvalid, match=told) as refused:
        secured(tmp_path, **changes)
    assert "a password of this test" not in str(refused.value)


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_where_one_of_three_brokers_may_fail_two_must_hold_a_record(
    tmp_path: Path, replicas: int, in_sync: str | None
) -> None:
    settings = secured(tmp_path, topic_replication_factor=replicas)
    assert {topic.config(settings).get("min.insync.replicas") for topic in topics(settings)} == {in_sync}

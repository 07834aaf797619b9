"""A real broker that asks who comes, by password over TLS on one port and by certificate on another, and that lets
everyone do only what was granted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from infra import kafka
from infra.child import Child
from infra.ports import free_ports
from infra.settings import LOOPBACK, Settings, prepare_test
from infra.stack.kafka_part import kafka_command, kafka_part, server_properties
from infra.stack.tools import Tools
from tests.support import wait_until

USERNAME = "printledger"
PASSWORD = "a password of this test"
START_SECONDS_MAX = 60.0
#: Whom the broker takes a client for: the user of the password, and the name in the certificate.
PRINCIPALS = (f"User:{USERNAME}", "User:CN=client")
#: What the README says a user of one's own cluster needs.
RIGHTS = {
    ResourceType.TOPIC: (
        *(AclOperation.CREATE, AclOperation.DESCRIBE, AclOperation.READ, AclOperation.WRITE),
        *(AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS),
    ),
    ResourceType.GROUP: (AclOperation.READ,),
    ResourceType.TRANSACTIONAL_ID: (AclOperation.WRITE,),
}
#: RFC 5802 asks for at least so many rounds.
SCRAM_ROUNDS = 4096
JAAS = "org.apache.kafka.common.security"


class Issued(NamedTuple):
    """A certificate and its key, in memory and as PEM files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    certificate_file: Path
    key_file: Path


class SecureBroker(NamedTuple):
    """Where it listens, and what a client has to show."""

    by_password: str
    by_certificate: str
    ca: Issued
    client: Issued
    #: The way in of whoever runs the cluster.
    operator: Settings

    def grant(self, *beginnings: str) -> None:
        """Let printledger use the topics, groups and transactional ids whose names begin so."""
        admin = kafka.admin(self.operator)
        bindings = [
            AclBinding(
                kind, beginning, ResourcePatternType.PREFIXED, principal, "*", operation, AclPermissionType.ALLOW
            )
            for principal in PRINCIPALS
            for kind, operations in RIGHTS.items()
            for operation in operations
            for beginning in beginnings
        ]
        for outcome in admin.create_acls(bindings).values():
            outcome.result(timeout=30)

    def access(self, **changes: Any) -> dict[str, Any]:
        """The settings that let a client in by password."""
        return {
            "kafka_bootstrap_servers": self.by_password,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_username": USERNAME,
            "kafka_sasl_password": PASSWORD,
            "kafka_ca_file": self.ca.certificate_file,
        } | changes

    def certificate_access(self) -> dict[str, Any]:
        """The settings that let a client in by certificate."""
        return {
            "kafka_bootstrap_servers": self.by_certificate,
            "kafka_security_protocol": "SSL",
            "kafka_ca_file": self.ca.certificate_file,
            "kafka_certificate_file": self.client.certificate_file,
            "kafka_key_file": self.client.key_file,
        }


@contextmanager
def secure_broker(folder: Path) -> Iterator[SecureBroker]:
    """Start it, make its user known, end it."""
    folder.mkdir()
    ca = issue(folder, "authority")
    server, client = issue(folder, "broker", ca), issue(folder, "client", ca)
    settings = prepare_test(folder / "data")
    password_port, certificate_port = free_ports(2)
    tools, home = Tools(settings.stack_dir), settings.data_dir / "kafka"
    kafka_part(settings, tools).prepare()
    properties = server_properties(settings, home / "storage") | _listeners(
        settings, password_port, certificate_port, _keystore(folder, server), ca.certificate_file
    )
    (home / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    child = Child(kafka_command(settings, tools, home), settings.logs_dir / "kafka.log")
    try:
        wait_until(lambda: _answers(settings, child), START_SECONDS_MAX, "the broker's first answer")
        _make_user_known(settings)
        yield SecureBroker(f"{LOOPBACK}:{password_port}", f"{LOOPBACK}:{certificate_port}", ca, client, settings)
    finally:
        child.stop(20)


def issue(folder: Path, name: str, by: Issued | None = None) -> Issued:
    """A certificate for this machine, signed by `by`; an authority of its own without."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
    )
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    issued = Issued(certificate, key, folder / f"{name}.crt", folder / f"{name}.key")
    issued.certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    issued.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return issued


def _keystore(folder: Path, server: Issued) -> Path:
    keystore = folder / "keystore.pem"
    keystore.write_bytes(server.key_file.read_bytes() + server.certificate_file.read_bytes())
    return keystore


def _listeners(
    settings: Settings, password_port: int, certificate_port: int, keystore: Path, truststore: Path
) -> dict[str, object]:
    """The broker itself and the test's own hand come by the plain port, as on a network of their own."""
    ports = {"BROKER": settings.kafka_port, "PASSWORD": password_port, "CERTIFICATE": certificate_port}
    listeners = ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())
    password = "listener.name.password"
    return {
        "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{settings.kafka_controller_port}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,PASSWORD:SASL_SSL,CERTIFICATE:SSL",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Nobody on the plain port says a name.
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": truststore,
        "listener.name.certificate.ssl.client.auth": "required",
        f"{password}.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
        f"{password}.scram-sha-256.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
        f"{password}.scram-sha-512.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
        f"{password}.plain.sasl.jaas.config": (f'{JAAS}.plain.PlainLoginModule required user_{USERNAME}="{PASSWORD}";'),
    }


def _answers(settings: Settings, child: Child) -> bool:
    assert child.exit_code is None, child.ending()
    try:
        kafka.wait_until_ready(settings, 2)
    except kafka.KafkaUnreachable:
        return False
    return True


def _make_user_known(settings: Settings) -> None:
    admin = kafka.admin(settings)
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        proof = ScramCredentialInfo(mechanism, SCRAM_ROUNDS)
        known = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USERNAME, proof, PASSWORD.encode())])
        known[USERNAME].result(timeout=30)

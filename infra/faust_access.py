"""How Faust's workers prove to Kafka who they are and whom they trust, from the same settings as all other clients."""

from __future__ import annotations

import ssl

import faust
from faust.types.auth import CredentialsT

from infra.kafka_access import KafkaAccess


def faust_access(access: KafkaAccess) -> CredentialsT | None:
    """What a Faust app is told; None where the cluster asks nobody."""
    context = _tls(access) if access.kafka_is_encrypted else None
    if access.kafka_wants_password:
        return faust.SASLCredentials(
            username=access.kafka_sasl_username,
            password=access.kafka_sasl_password.get_secret_value(),
            mechanism=access.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None


def _tls(access: KafkaAccess) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=access.kafka_ca_file)
    if access.kafka_certificate_file is not None:
        context.load_cert_chain(access.kafka_certificate_file, access.kafka_key_file)
    return context

"""How every Kafka client proves who it is and whom it trusts: the settings, and what librdkafka is told of them.

Faust's workers read through aiokafka, which is told the same in its own words (infra/faust_access.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


OptionalFile = Annotated[FilePath | None, BeforeValidator(_none_if_empty)]


class KafkaAccess(BaseSettings):
    """Settings of a cluster that asks who comes. The embedded broker listens on loopback alone and asks nobody."""

    kafka_security_protocol: Annotated[SecurityProtocol, BeforeValidator(_upper)] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[SaslMechanism, BeforeValidator(_upper)] = "SCRAM-SHA-512"
    kafka_sasl_username: str = ""
    kafka_sasl_password: SecretStr = SecretStr("")
    # PEM files. Without a list of authorities of one's own, those that the machine trusts.
    kafka_ca_file: OptionalFile = None
    kafka_certificate_file: OptionalFile = None
    kafka_key_file: OptionalFile = None

    @model_validator(mode="after")
    def _access_is_whole(self) -> Self:
        secret = self.kafka_sasl_password.get_secret_value()
        if self.kafka_wants_password and not (self.kafka_sasl_username and secret):
            raise ValueError(
                f"kafka_security_protocol {self.kafka_security_protocol} needs kafka_sasl_username and"
                " kafka_sasl_password"
            )
        if not self.kafka_wants_password and (self.kafka_sasl_username or secret):
            raise ValueError(
                f"kafka_sasl_username and kafka_sasl_password are not used with kafka_security_protocol"
                f" {self.kafka_security_protocol}: choose SASL_SSL, or leave them out"
            )
        if (self.kafka_certificate_file is None) != (self.kafka_key_file is None):
            raise ValueError("kafka_certificate_file and kafka_key_file go together: give both or none")
        if not self.kafka_is_encrypted and (self.kafka_ca_file or self.kafka_certificate_file):
            raise ValueError(
                f"kafka_ca_file and kafka_certificate_file are not used with kafka_security_protocol"
                f" {self.kafka_security_protocol}: choose SSL or SASL_SSL, or leave them out"
            )
        return self

    @property
    def kafka_is_encrypted(self) -> bool:
        """Whether clients speak TLS."""
        return self.kafka_security_protocol in ("SSL", "SASL_SSL")

    @property
    def kafka_wants_password(self) -> bool:
        """Whether clients prove by SASL who they are."""
        return self.kafka_security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @property
    def kafka_shows_its_password(self) -> bool:
        """Whether the password would cross the network as it is. SCRAM sends a proof of it instead (RFC 5802)."""
        return self.kafka_security_protocol == "SASL_PLAINTEXT" and self.kafka_sasl_mechanism == "PLAIN"

    def librdkafka_access(self) -> dict[str, Any]:
        """What a client of confluent-kafka is told. Empty where nobody asks.

        The name in the broker's certificate is checked, which is librdkafka's default since 2.0.
        """
        if self.kafka_security_protocol == "PLAINTEXT":
            return {}
        config: dict[str, Any] = {"security.protocol": self.kafka_security_protocol}
        if self.kafka_wants_password:
            config |= {
                "sasl.mechanism": self.kafka_sasl_mechanism,
                "sasl.username": self.kafka_sasl_username,
                "sasl.password": self.kafka_sasl_password.get_secret_value(),
            }
        if self.kafka_ca_file is not None:
            config["ssl.ca.location"] = str(self.kafka_ca_file)
        if self.kafka_certificate_file is not None:
            config["ssl.certificate.location"] = str(self.kafka_certificate_file)
            config["ssl.key.location"] = str(self.kafka_key_file)
        return config

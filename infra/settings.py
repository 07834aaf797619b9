"""All settings, in one frozen object: addresses, ports, folders, secrets and limits.

Where a value comes from, strongest first: arguments, the environment (names in upper case), the file
`stack.env` that `printledger up` leaves in the data folder, `secrets.env` beside it, the defaults here.
A part of the stack whose address is given (`KAFKA_BOOTSTRAP_SERVERS`, `SCHEMA_REGISTRY_URL`,
`DATABASE_URL`, `S3_ENDPOINT_URL`, `SMTP_URL`) is not started: the system then uses what is there.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from infra.files import socket_folder, write_whole
from infra.kafka_access import KafkaAccess
from infra.ports import free_ports
from processors.ports import NamedError

Profile = Literal["demo", "production", "test"]

STACK_ENV = "stack.env"
SECRETS_ENV = "secrets.env"
LOOPBACK = "127.0.0.1"
EASYPOST_URL = "https://api.easypost.com"
SHIPPO_URL = "https://api.goshippo.com"
SHIPSTATION_URL = "https://api.shipstation.com"
PRINTFUL_URL = "https://api.printful.com"
GELATO_ORDERS_URL = "https://order.gelatoapis.com"
GELATO_PRODUCTS_URL = "https://product.gelatoapis.com"
PRINTIFY_URL = "https://api.printify.com"
PRODIGI_URL = "https://api.prodigi.com"
DATABASE = "printledger"
OWNER_ROLE = "printledger_owner"
APP_ROLE = "printledger_app"

#: Every port that the system listens on, with the one it takes unless told otherwise.
DEFAULT_PORTS: Mapping[str, int] = {
    "kafka_port": 19092,
    "kafka_controller_port": 19093,
    "registry_port": 18081,
    "s3_port": 17070,
    "smtp_port": 10025,
    "api_port": 8080,
    "partner_simulator_port": 17081,
    "carrier_simulator_port": 17082,
    "pictures_port": 17083,
    "printful_simulator_port": 17084,
    "gelato_simulator_port": 17085,
    "supplier_simulator_port": 17090,
    "printify_simulator_port": 17086,
    "prodigi_simulator_port": 17087,
    "shippo_simulator_port": 17088,
    "shipstation_simulator_port": 17089,
    "refund_simulator_port": 17091,
}
#: Secrets that `up` makes where none are given: 32 random bytes as base64, or a random word.
KEY_SECRETS = ("key_encryption_key", "digest_key", "link_signing_key", "api_key_pepper")
WEBHOOK_SECRETS = ("partner_webhook_secret",)
#: Printful's webhook secret is hexadecimal, as these are.
VENDOR_SECRETS = (
    *("printful_token", "printful_webhook_secret", "gelato_api_key", "gelato_webhook_secret"),
    *("printify_token", "printify_webhook_secret", "prodigi_api_key", "prodigi_webhook_secret"),
)
SUPPLIER_SECRETS = ("supplier_api_key", "supplier_webhook_secret")
PAYMENT_SECRETS = ("refund_api_key",)
CARRIER_SECRETS = ("shippo_token", "shippo_webhook_secret", "shipstation_api_key")
WORD_SECRETS = (
    *("s3_access_key", "s3_secret_key", "carrier_webhook_secret", "partner_api_key", "carrier_api_key"),
    *VENDOR_SECRETS,
    *SUPPLIER_SECRETS,
    *PAYMENT_SECRETS,
    *CARRIER_SECRETS,
)
SECRETS = KEY_SECRETS + WEBHOOK_SECRETS + WORD_SECRETS
KEY_BYTES = 32


class SettingsInvalid(NamedError):
    """The settings do not fit together. Mend the values that are named, then start again."""


def _split_commas(value: object) -> object:
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


class Settings(KafkaAccess):
    """What a process needs to know about its surroundings. Frozen; made by `load`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file_encoding="utf-8")

    # Where things are.
    data_dir: Path = Path(".data")
    stack_dir: Path = Path(__file__).resolve().parent.parent / ".stack"
    profile: Profile = "production"
    tenants: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = ("demo",)

    # Addresses. Those of embedded parts follow from the ports.
    kafka_bootstrap_servers: str
    schema_registry_url: str
    database_url: str
    database_app_url: str
    s3_endpoint_url: str
    smtp_url: str
    embedded: frozenset[str] = frozenset()
    api_host: str = LOOPBACK
    public_base_url: str
    # Print shops are found at <partner_base_url>/<partner id>.
    partner_base_url: str
    carrier_base_url: str
    printful_base_url: str
    gelato_orders_base_url: str
    gelato_products_base_url: str
    supplier_base_url: str
    printify_base_url: str
    prodigi_base_url: str
    shippo_base_url: str
    shipstation_base_url: str

    # Ports of what is started here.
    kafka_port: int = Field(DEFAULT_PORTS["kafka_port"], ge=1, le=65535)
    kafka_controller_port: int = Field(DEFAULT_PORTS["kafka_controller_port"], ge=1, le=65535)
    registry_port: int = Field(DEFAULT_PORTS["registry_port"], ge=1, le=65535)
    s3_port: int = Field(DEFAULT_PORTS["s3_port"], ge=1, le=65535)
    smtp_port: int = Field(DEFAULT_PORTS["smtp_port"], ge=1, le=65535)
    api_port: int = Field(DEFAULT_PORTS["api_port"], ge=1, le=65535)
    partner_simulator_port: int = Field(DEFAULT_PORTS["partner_simulator_port"], ge=1, le=65535)
    carrier_simulator_port: int = Field(DEFAULT_PORTS["carrier_simulator_port"], ge=1, le=65535)
    pictures_port: int = Field(DEFAULT_PORTS["pictures_port"], ge=1, le=65535)
    printful_simulator_port: int = Field(DEFAULT_PORTS["printful_simulator_port"], ge=1, le=65535)
    gelato_simulator_port: int = Field(DEFAULT_PORTS["gelato_simulator_port"], ge=1, le=65535)
    supplier_simulator_port: int = Field(DEFAULT_PORTS["supplier_simulator_port"], ge=1, le=65535)
    printify_simulator_port: int = Field(DEFAULT_PORTS["printify_simulator_port"], ge=1, le=65535)
    prodigi_simulator_port: int = Field(DEFAULT_PORTS["prodigi_simulator_port"], ge=1, le=65535)
    shippo_simulator_port: int = Field(DEFAULT_PORTS["shippo_simulator_port"], ge=1, le=65535)
    shipstation_simulator_port: int = Field(DEFAULT_PORTS["shipstation_simulator_port"], ge=1, le=65535)
    refund_simulator_port: int = Field(DEFAULT_PORTS["refund_simulator_port"], ge=1, le=65535)

    # Secrets: no defaults. `up` writes the missing ones to secrets.env.
    s3_access_key: str
    s3_secret_key: SecretStr
    key_encryption_key: SecretStr
    digest_key: SecretStr
    link_signing_key: SecretStr
    api_key_pepper: SecretStr
    partner_webhook_secret: SecretStr
    carrier_webhook_secret: SecretStr
    partner_api_key: SecretStr
    carrier_api_key: SecretStr
    # Needed only where VENDORS sets the vendor up.
    printful_token: SecretStr = SecretStr("")
    printful_webhook_secret: SecretStr = SecretStr("")
    gelato_api_key: SecretStr = SecretStr("")
    gelato_webhook_secret: SecretStr = SecretStr("")
    supplier_api_key: SecretStr = SecretStr("")
    supplier_webhook_secret: SecretStr = SecretStr("")
    printify_token: SecretStr = SecretStr("")
    printify_webhook_secret: SecretStr = SecretStr("")
    prodigi_api_key: SecretStr = SecretStr("")
    prodigi_webhook_secret: SecretStr = SecretStr("")
    # Needed only where CARRIERS names the carrier. ShipStation's keys are its public ones: a JSON Web Key Set.
    shippo_token: SecretStr = SecretStr("")
    shippo_webhook_secret: SecretStr = SecretStr("")
    shipstation_api_key: SecretStr = SecretStr("")
    shipstation_webhook_keys: str = ""
    shipstation_carrier_ids: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = ()

    # Kafka and S3.
    s3_bucket: str = Field("printledger", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    s3_region: str = "us-east-1"
    topic_prefix: str = Field("", pattern=r"^([a-z0-9-]+\.)?$")
    ledger_partitions: int = Field(4, ge=1, le=256)
    topic_replication_factor: int = Field(1, ge=1, le=5)
    kafka_heap_mb: int = Field(512, ge=128, le=65536)

    # Print partners by their id, and where each one's parcels start: {"press-east": {"name": …, "street1": …}}.
    print_shops: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = ("press-east", "press-west")
    ship_from: dict[str, dict[str, str]] = {}
    # Vendors with public APIs by partner id, as infra/vendors.py reads them: {"gelato": {"adapter": "gelato", …}}.
    vendors: dict[str, dict[str, Any]] = {}
    # Who sells labels: a parcel's is bought where price, promise and success are best. As infra/carriers.py knows them.
    carriers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = ("easypost",)

    # Mail. Stores and support that have no address are not told; a buyer's address is in the order.
    mail_from: str = "printledger <orders@printledger.invalid>"
    support_email: str = ""

    # Artwork: the operator's lists (a file, or `s3:KEY` in the bucket) and background remover (`module:function`).
    prohibited_words: str = ""
    known_pictures: str = ""
    background_remover: str = Field("", pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*)?$")
    # Gradual roll-out by template id: {"tee-white": {"stable_version": 1, "version": 2, "share_permille": 250}}.
    template_rollouts: dict[str, dict[str, Any]] = {}

    # Claims: the operator's own rules (a file), and the payment system that gives money back (processors/claims).
    claim_rules: str = ""
    refund_base_url: str = ""
    refund_api_key: SecretStr = SecretStr("")

    # Behaviour.
    allow_private_addresses: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    offers_every_minutes: float = Field(60.0, gt=0, le=10_080)
    sweep_every_hours: float = Field(6.0, gt=0, le=720)
    database_pool_max: int = Field(8, ge=1, le=200)
    start_seconds_max: float = Field(60.0, gt=0, le=600)
    stop_seconds_max: float = Field(20.0, gt=0, le=600)

    @model_validator(mode="before")
    @classmethod
    def _fill_addresses(cls, values: dict[str, Any]) -> dict[str, Any]:
        """An embedded part's address follows from its port; a given address means that it is not embedded."""
        given = dict(values)
        data_dir = Path(given.get("data_dir") or ".data").expanduser().resolve()
        ports = {name: given.get(name, default) for name, default in DEFAULT_PORTS.items()}
        socket = socket_folder(data_dir)
        address_of = {
            "kafka": ("kafka_bootstrap_servers", f"{LOOPBACK}:{ports['kafka_port']}"),
            "registry": ("schema_registry_url", f"http://{LOOPBACK}:{ports['registry_port']}"),
            "postgres": ("database_url", f"postgresql://{OWNER_ROLE}@/{DATABASE}?host={socket}"),
            "s3": ("s3_endpoint_url", f"http://{LOOPBACK}:{ports['s3_port']}"),
            "smtp": ("smtp_url", f"smtp://{LOOPBACK}:{ports['smtp_port']}"),
        }
        embedded = {part for part, (field, _) in address_of.items() if not given.get(field)}
        filled = {field: address for part, (field, address) in address_of.items() if part in embedded}
        if not given.get("database_app_url"):
            filled["database_app_url"] = (
                f"postgresql://{APP_ROLE}@/{DATABASE}?host={socket}"
                if "postgres" in embedded
                else str(given["database_url"])
            )
        if not given.get("public_base_url"):
            filled["public_base_url"] = f"http://{given.get('api_host', LOOPBACK)}:{ports['api_port']}"
        # Outside a demo or a test nobody is simulated: the carrier is the real one, a print shop must be named.
        is_simulated = given.get("profile") in ("demo", "test")
        worlds = (
            *("partner", "carrier", "supplier", "refund", "printful", "gelato"),
            *("printify", "prodigi", "shippo", "shipstation"),
        )
        simulators = {name: f"http://{LOOPBACK}:{ports[f'{name}_simulator_port']}" for name in worlds}
        filled |= {
            field: simulators[name] if is_simulated else real
            for field, name, real in (
                ("partner_base_url", "partner", ""),
                ("supplier_base_url", "supplier", ""),
                ("refund_base_url", "refund", ""),
                ("carrier_base_url", "carrier", EASYPOST_URL),
                ("printful_base_url", "printful", PRINTFUL_URL),
                ("gelato_orders_base_url", "gelato", GELATO_ORDERS_URL),
                ("gelato_products_base_url", "gelato", GELATO_PRODUCTS_URL),
                ("printify_base_url", "printify", PRINTIFY_URL),
                ("prodigi_base_url", "prodigi", PRODIGI_URL),
                ("shippo_base_url", "shippo", SHIPPO_URL),
                ("shipstation_base_url", "shipstation", SHIPSTATION_URL),
            )
            if not given.get(field)
        }
        # Only a demo or a test may fetch artwork from this machine; a production profile refuses to be told so.
        given.setdefault("allow_private_addresses", is_simulated)
        return given | filled | {"data_dir": data_dir, "embedded": frozenset(embedded)}

    @field_validator(*KEY_SECRETS)
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        try:
            key = base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error:
            raise ValueError("must be base64") from None
        if len(key) != KEY_BYTES:
            raise ValueError(f"must be base64 of {KEY_BYTES} random bytes, these are {len(key)}")
        return value

    @model_validator(mode="after")
    def _refuse_what_must_not_be(self) -> Self:
        if "kafka" in self.embedded and self.kafka_security_protocol != "PLAINTEXT":
            raise ValueError(
                "kafka_security_protocol is for a cluster of your own: give kafka_bootstrap_servers too, or leave it"
                " out"
            )
        if self.profile != "production":
            return self
        if self.kafka_shows_its_password:
            raise ValueError(
                "kafka_sasl_mechanism PLAIN over SASL_PLAINTEXT would show the password to the network: a production"
                " profile refuses it; choose SASL_SSL, or a SCRAM mechanism"
            )
        if self.allow_private_addresses:
            raise ValueError("allow_private_addresses is for demo and tests: a production profile refuses it")
        if "postgres" not in self.embedded and self.database_app_url == self.database_url:
            raise ValueError(
                f"database_app_url must name another role than database_url ({APP_ROLE}, without BYPASSRLS)"
            )
        return self

    def key(self, name: str) -> bytes:
        """The 32 bytes of one of KEY_SECRETS."""
        value: SecretStr = getattr(self, name)
        return base64.b64decode(value.get_secret_value())

    def ports(self) -> dict[str, int]:
        """Every port setting and its value."""
        return {name: getattr(self, name) for name in DEFAULT_PORTS}

    @property
    def logs_dir(self) -> Path:
        """Where every started part and process writes its log."""
        return self.data_dir / "logs"

    @property
    def mail_dir(self) -> Path:
        """Where the embedded mail server keeps what it received, one .eml file a mail."""
        return self.data_dir / "mail"


def load(data_dir: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings of a data folder. Raises SettingsInvalid, naming every value that is missing or wrong."""
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    where = overrides.get("data_dir") or _data_dir_of_environment()
    folder = Path(where).expanduser().resolve()
    overrides["data_dir"] = folder
    try:
        return Settings(_env_file=(folder / SECRETS_ENV, folder / STACK_ENV), **overrides)
    except ValidationError as error:
        raise SettingsInvalid(_explain(error, folder)) from None


def prepare(data_dir: Path | None = None, **overrides: Any) -> Settings:
    """What `up` does first: make the folder and missing secrets, load, and leave `stack.env` for other commands."""
    folder = Path(data_dir or _data_dir_of_environment()).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ensure_secrets(folder)
    # An earlier release kept there what follows from the profile: it would go before the profile chosen this time.
    if (stack_env := folder / STACK_ENV).exists():
        write_whole(stack_env, _lines_without(stack_env, {"ALLOW_PRIVATE_ADDRESSES"}))
    settings = load(folder, **overrides)
    partitions = str(settings.ledger_partitions)
    kept = {"PROFILE": settings.profile, "TENANTS": ",".join(settings.tenants), "LEDGER_PARTITIONS": partitions}
    kept |= {name.upper(): str(port) for name, port in settings.ports().items()}
    ours = "".join(f"{name}={value}\n" for name, value in kept.items())
    write_whole(stack_env, ours + _lines_without(stack_env, kept))
    return settings


def prepare_test(data_dir: Path, **overrides: Any) -> Settings:
    """Settings for a test stack: the test profile on free ports."""
    ports = dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True))
    defaults: dict[str, Any] = {"profile": "test", "log_level": "warning"}
    return prepare(data_dir, **(ports | defaults | overrides))


def ensure_secrets(folder: Path) -> None:
    """Write the secrets that `secrets.env` lacks, readable by the owner alone. Never changes one that is there."""
    path = folder / SECRETS_ENV
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    present = {line.partition("=")[0].strip().lower() for line in text.splitlines()}
    missing = [name for name in SECRETS if name not in present]
    if missing:
        lines = "".join(f"{name.upper()}={_new_secret(name)}\n" for name in missing)
        write_whole(path, text + lines, mode=0o600)


def _lines_without(path: Path, names: Container[str]) -> str:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return "".join(f"{line}\n" for line in text.splitlines() if line.partition("=")[0].strip().upper() not in names)


def _new_secret(name: str) -> str:
    if name in WORD_SECRETS:
        return secrets.token_hex(20)
    value = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")
    # Standard Webhooks writes its secrets with this prefix.
    return f"whsec_{value}" if name in WEBHOOK_SECRETS else value


def _data_dir_of_environment() -> str:
    return os.environ.get("DATA_DIR") or ".data"


def _explain(error: ValidationError, folder: Path) -> str:
    lines, missing = [], []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        if problem["type"] == "missing":
            missing.append(name)
        else:
            lines.append(f"{name or 'settings'}: {problem['msg'].removeprefix('Value error, ')}")
    if missing:
        lines.append(
            f"{', '.join(missing)}: not set. Give them in the environment, or run"
            f" `printledger up --data {folder}` once, which writes them to {folder / SECRETS_ENV}"
        )
    return "The settings do not fit together:\n" + "\n".join(f"  {line}" for line in lines)

"""Settings: where values come from, what is refused, what `up` leaves in the data folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from infra.files import SOCKET_FOLDER_BYTES_MAX, socket_folder, write_whole
from infra.ports import free_ports, is_free
from infra.settings import (
    DEFAULT_PORTS,
    KEY_SECRETS,
    SECRETS,
    SECRETS_ENV,
    STACK_ENV,
    Profile,
    SettingsInvalid,
    load,
    prepare,
    prepare_test,
)


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*DEFAULT_PORTS, *SECRETS, "data_dir", "profile", "database_url", "kafka_bootstrap_servers"):
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_folder_without_secrets_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"KEY_ENCRYPTION_KEY.*printledger up --data"):
        load(tmp_path)


def test_secrets_are_made_once_and_only_the_owner_may_read_them(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    second = prepare(tmp_path)
    assert first.key("key_encryption_key") == second.key("key_encryption_key")
    assert len({first.key(name) for name in KEY_SECRETS}) == len(KEY_SECRETS)
    assert stat.S_IMODE((tmp_path / SECRETS_ENV).stat().st_mode) == 0o600


def test_a_secret_that_is_missing_in_an_older_folder_is_added_and_the_others_stay(tmp_path: Path) -> None:
    before = prepare(tmp_path)
    lines = (tmp_path / SECRETS_ENV).read_text().splitlines(keepends=True)
    write_whole(tmp_path / SECRETS_ENV, "".join(line for line in lines if not line.startswith("DIGEST_KEY=")))
    after = prepare(tmp_path)
    assert after.digest_key != before.digest_key
    assert after.key_encryption_key == before.key_encryption_key


def test_secrets_do_not_show_in_a_printed_settings_object(tmp_path: Path) -> None:
    settings = prepare(tmp_path)
    assert settings.key_encryption_key.get_secret_value() not in repr(settings)
    assert settings.s3_secret_key.get_secret_value() not in repr(settings)


def test_a_key_that_is_too_short_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path)
    monkeypatch.setenv("DIGEST_KEY", "c2hvcnQ=")
    with pytest.raises(SettingsInvalid, match="DIGEST_KEY: must be base64 of 32 random bytes, these are 5"):
        load(tmp_path)


def test_other_commands_find_the_ports_that_up_was_started_with(tmp_path: Path) -> None:
    started = prepare(tmp_path, profile="demo", kafka_port=23456)
    found = load(tmp_path)
    assert found.kafka_bootstrap_servers == "127.0.0.1:23456"
    assert found == started


def test_the_environment_is_stronger_than_the_files_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, api_port=23001)
    monkeypatch.setenv("API_PORT", "23002")
    assert load(tmp_path).public_base_url == "http://127.0.0.1:23002"


def test_a_part_whose_address_is_given_is_not_embedded(tmp_path: Path) -> None:
    settings = prepare(tmp_path, kafka_bootstrap_servers="kafka.example:9092")
    assert settings.kafka_bootstrap_servers == "kafka.example:9092"
    assert settings.embedded == {"registry", "postgres", "s3", "smtp"}


def test_a_production_profile_refuses_private_addresses_as_sources_of_artwork(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="a production profile refuses it"):
        prepare(tmp_path, profile="production", allow_private_addresses=True)
    assert prepare(tmp_path, profile="production").allow_private_addresses is False


def test_a_demo_may_fetch_artwork_from_this_machine(tmp_path: Path) -> None:
    assert prepare(tmp_path, profile="demo").allow_private_addresses is True


@pytest.mark.parametrize(("before", "after"), [("production", "demo"), ("demo", "production")])
def test_a_folder_that_ran_with_one_profile_runs_with_the_other_as_if_it_were_new(
    tmp_path: Path, before: Profile, after: Profile
) -> None:
    prepare(tmp_path / "used", profile=before)
    used = prepare(tmp_path / "used", profile=after)
    new = prepare(tmp_path / "new", profile=after)
    places = {"data_dir", "database_url", "database_app_url", *SECRETS}
    assert used.model_dump(exclude=places) == new.model_dump(exclude=places)


@pytest.mark.parametrize(("before", "after"), [("production", "demo"), ("demo", "production")])
def test_what_an_earlier_release_kept_of_its_profile_does_not_go_before_another_one(
    tmp_path: Path, before: Profile, after: Profile
) -> None:
    prepare(tmp_path, profile=before)
    with (tmp_path / STACK_ENV).open("a") as stack_env:
        stack_env.write(f"ALLOW_PRIVATE_ADDRESSES={str(before == 'demo').lower()}\n")
    assert prepare(tmp_path, profile=after).allow_private_addresses is (after == "demo")
    assert load(tmp_path).allow_private_addresses is (after == "demo")


def test_what_people_wrote_into_stack_env_stays(tmp_path: Path) -> None:
    prepare(tmp_path)
    with (tmp_path / STACK_ENV).open("a") as stack_env:
        stack_env.write("# louder\nLOG_LEVEL=debug\n")
    assert prepare(tmp_path).log_level == prepare(tmp_path).log_level == "debug"
    assert (tmp_path / STACK_ENV).read_text().count("# louder") == 1


def test_a_production_profile_wants_a_database_role_that_row_level_security_binds(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="must name another role"):
        prepare(tmp_path, profile="production", database_url="postgresql://owner@db.example/printledger")


def test_tenants_are_read_from_a_list_with_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTS", "demo, acme")
    assert prepare(tmp_path).tenants == ("demo", "acme")


def test_a_test_stack_takes_free_ports(tmp_path: Path) -> None:
    ports = prepare_test(tmp_path).ports()
    assert len(set(ports.values())) == len(DEFAULT_PORTS)
    assert all(is_free(port) for port in ports.values())


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(200))) == 200


def test_the_socket_of_the_database_lies_in_the_data_folder_where_its_path_is_short_enough(tmp_path: Path) -> None:
    assert socket_folder(Path("/data")) == Path("/data/run")
    deep = tmp_path / ("d" * 100)
    assert len(os.fsencode(socket_folder(deep))) <= SOCKET_FOLDER_BYTES_MAX
    assert socket_folder(deep) != socket_folder(deep.with_name("e" * 100))


def test_stack_env_holds_no_secret(tmp_path: Path) -> None:
    settings = prepare(tmp_path)
    text = (tmp_path / STACK_ENV).read_text()
    assert settings.s3_secret_key.get_secret_value() not in text
    assert settings.key_encryption_key.get_secret_value() not in text

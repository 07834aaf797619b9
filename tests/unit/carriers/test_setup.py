"""Which carriers are set up follows from the settings, and what is missing is named."""

from pathlib import Path

import pytest

from infra import postgres
from infra.carriers import CarriersInvalid, ShipStationKeysInvalid, carriers, simulated_key
from infra.settings import Settings, prepare_test
from infra.vendors import VendorSecretMissing
from processors.carriers.easypost_shapes import millis
from processors.carriers.protocol import Carrier
from processors.carriers.shipstation_simulator import signature
from processors.clock import now_ms

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"


async def made(settings: Settings) -> dict[str, Carrier]:
    """The adapters of these settings, closed again; their pool is never opened."""
    found = carriers(settings, postgres.async_pool(settings.database_app_url, settings, name="carriers-of-a-test"))
    for one in found.values():
        await one.aclose()
    return found


async def test_easypost_alone_sells_labels_unless_the_settings_name_others(tmp_path: Path) -> None:
    assert list(await made(prepare_test(tmp_path))) == ["easypost"]


async def test_all_carriers_that_are_named_are_set_up(tmp_path: Path) -> None:
    found = await made(prepare_test(tmp_path, carriers=("shippo", "easypost", "shipstation")))
    assert {name: one.name for name, one in found.items()} == {name: name for name in found}
    assert set(found) == {"easypost", "shippo", "shipstation"}


@pytest.mark.parametrize("names", [(), ("easypost", "easypost"), ("pigeon",)])
async def test_a_list_of_carriers_that_cannot_be_meant_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(CarriersInvalid):
        await made(prepare_test(tmp_path, carriers=names))


async def test_a_carrier_without_its_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VendorSecretMissing, match="shippo"):
        await made(prepare_test(tmp_path, carriers=("shippo",), shippo_token=""))


async def test_shipstations_keys_are_a_key_set(tmp_path: Path) -> None:
    for keys in ("no json", '{"keys": []}'):
        with pytest.raises(ShipStationKeysInvalid):
            await made(prepare_test(tmp_path, carriers=("shipstation",), shipstation_webhook_keys=keys))


async def test_the_simulated_shipstation_signs_with_the_key_that_its_adapter_knows(tmp_path: Path) -> None:
    settings = prepare_test(tmp_path, carriers=("shipstation",))
    found = await made(settings)
    found["shipstation"].verify_webhook(signature(simulated_key(settings), millis(now_ms()), b"{}"), b"{}")

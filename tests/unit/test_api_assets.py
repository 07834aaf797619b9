"""Signed links to files: decrypted while they are sent, until their time or the order's erasure."""

from __future__ import annotations

from typing import Any

from tests.unit.api_world import OWN, World, problem


def asset_path(world: World, key: str, order_id: str = OWN, media_type: str = "image/png", **more: Any) -> str:
    return world.links.link("demo", order_id, key, media_type, **more).removeprefix("http://test")


def test_a_link_gives_its_file_decrypted_with_its_size_known_before() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    picture = bytes(range(256)) * 3_000
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, picture)
    path = asset_path(world, key)
    response = world.call("GET", path, key=None)
    assert response.content == picture
    assert response.headers["content-length"] == str(len(picture))
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert 'filename="print.png"' in response.headers["content-disposition"]
    head = world.call("HEAD", path, key=None)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(picture))


def test_a_file_that_a_browser_should_not_run_is_offered_for_saving() -> None:
    world = World()
    world.objects.stored["demo/designs/x"] = b"<script>"
    response = world.call("GET", asset_path(world, "demo/designs/x", "", "text/html"), key=None)
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]


def test_a_link_that_was_changed_is_refused_whatever_was_changed() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, b"x")
    path = asset_path(world, key)
    token = path.rpartition("/")[2]
    payload, _, signature = token.partition(".")
    for forged in (
        payload,
        f"{payload}.",
        f".{signature}",
        f"{payload}.{signature[:-1]}",
        f"{payload}.{signature}=",
        f"{payload}.{'A' * len(signature)}",
        f"{payload[:-2]}AA.{signature}",
        f"{payload}.{signature}.x",
        "é.x",
    ):
        problem(world.call("GET", f"/v1/assets/{forged}", key=None), 403, "link_not_genuine")


def test_a_link_ends_at_its_time() -> None:
    world = World()
    path = asset_path(world, "demo/designs/x", "", valid_ms=1_000)
    world.objects.stored["demo/designs/x"] = b"x"
    assert world.call("GET", path, key=None).status_code == 200
    world.now += 1_000
    problem(world.call("GET", path, key=None), 410, "link_expired")


def test_after_an_erasure_no_link_opens_the_file() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, b"x")
    path = asset_path(world, key)
    world.vault.erase("demo", OWN)
    problem(world.call("GET", path, key=None), 410, "key_destroyed")
    assert world.call("HEAD", path, key=None).status_code == 410


def test_a_file_that_is_not_there_or_does_not_open_is_an_error_and_not_half_a_file() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    problem(world.call("GET", asset_path(world, key), key=None), 404, "object_missing")
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, "another/key", b"x")
    problem(world.call("GET", asset_path(world, key), key=None), 500, "unexpected")

"""Live previews over HTTP: what may be sent, what comes back, whose pictures they are, what each refusal says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from api.problems import Problem
from api.routes import previews
from events.order.values import StoredFile
from processors.artwork import templates_folder
from processors.artwork.findings import SEVERITIES
from processors.artwork.limits import Limits
from processors.artwork.lists import CheckLists, shipped_lists
from processors.artwork.rollout import Rollout
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import ArtLayer, Product, Template, template_from_json, template_to_json
from processors.previews import PreviewStudio
from processors.workers.art import TemplateArt, art_key
from processors.workers.files import NewFile, OrderFiles
from projections.rows import PublishedTemplate
from tests.unit.api_world import OWN, World, problem
from tests.unit.artwork.pictures import encoded, noisy

PICTURE = encoded(noisy(1600, 1200), "JPEG")
URL = "/v1/previews"
FORM = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nAnn\r\n--x--\r\n'


def mug(version: int) -> Template:
    shipped = template_from_json((Path(templates_folder()) / "mug-11oz-white.json").read_bytes())
    product = Product(name="Mug", kind="mug", colour="#ffffff", colours={"black": "#17181a", "sky": "#9cc8e8"})
    return msgspec.structs.replace(shipped, template_id="mug", version=version, product=product)


class Published:
    """Versions 1 and 2 of one template."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def template(self, template_id: str, template_version: int) -> PublishedTemplate | None:
        self.asked.append(template_version)
        if template_id != "mug" or template_version > 2:
            return None
        body = template_to_json(mug(template_version)).decode()
        return PublishedTemplate(
            template_id=template_id, template_version=template_version, product_id="mug", body=body
        )

    def newest_version(self, template_id: str) -> int | None:
        return 2 if template_id == "mug" else None


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool(1, Limits(input_bytes_max=2 * 1024 * 1024)).start() as started:
        yield started


def world_with(pool: SandboxPool, lists: CheckLists | None = None, **rollouts: Rollout) -> World:
    world = World()
    studio = PreviewStudio(
        pool=pool,
        templates=Published(),
        art=TemplateArt(world.objects),
        lists=lambda: lists or shipped_lists(),
        rollouts=rollouts,
    )
    previews.mount(world.app, studio)
    return world


@pytest.fixture
def world(pool: SandboxPool) -> World:
    return world_with(pool)


def asked(world: World, accept: str = "application/json", key: str | None = "demo", **fields: Any) -> httpx.Response:
    body = {"template_id": "mug", "text": "For Ann", "width_px": 128} | fields
    return world.call("POST", URL, key=key, json=body, headers={"Accept": accept})


def picture_of(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "image/webp"),
        ("*/*", "image/webp"),
        ("image/webp", "image/webp"),
        ("image/png", "image/png"),
        ("image/*", "image/webp"),
        ("image/webp;q=0.2, image/png;q=0.9", "image/png"),
        ("text/html, application/json;q=0.1", "application/json"),
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "image/webp"),
    ],
)
def test_the_accept_header_chooses_the_form_of_the_answer(world: World, accept: str, media_type: str) -> None:
    response = asked(world, accept=accept)
    assert response.headers["content-type"] == media_type
    if media_type != "application/json":
        assert picture_of(response).format == media_type.removeprefix("image/").upper()
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept"


def test_json_holds_the_picture_and_says_what_was_shown_and_found(world: World) -> None:
    answer = asked(world, text="For Ann\x07", picture=base64.b64encode(PICTURE).decode(), colour="black").json()
    assert Image.open(io.BytesIO(base64.b64decode(answer["picture"]))).size == (128, 128)
    assert (answer["template_id"], answer["template_version"], answer["area"]) == ("mug", 2, "wrap")
    assert (answer["colour"], answer["width_px"], answer["height_px"]) == ("#17181a", 128, 128)
    assert answer["verdict"] == "block"
    control = next(one for one in answer["findings"] if one["code"] == "text_control_characters")
    assert control["severity"] == "block"
    assert control["measured"] == {"characters": "1"}
    assert len(control["message"]) > 40


def test_a_picture_comes_with_its_findings_in_a_header(world: World) -> None:
    response = asked(world, accept="image/webp", text="x" * 60)
    assert response.headers["printledger-verdict"] == "block"
    assert response.headers["printledger-template"] == "mug;version=2;area=wrap"
    findings = response.headers["printledger-findings"].split(", ")
    assert "text_too_long;severity=block" in findings
    for one in findings:
        code, severity = re.fullmatch(r"([a-z_]+);severity=(block|review|warn)", one).groups()  # type: ignore[union-attr]
        assert SEVERITIES[code] == severity


def test_a_form_with_a_file_is_the_same_request(world: World) -> None:
    as_json = asked(world, accept="image/png", picture=base64.b64encode(PICTURE).decode(), crop=[0, 0, 500, 500])
    fields = {"template_id": "mug", "text": "For Ann", "width_px": "128", "crop": "0,0,500,500"}
    as_form = world.call(
        "POST", URL, data=fields, files={"picture": ("me.jpg", PICTURE)}, headers={"Accept": "image/png"}
    )
    assert picture_of(as_form).size == (128, 128)
    assert as_form.content == as_json.content
    assert as_form.content != asked(world, accept="image/png").content


def test_view_width_text_and_colour_change_the_picture(world: World) -> None:
    seen = {
        asked(world, accept="image/png", **fields).content
        for fields in (
            {}, {"view": "print"}, {"width_px": 200}, {"text": "Other"}, {"colour": "sky"}, {"colour": "#17181a"}
        )
    }  # fmt: skip
    assert len(seen) == 6
    assert asked(world, accept="image/png", colour="black").content in seen


@pytest.mark.parametrize("width_px", [63, 1601, -1, "wide"])
def test_a_width_beyond_the_bounds_is_refused(world: World, width_px: Any) -> None:
    document = problem(asked(world, width_px=width_px), 422, "fields_not_usable")
    assert document["errors"][0]["field"] == "width_px"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"template_id": "../etc"}, "template_id"),
        ({"template_id": None}, "template_id"),
        ({"text": "x" * 1001}, "text"),
        ({"crop": [0, 0, 1001, 5]}, "crop.2"),
        ({"crop": [0, 0, 5]}, "crop.3"),
        ({"view": "video"}, "view"),
        ({"template_version": 0}, "template_version"),
        ({"colour_": "x"}, "colour_"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(world: World, fields: dict[str, Any], field: str) -> None:
    document = problem(asked(world, **fields), 422, "fields_not_usable")
    assert field in [one["field"] for one in document["errors"]]


@pytest.mark.parametrize(
    ("fields", "status", "reason", "says"),
    [
        ({"template_id": "no-such"}, 404, "template_unknown", "template ids of your products"),
        ({"template_version": 3}, 404, "template_unknown", "mug version 3"),
        ({"area": "back"}, 422, "area_unknown", "wrap"),
        ({"colour": "pink"}, 422, "colour_unknown", "black, sky"),
        ({"picture": "no base64!"}, 422, "picture_not_base64", "Encode it"),
        ({"design_key": "demo/designs/none"}, 404, "picture_not_known", "Upload it"),
        ({"design_key": "demo/x", "asset": "y"}, 422, "several_pictures_given", "Send one"),
        ({"asset": "no-link-of-ours"}, 403, "link_not_genuine", "link"),
    ],
)
def test_every_refusal_says_what_to_do(
    world: World, fields: dict[str, Any], status: int, reason: str, says: str
) -> None:
    assert says in problem(asked(world, **fields), status, reason)["detail"]


def test_a_body_that_is_no_json_or_of_another_type_is_refused(world: World) -> None:
    for content in (b"{", b"\xff", b"[" * 100_000):
        broken = world.call("POST", URL, content=content, headers={"Content-Type": "application/json"})
        problem(broken, 400, "body_not_json")
    problem(world.call("POST", URL, content=b"x", headers={"Content-Type": "text/plain"}), 415, "media_type_not_taken")
    for form in ("multipart/form-data", "multipart/form-data; boundary=x; charset=undefined"):
        unreadable = world.call("POST", URL, content=FORM, headers={"Content-Type": form})
        problem(unreadable, 400, "form_not_readable")
    misnamed = world.call("POST", URL, data={"template_id": "mug"}, files={"photo": PICTURE})
    problem(misnamed, 422, "fields_not_usable")
    problem(asked(world, accept="text/html"), 406, "media_type_not_offered")


def test_only_keys_that_may_place_orders_draw(world: World) -> None:
    problem(asked(world, key=None), 401, "key_not_recognised")
    problem(asked(world, key="demo/orders:read"), 403, "scope_missing")


@pytest.mark.parametrize("content", [b"<svg/>", b"%PDF-1.7", PICTURE[:5000], b"GIF89a" + bytes(40)])
def test_a_hostile_upload_is_a_finding_and_no_error(world: World, content: bytes) -> None:
    answer = asked(world, picture=base64.b64encode(content).decode()).json()
    assert answer["verdict"] == "block"
    assert {one["code"] for one in answer["findings"]} & {"format_not_accepted", "cannot_be_opened"}
    assert answer["picture"] == asked(world).json()["picture"]


def test_a_product_that_cannot_be_drawn_is_a_problem_that_says_what_to_do(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a template whose art in the store is not a picture,
    art, world = b"no picture", world_with(pool)
    asset = hashlib.sha256(art).hexdigest()
    world.objects.put(art_key(asset), art, "image/png", {})
    area = mug(1).area()
    layer = ArtLayer(name="art", box=area.layers[0].box, asset=asset)
    template = msgspec.structs.replace(mug(1), areas=(msgspec.structs.replace(area, layers=(*area.layers, layer)),))
    published = PublishedTemplate(
        template_id="mug", template_version=2, product_id="mug", body=template_to_json(template).decode()
    )
    monkeypatch.setattr(Published, "template", lambda *_: published)
    # when its preview is asked for, then the answer says that the template is to be mended.
    answer = asked(world, picture=base64.b64encode(PICTURE).decode())
    problem(answer, 422, "preview_not_drawn")
    assert "mend the template" in answer.json()["detail"]


def test_a_file_that_is_too_large_is_a_finding_and_a_body_that_is_too_large_is_refused(world: World) -> None:
    answer = asked(world, picture=base64.b64encode(bytes(2 * 1024 * 1024 + 1)).decode()).json()
    assert "file_too_large" in {one["code"] for one in answer["findings"]}
    too_large = world.call("POST", URL, content=bytes(previews.BODY_BYTES_MAX + 1))
    problem(too_large, 413, "body_too_large")
    form = world.call(
        "POST", URL, data={"template_id": "mug"}, files={"picture": bytes(previews.PICTURE_BYTES_MAX + 1)}
    )
    problem(form, 413, "picture_too_large")


def test_a_store_shows_its_own_designs_and_nobody_elses(world: World) -> None:
    world.objects.put("demo/designs/abc", PICTURE, "image/jpeg", {})
    by_key = asked(world, accept="image/png", design_key="demo/designs/abc")
    assert picture_of(by_key).size == (128, 128)
    assert by_key.content == asked(world, accept="image/png", picture=base64.b64encode(PICTURE).decode()).content
    problem(asked(world, key="other", design_key="demo/designs/abc"), 404, "picture_not_known")
    # Only designs: an order's files are sealed and come by link.
    world.objects.put(f"demo/{OWN}/1/original/x", PICTURE, "image/jpeg", {})
    problem(asked(world, design_key=f"demo/{OWN}/1/original/x"), 404, "picture_not_known")


def test_a_picture_that_was_uploaded_for_an_order_is_shown_by_its_link_to_its_tenant_alone(world: World) -> None:
    files = OrderFiles(world.objects, world.vault)
    key = f"demo/{OWN}/1/original/1"
    stored: StoredFile = files.store("demo", OWN, key, "e1", NewFile(content=PICTURE, media_type="image/jpeg"))
    link = world.links.link("demo", OWN, stored.key, "image/jpeg")
    assert picture_of(asked(world, accept="image/png", asset=link)).size == (128, 128)
    problem(asked(world, key="other", asset=link), 404, "picture_not_known")
    world.vault.erased.add(("demo", OWN))
    problem(asked(world, asset=link), 410, "key_destroyed")
    world.now += 30 * 86_400_000
    problem(asked(world, asset=link), 410, "link_expired")


def test_nothing_is_kept(world: World) -> None:
    asked(world, picture=base64.b64encode(PICTURE).decode())
    assert world.objects.stored == {}
    assert world.commands.sent == []


def test_a_roll_out_decides_which_version_is_shown_unless_one_is_named(pool: SandboxPool) -> None:
    def shown(share_permille: int, **more: Any) -> int:
        rollout = Rollout(
            template_id="mug",
            stable_version=1,
            version=2,
            share_permille=share_permille,
            unit=more.pop("unit", "tenant"),
        )
        version: int = asked(world_with(pool, mug=rollout), **more).json()["template_version"]
        return version

    assert shown(0) == 1
    assert shown(1000) == 2
    # Where orders decide, there is no order to ask yet.
    assert shown(1000, unit="order") == 1
    assert shown(0, template_version=2) == 2


def test_previews_have_a_limit_of_their_own(pool: SandboxPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(previews.RATE_LIMITS_PER_MINUTE, "preview", 2)
    world = world_with(pool)
    assert [asked(world).status_code for _ in range(2)] == [200, 200]
    limited = asked(world)
    problem(limited, 429, "too_many_requests")
    assert int(limited.headers["retry-after"]) >= 1
    assert asked(world, key="other").status_code == 200


def test_the_operators_word_list_counts(pool: SandboxPool) -> None:
    lists = msgspec.structs.replace(shipped_lists(), prohibited_words=frozenset({"grumble"}))
    answer = asked(world_with(pool, lists), text="Grumble on").json()
    assert "text_prohibited_word" in {one["code"] for one in answer["findings"]}


def test_the_description_names_the_fields_and_the_form(world: World) -> None:
    operation = world.call("GET", "/openapi.json", key=None).json()["paths"][URL]["post"]
    content = operation["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    assert content["multipart/form-data"]["schema"]["properties"]["picture"]["format"] == "binary"
    assert "$ref" not in json.dumps(content)
    assert {"200", "404", "413", "422", "429", "503"} <= set(operation["responses"])


def test_one_tenant_cannot_take_all_places_and_places_come_back() -> None:
    async def try_places() -> None:
        places = previews.Places(at_once=2, of_one_tenant=1, wait_seconds=0.01)
        async with places.one_for("demo"):
            with pytest.raises(Problem, match="of one account") as refused:
                async with places.one_for("demo"):
                    pass
            async with places.one_for("other"):
                with pytest.raises(Problem, match="Too many previews"):
                    async with places.one_for("third"):
                        pass
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")
        async with places.one_for("demo"), places.one_for("third"):
            pass

    asyncio.run(try_places())


def test_a_body_that_does_not_arrive_gives_its_place_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "BODY_SECONDS_MAX", 0.01)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    slow = world.call("POST", URL, content=slowly(), headers={"Content-Type": "application/json"})
    problem(slow, 408, "body_too_slow")
    monkeypatch.undo()
    assert asked(world).status_code == 200

"""What the artwork and render workers keep in the real store: areas, names, metadata, shared designs, lists, art."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import cast

import msgspec
import psycopg
import pytest
from PIL import Image

from events.order.commands import (
    ReportArtworkChecked,
    ReportArtworkUnavailable,
    ReportRendered,
)
from events.order.values import AreaContent, CropBox, RenderedArea, StoredFile
from infra import postgres
from infra.check_lists import OperatorLists
from infra.s3 import Bucket
from infra.settings import Settings
from processors.artwork.template import (
    ArtLayer,
    ImageLayer,
    TextLayer,
)
from processors.workers.art import art_key
from processors.workers.files import NewFile
from projections.model import Topics
from projections.models import read_models
from projections.schema import create_missing
from tests.integration.artwork_world import (
    ART,
    LINE,
    ORDERS,
    PICTURE,
    TENANT,
    WHOLE,
    CountingPool,
    World,
    area,
)
from tests.unit.artwork.pictures import encoded, noisy

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def sandbox() -> Iterator[CountingPool]:
    pool = CountingPool()
    with pool:
        yield pool


@pytest.fixture
def world(settings: Settings, database_url: str, bucket: Bucket, sandbox: CountingPool) -> Iterator[World]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        create_missing(connection, tuple(read_models(Topics()).values()))
    sandbox.jobs.clear()
    with postgres.pool(settings.database_url, settings, name="test") as pool:
        yield World(settings, bucket, pool, sandbox)


def files_of(made: RenderedArea) -> list[StoredFile]:
    return [file for file in (made.print_file, made.print_pdf, made.proof, made.mockup) if file is not None]


def test_every_area_has_its_own_files_under_consistent_names(world: World) -> None:
    world.publish()
    order_id = ORDERS[0]

    made = world.made(order_id, world.picture(order_id), world.text(order_id, "back", "Behind"))

    assert [one.area for one in made.areas] == ["front", "back"]
    folder = f"{TENANT}/{order_id}/{LINE}"
    names = {
        one.area: [file.key.removeprefix(f"{folder}/{one.area}/v1/") for file in files_of(one)] for one in made.areas
    }
    assert names == {
        "front": ["print.png", "proof.webp", "mockup.webp"],
        "back": ["print.png", "print.pdf", "proof.webp", "mockup.webp"],
    }
    front_made, back_made = made.areas
    assert (front_made.original_digest != "", front_made.text_digest) == (True, "")
    assert (back_made.original_digest, back_made.text_digest != "") == ("", True)
    assert world.files.read(TENANT, order_id, back_made.print_pdf.key if back_made.print_pdf else "")[:5] == b"%PDF-"


def test_the_bleed_of_an_area_is_told_with_its_files(world: World) -> None:
    # 20 mm with 1 mm of bleed on every side, at 300 DPI.
    plain = area("front", TextLayer(name="text", box=WHOLE))
    world.publish(msgspec.structs.replace(plain, bleed_um=1_000, width_px=260, height_px=260))
    order_id = ORDERS[0]

    (made,) = world.made(order_id, world.text(order_id, "front", "Zoë")).areas

    assert (made.bleed_um, made.print_file.width_px) == (1_000, 260)


def test_findings_name_their_area_and_the_strictest_of_all_areas_decides(world: World) -> None:
    world.publish()
    order_id = ORDERS[0]

    checked = world.check(order_id, world.text(order_id, "", "fine"), world.text(order_id, "back", "heaven \u4dc0"))

    assert isinstance(checked, ReportArtworkChecked)
    assert [(found.area, found.code) for found in checked.findings] == [("back", "text_glyphs_missing")]
    assert checked.verdict == "block"


def test_a_line_with_nothing_to_print_is_blocked_before_it_is_rendered(world: World) -> None:
    world.publish()

    checked = world.check(ORDERS[0], AreaContent())

    assert isinstance(checked, ReportArtworkChecked)
    assert [(found.area, found.code) for found in checked.findings] == [("front", "nothing_to_print")]


def test_metadata_says_whose_what_and_by_which_versions(world: World) -> None:
    world.publish()
    order_id = ORDERS[0]

    made = world.made(order_id, world.picture(order_id), world.text(order_id, "back", "Behind"))

    for one in made.areas:
        for file in files_of(one):
            told = world.told(file)
            content = world.files.read(TENANT, order_id, file.key)
            assert told["sha256"] == hashlib.sha256(content).hexdigest() != file.sha256
            assert told["designer"] == "Demo Ünlü"
            assert told["template"] == "badge v1"
            assert told["area"] == one.area
            assert told["print-dpi"] == "300"
            assert told["colour-profile"].startswith("sRGB")
            assert told["renderer"] == made.renderer_version
            assert told["size-bytes"] == str(len(content))
        assert world.told(one.print_file)["dpi"] == "300"
    (original,) = [key for key in world.bucket.list_keys(f"{TENANT}/{order_id}/") if "/original/" in key]
    told = world.files.metadata(original)
    # What the sender of the picture says of its type does not count.
    assert (told["media-type"], told["designer"], told["area"]) == ("image/png", "Demo Ünlü", "front")


def test_the_second_order_of_a_stores_design_renders_nothing(world: World) -> None:
    world.publish()
    content = AreaContent(area="front", design_key=world.design())

    first = world.made(ORDERS[0], content)
    jobs = world.sandbox.jobs.count("render")
    second = world.made(ORDERS[1], content)

    assert jobs == 1
    assert world.sandbox.jobs.count("render") == 1
    assert second.areas == first.areas
    assert second.renderer_version == first.renderer_version
    for file in files_of(first.areas[0]):
        assert file.key.startswith(f"{TENANT}/designs/rendered/")
        # Nothing of a buyer's is in it: it is not sealed, and its digest is the file's own.
        assert hashlib.sha256(world.bucket.get(file.key)).hexdigest() == file.sha256
    assert Image.open(io.BytesIO(world.bucket.get(first.areas[0].print_file.key))).size == (236, 236)


def test_another_design_template_or_remover_is_another_render(world: World) -> None:
    world.publish()
    one = world.made(ORDERS[0], AreaContent(area="front", design_key=world.design()))
    other = world.made(ORDERS[1], AreaContent(area="front", design_key=world.design(encoded(noisy(300, 300, seed=7)))))

    assert one.areas[0].print_file.key != other.areas[0].print_file.key
    assert world.sandbox.jobs.count("render") == 2


def test_only_the_area_without_a_buyers_content_is_shared(world: World) -> None:
    world.publish()
    order_id = ORDERS[0]
    design = AreaContent(area="front", design_key=world.design())

    made = world.made(order_id, design, world.text(order_id, "back", "Mine"))
    personal = world.made(ORDERS[1], msgspec.structs.replace(design, text=world.text(ORDERS[1], "front", "M").text))

    front_made, back_made = made.areas
    assert front_made.print_file.key.startswith(f"{TENANT}/designs/rendered/")
    assert back_made.print_file.key.startswith(f"{TENANT}/{order_id}/")
    assert personal.areas[0].print_file.key.startswith(f"{TENANT}/{ORDERS[1]}/")


def test_the_part_that_a_buyer_chose_is_printed(world: World) -> None:
    world.publish(area("front", ImageLayer(name="picture", box=WHOLE, fit="stretch")))
    order_id = ORDERS[0]
    chosen = CropBox(x_permille=0, y_permille=0, width_permille=100, height_permille=100)
    cropped = msgspec.structs.replace(world.picture(order_id), crop=chosen)

    whole = world.made(ORDERS[1], world.picture(ORDERS[1]))
    part = world.made(order_id, cropped)

    def corner(order: str, made: ReportRendered) -> tuple[float, ...]:
        content = world.files.read(TENANT, order, made.areas[0].print_file.key)
        return cast(tuple[float, ...], Image.open(io.BytesIO(content)).getpixel((230, 230)))

    tenth = Image.open(io.BytesIO(PICTURE)).crop((0, 0, 30, 30))
    expected = cast(tuple[int, ...], tenth.getpixel((29, 29)))
    assert corner(order_id, part)[:3] == pytest.approx(expected, abs=12)
    assert corner(ORDERS[1], whole) != corner(order_id, part)


def test_another_tenants_design_is_not_found(world: World) -> None:
    world.publish()
    key = world.design(tenant="stranger")

    checked = world.check(ORDERS[0], AreaContent(area="front", design_key=key))

    assert isinstance(checked, ReportArtworkUnavailable)
    assert not checked.retryable


def test_a_templates_own_art_is_read_from_the_store_and_missing_art_is_waited_for(world: World) -> None:
    digest = hashlib.sha256(ART).hexdigest()
    world.publish(area("front", ArtLayer(name="frame", box=WHOLE, asset=digest), TextLayer(name="text", box=WHOLE)))
    order_id = ORDERS[0]
    content = world.text(order_id, "", "Framed")

    early = world.check(order_id, content)
    world.bucket.put(art_key(digest), ART, "image/png", {"sha256": digest})
    made = world.made(order_id, content)

    assert isinstance(early, ReportArtworkUnavailable)
    assert early.retryable
    printed = Image.open(io.BytesIO(world.files.read(TENANT, order_id, made.areas[0].print_file.key)))
    assert printed.getchannel("A").getextrema()[1] == 255


def test_the_operators_word_list_is_an_object_of_the_bucket_and_counts_when_it_changes(
    world: World, bucket: Bucket
) -> None:
    world.publish()
    order_id, clock = ORDERS[0], [0.0]
    bucket.put("operator/words.txt", b"zebra\n", "text/plain", {})
    lists = OperatorLists("s3:operator/words.txt", "", bucket, monotonic=lambda: clock[0])
    content = world.text(order_id, "", "Z.E.B.R.A")

    found = world.check(order_id, content, lists=lists)

    assert isinstance(found, ReportArtworkChecked)
    assert [one.code for one in found.findings] == ["text_prohibited_word"]
    assert found.verdict == "review"


def test_a_designers_long_name_is_cut_and_does_not_stop_the_file(world: World) -> None:
    file = NewFile(content=b"x", media_type="image/png", metadata={"designer": "Ünlü " * 200})

    stored = world.files.store(TENANT, ORDERS[0], f"{TENANT}/{ORDERS[0]}/1/front/v1/print.png", "e" * 32, file)

    told = world.told(stored)["designer"]
    assert "Ünlü ".startswith(told[:5])
    assert 20 < len(told) < 240

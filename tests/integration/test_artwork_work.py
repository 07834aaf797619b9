"""What the artwork and render workers keep in the real store: areas, names, metadata, shared designs, lists, art."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator
from typing import cast

import msgspec
import psycopg
import pytest
from PIL import Image

from events.envelope import FactEnvelope
from events.order.commands import (
    ReportArtworkChecked,
    ReportArtworkUnavailable,
    ReportRendered,
    ReportRenderFailed,
)
from events.order.facts import ArtworkCheckRequested, RenderRequested
from events.order.values import AreaContent, AreaFile, CropBox, LineArtwork, RenderedArea, StoredFile
from infra import intake, postgres
from infra.check_lists import OperatorLists
from infra.s3 import Bucket
from infra.settings import Settings
from infra.vault import PostgresVault
from processors.artwork.lists import shipped_lists
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import (
    ArtLayer,
    Box,
    ImageLayer,
    Layer,
    PrintArea,
    Product,
    Template,
    TextLayer,
    template_to_json,
)
from processors.fetch import Fetched
from processors.personal import artwork_url_field, seal_text, text_field
from processors.workers.art import TemplateArt, art_key
from processors.workers.artwork import CheckArtwork
from processors.workers.files import NewFile, OrderFiles
from processors.workers.render import Render
from projections.model import Topics
from projections.models import read_models
from projections.schema import create_missing
from projections.system_reader import SystemReads
from tests.unit.artwork.pictures import encoded, noisy

pytestmark = pytest.mark.stack

TENANT, LINE = "demo", "1"
ORDERS = ("0c4b5f6e-3333-5333-8333-333333333333", "0c4b5f6e-4444-5444-8444-444444444444")
ARTWORK = LineArtwork(variant_id="badge-s", template_id="badge", template_version=1, designer="Demo Ünlü")
WHOLE = Box(x_um=0, y_um=0, width_um=20_000, height_um=20_000)
PICTURE = encoded(noisy(300, 300))
ART = encoded(noisy(40, 40, "RGBA", seed=3))
URL = "https://pictures.example/one.png"


class CountingPool(SandboxPool):
    """The real pool, with a count of the jobs that it did."""

    def __init__(self) -> None:
        super().__init__(1)
        self.jobs: list[str] = []

    def run(self, job: str, payload: bytes, *, wait_seconds: float = 300.0) -> bytes:
        self.jobs.append(job)
        return super().run(job, payload, wait_seconds=wait_seconds)


class Pictures:
    """One picture at every address."""

    async def fetch(self, url: str) -> Fetched:
        assert url == URL
        return Fetched(content=PICTURE, url=url, media_type="text/html")


class World:
    """The two workers over the real store and database, and a hand to ask them."""

    def __init__(self, settings: Settings, bucket: Bucket, pool: intake.Pool, sandbox: CountingPool) -> None:
        self.settings, self.bucket, self.sandbox = settings, bucket, sandbox
        self.vault: PostgresVault = intake.vault(settings, pool)
        self.files = OrderFiles(bucket, self.vault)
        self._reads = SystemReads(pool)

    def publish(self, *areas: PrintArea) -> None:
        template = Template(
            template_id="badge", version=1, product=Product(name="Badge", kind="flat"), areas=areas or (front(), back())
        )
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO catalogue_templates VALUES ('badge', 1, 'badge', %s)",
                (template_to_json(template).decode(),),
            )

    def text(self, order_id: str, area: str, text: str) -> AreaContent:
        sealed = seal_text(self.vault, TENANT, order_id, text_field(LINE, area), text)
        return AreaContent(area=area, text=sealed)

    def picture(self, order_id: str, area: str = "") -> AreaContent:
        sealed = seal_text(self.vault, TENANT, order_id, artwork_url_field(LINE, area), URL)
        return AreaContent(area=area, artwork_url=sealed)

    def design(self, content: bytes = PICTURE, tenant: str = TENANT) -> str:
        digest = hashlib.sha256(content).hexdigest()
        return self.bucket.put(f"{tenant}/designs/{digest}", content, "image/png", {"sha256": digest}).key

    def check(
        self, order_id: str, *contents: AreaContent, lists: OperatorLists | None = None
    ) -> ReportArtworkChecked | ReportArtworkUnavailable:
        effect = effect_of("check", order_id)
        fact = ArtworkCheckRequested(
            effect_key=effect,
            request_id=f"{effect}.1",
            attempt=1,
            due_at=0,
            line_id=LINE,
            artwork=ARTWORK,
            contents=contents,
        )
        worker = CheckArtwork(
            files=self.files,
            vault=self.vault,
            fetcher=Pictures(),
            templates=self._reads,
            art=TemplateArt(self.bucket),
            pool=self.sandbox,
            lists=lists.current if lists else shipped_lists,
        )
        report = asyncio.run(worker.carry_out(fact, envelope(order_id)))
        assert isinstance(report, ReportArtworkChecked | ReportArtworkUnavailable)
        return report

    def render(
        self, order_id: str, *contents: AreaContent, originals: tuple[AreaFile, ...] = ()
    ) -> ReportRendered | ReportRenderFailed:
        effect = effect_of("render", order_id)
        fact = RenderRequested(
            effect_key=effect,
            request_id=f"{effect}.1",
            attempt=1,
            due_at=0,
            line_id=LINE,
            version=1,
            artwork=ARTWORK,
            contents=contents,
            originals=originals,
        )
        worker = Render(
            files=self.files,
            vault=self.vault,
            templates=self._reads,
            art=TemplateArt(self.bucket),
            pool=self.sandbox,
        )
        report = asyncio.run(worker.carry_out(fact, envelope(order_id)))
        assert isinstance(report, ReportRendered | ReportRenderFailed)
        return report

    def made(self, order_id: str, *contents: AreaContent) -> ReportRendered:
        """Check, then render what the check kept, as an order does."""
        checked = self.check(order_id, *contents)
        assert isinstance(checked, ReportArtworkChecked), checked
        rendered = self.render(order_id, *contents, originals=checked.originals)
        assert isinstance(rendered, ReportRendered), rendered
        return rendered

    def told(self, file: StoredFile) -> dict[str, str]:
        return self.files.metadata(file.key)


def effect_of(kind: str, order_id: str) -> str:
    return hashlib.sha256(f"{kind} {order_id}".encode()).hexdigest()[:32]


def envelope(order_id: str) -> FactEnvelope:
    return FactEnvelope(
        key=order_id,
        tenant=TENANT,
        fact_type="",
        seq=1,
        position=1,
        recorded_at=1_800_000_000_000,
        actor="test",
        causation_id="c",
    )


def area(name: str, *layers: Layer, pdf: bool = False) -> PrintArea:
    return PrintArea(
        name=name,
        width_um=20_000,
        height_um=20_000,
        width_px=236,
        height_px=236,
        dpi=300,
        dpi_block=1,
        dpi_warn=1,
        layers=layers,
        pdf=pdf,
    )


def front() -> PrintArea:
    return area("front", ImageLayer(name="picture", box=WHOLE, required=False), TextLayer(name="text", box=WHOLE))


def back() -> PrintArea:
    return area("back", TextLayer(name="text", box=WHOLE), pdf=True)


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

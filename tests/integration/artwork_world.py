"""The artwork and render workers over a real store and database, and a hand to ask them."""

from __future__ import annotations

import asyncio
import hashlib

import psycopg

from events.envelope import FactEnvelope
from events.order.commands import (
    ReportArtworkChecked,
    ReportArtworkUnavailable,
    ReportRendered,
    ReportRenderFailed,
)
from events.order.facts import ArtworkCheckRequested, RenderRequested
from events.order.values import AreaContent, AreaFile, LineArtwork, StoredFile
from infra import intake
from infra.check_lists import OperatorLists
from infra.s3 import Bucket
from infra.settings import Settings
from infra.vault import PostgresVault
from processors.artwork.lists import shipped_lists
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import (
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
from processors.workers.art import TemplateArt
from processors.workers.artwork import CheckArtwork
from processors.workers.files import OrderFiles
from processors.workers.render import Render
from projections.system_reader import SystemReads
from tests.unit.artwork.pictures import encoded, noisy

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

    def run(self, job: str, payload: bytes, *, own_bytes: int = 0, wait_seconds: float = 300.0) -> bytes:
        self.jobs.append(job)
        return super().run(job, payload, own_bytes=own_bytes, wait_seconds=wait_seconds)


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

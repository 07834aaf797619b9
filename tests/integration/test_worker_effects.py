"""A worker that is killed between effect and report has had one effect in the end: one file, job, mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import msgspec
import pytest

from events.order.commands import (
    ReportArtworkChecked,
    ReportNotificationFailed,
    ReportNotificationSent,
    ReportRendered,
    ReportSubmissionAccepted,
)
from events.order.facts import (
    ArtworkCheckRequested,
    NotificationRequested,
    RenderRequested,
    SubmissionRequested,
)
from events.order.values import AreaContent, AreaFile, LineArtwork, StoredFile
from infra.s3 import Bucket
from infra.settings import Settings
from infra.vault import PostgresVault
from processors.artwork.template import Box, ImageLayer, PrintArea, Product, Template, TextLayer, template_to_json
from processors.partners.print_shop_simulator import SimulatorConfig as PressConfig
from processors.partners.print_shop_simulator import demo_shops
from processors.personal import Recipient, artwork_url_field, seal_recipient, seal_text, text_field
from processors.workers.files import NewFile, OrderFiles
from tests.contract.net import Receiver, SimulatorProcess
from tests.contract.partner_rigs import print_file
from tests.integration.worker_bench import START_SECONDS_MAX, Report, Workbench

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TENANT, ORDER, LINE = "demo", "0c4b5f6e-2222-5222-8222-222222222222", "1"
EFFECT = "c0ffee" + "0" * 26
WHOLE_UM = 20_000
BUYER = Recipient(
    name="Demo Buyer",
    address1="179 N Harbor Dr",
    city="Redondo Beach",
    region="CA",
    postal_code="90277",
    country="US",
    email="buyer@demo.example",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def sticker() -> Template:
    whole = Box(x_um=0, y_um=0, width_um=WHOLE_UM, height_um=WHOLE_UM)
    area = PrintArea(
        name="front",
        width_um=WHOLE_UM,
        height_um=WHOLE_UM,
        width_px=236,
        height_px=236,
        dpi=300,
        dpi_block=1,
        dpi_warn=1,
        layers=(ImageLayer(name="picture", box=whole), TextLayer(name="text", box=whole)),
    )
    return Template(template_id="sticker", version=1, product=Product(name="Sticker", kind="flat"), areas=(area,))


ARTWORK = LineArtwork(variant_id="sticker", template_id="sticker", template_version=1, designer="Demo Ünlü")


def publish_template(bench: Workbench) -> None:
    bench.execute(
        "INSERT INTO catalogue_templates VALUES ('sticker', 1, 'sticker', %s)", template_to_json(sticker()).decode()
    )


def killed_and_started_again(
    bench: Workbench, worker: str, environment: dict[str, str] | None = None, *, at: str = "effect_done"
) -> Report:
    """Kill the worker at the point, start it again, and give the one report."""
    bench.crash(worker, f"{worker}.{at}", environment)
    with bench.worker(worker, environment=environment):
        bench.wait_for_reports(1, START_SECONDS_MAX)
    (report,) = {one.envelope.command_id: one for one in bench.reports()}.values()
    return report


def versions_of(bucket: Bucket) -> Counter[str]:
    return Counter(key for key, _ in bucket.versions(f"{TENANT}/"))


@pytest.mark.parametrize("at", ["effect_done", "reported"])
def test_a_killed_render_worker_leaves_one_version_of_each_file(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, at: str
) -> None:
    publish_template(bench)
    request = RenderRequested(
        effect_key=EFFECT,
        request_id=f"{EFFECT}.1",
        attempt=1,
        due_at=0,
        line_id=LINE,
        version=1,
        artwork=ARTWORK,
        contents=(AreaContent(text=seal_text(vault, TENANT, ORDER, text_field(LINE), "Only once")),),
    )
    bench.ask(request, order_id=ORDER)

    report = killed_and_started_again(bench, "render", at=at)

    rendered = report.command
    assert isinstance(rendered, ReportRendered)
    (area,) = rendered.areas
    folder = f"{TENANT}/{ORDER}/{LINE}/front/v1"
    assert versions_of(bucket) == {f"{folder}/{name}": 1 for name in ("print.png", "proof.webp", "mockup.webp")}
    stored = bucket.head(area.print_file.key)
    assert stored.version_id == area.print_file.version_id
    assert stored.metadata["designer"] == "Demo %C3%9Cnl%C3%BC"
    assert stored.metadata["dpi"] == "300"
    # The file is sealed in the store, and its digest in the fact is not that of the file, which could be guessed at.
    content = OrderFiles(bucket, vault).read(TENANT, ORDER, area.print_file.key)
    assert content.startswith(b"\x89PNG")
    assert not bucket.get(area.print_file.key).startswith(b"\x89PNG")
    assert stored.metadata["sha256"] != area.print_file.sha256


def test_a_killed_artwork_worker_keeps_one_original(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, receiver: Receiver
) -> None:
    publish_template(bench)
    receiver.files["/picture.png"] = print_file()
    url = f"{receiver.url}/picture.png"
    request = ArtworkCheckRequested(
        effect_key=EFFECT,
        request_id=f"{EFFECT}.1",
        attempt=1,
        due_at=0,
        line_id=LINE,
        artwork=ARTWORK,
        contents=(AreaContent(artwork_url=seal_text(vault, TENANT, ORDER, artwork_url_field(LINE), url)),),
    )
    bench.ask(request, order_id=ORDER)

    bench.crash("artwork", "artwork.effect_done")
    # The picture may change, or be gone: what was kept is what is checked.
    receiver.files.clear()
    with bench.worker("artwork"):
        (report,) = bench.wait_for_reports(1, 120)

    checked = report.command
    assert isinstance(checked, ReportArtworkChecked)
    (original,) = checked.originals
    assert (original.area, original.file.media_type, original.file.width_px) == ("front", "image/png", 60)
    assert versions_of(bucket) == {f"{TENANT}/{ORDER}/{LINE}/front/original/{EFFECT}": 1}


def test_a_killed_submit_worker_gives_the_press_one_job(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, tmp_path: Path
) -> None:
    settings, key = bench.settings, f"{TENANT}/{ORDER}/{LINE}/front/v1/print.png"
    shops = demo_shops(
        ["press-east"],
        None,
        settings.partner_api_key.get_secret_value(),
        settings.partner_webhook_secret.get_secret_value(),
    )
    config = PressConfig(store_file=str(tmp_path / "press.sqlite"), shops=shops)
    press = SimulatorProcess("processors.partners.print_shop_simulator", config, tmp_path)
    try:
        file = OrderFiles(bucket, vault).store(
            TENANT, ORDER, key, "another effect", NewFile(content=print_file(), media_type="image/png")
        )
        bench.ask(submission(file), order_id=ORDER)

        report = killed_and_started_again(bench, "submit", {"PARTNER_BASE_URL": press.url})

        assert isinstance(report.command, ReportSubmissionAccepted)
        (job,) = press.control("GET", "/jobs")
        assert (job["external_id"], job["quantity"]) == (EFFECT, 2)
        # The worker that takes the request up again asks the press instead of sending the job once more.
        assert job["submissions"] == 1
        assert job["prints"] <= 1
    finally:
        press.stop()


def submission(file: StoredFile) -> SubmissionRequested:
    return SubmissionRequested(
        effect_key=EFFECT,
        request_id=f"{EFFECT}.1",
        attempt=1,
        due_at=0,
        line_id=LINE,
        run=1,
        units=(1, 2),
        partner_id="press-east",
        partner_variant="MUG-11-WHT",
        print_files=(AreaFile(area="front", file=file),),
        country="US",
        priority="standard",
    )


def notification(vault: PostgresVault) -> NotificationRequested:
    return NotificationRequested(
        effect_key=EFFECT,
        request_id=f"{EFFECT}.1",
        attempt=1,
        due_at=0,
        notification_id="order_received",
        template="order_received",
        audience="buyer",
        recipient=seal_recipient(vault, TENANT, ORDER, BUYER),
        order_number="#1",
        store="demo-rest",
    )


def mails_with(settings: Settings, key: str) -> list[str]:
    """Recipients of the mails whose Message-ID names the effect key."""
    mails = [message_from_bytes(path.read_bytes()) for path in settings.mail_dir.glob("*.eml")]
    return [str(mail["To"]) for mail in mails if key in str(mail["Message-ID"])]


def test_a_killed_notify_worker_has_sent_one_mail(bench: Workbench, vault: PostgresVault, unique: str) -> None:
    bench.ask(notification_under(unique, vault), order_id=ORDER)

    report = killed_and_started_again(bench, "notify")

    assert isinstance(report.command, ReportNotificationSent)
    assert mails_with(bench.settings, effect_of(unique)) == [BUYER.email]


def test_a_mail_that_was_begun_by_a_worker_that_died_is_not_sent_again_and_a_person_is_told(
    bench: Workbench, vault: PostgresVault, unique: str
) -> None:
    bench.ask(notification_under(unique, vault), order_id=ORDER)
    bench.execute(
        "INSERT INTO effect_claims (system, effect_key, reference) VALUES ('smtp', %s, 'a worker that died')",
        f"{effect_of(unique)}.1",
    )

    with bench.worker("notify"):
        (report,) = bench.wait_for_reports(1, 120)

    failed = report.command
    assert isinstance(failed, ReportNotificationFailed)
    assert failed.outcome_unknown
    assert mails_with(bench.settings, effect_of(unique)) == []


def effect_of(unique: str) -> str:
    """An effect key that no other test's mail has: the mail folder is shared."""
    return unique.encode().hex()[:32].ljust(32, "0")


def notification_under(unique: str, vault: PostgresVault) -> NotificationRequested:
    key = effect_of(unique)
    return msgspec.structs.replace(notification(vault), effect_key=key, request_id=f"{key}.1")

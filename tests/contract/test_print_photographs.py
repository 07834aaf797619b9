"""The house print shop photographs what it printed: a good print agrees with its print file, a spoiled one does not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw

from infra.benchmarks.artworks import png
from processors.inspection.compare import compare
from processors.partners.protocol import PrintFile
from tests.contract.net import Receiver
from tests.contract.partner_rigs import PrintShopRig, reached

pytestmark = pytest.mark.anyio


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[PrintShopRig]:
    receiver = Receiver()
    made = PrintShopRig(tmp_path, receiver)
    yield made
    made.simulator.stop()
    receiver.close()


def a_design() -> Image.Image:
    sheet = Image.new("RGBA", (900, 600))
    pen = ImageDraw.Draw(sheet)
    pen.ellipse((60, 40, 480, 560), fill=(200, 40, 60, 255))
    pen.rectangle((420, 180, 840, 430), fill=(30, 90, 160, 255))
    return sheet


async def test_photographs_come_with_the_report_and_show_what_the_press_did_not_see(rig: PrintShopRig) -> None:
    rig.simulator.control("PATCH", rig.desk, {"photographs": True, "spoil_unseen_next_units": 1})
    content = png(a_design())
    file = PrintFile(area="front", url=rig.served(content), sha256=hashlib.sha256(content).hexdigest())
    partner, job = rig.partner(), rig.job(files=(file,))
    await partner.submit(job)

    reports = rig.reports_of(job.effect_key, reached("printed"))

    quality = next(report for report in reports if report.canonical == "printed").quality
    assert quality is not None
    assert quality.passed
    assert [(photo.unit, photo.area) for photo in quality.photos] == [(1, "front"), (2, "front")]
    found = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [await client.get(photo.url) for photo in quality.photos]
    for photo, answer in zip(quality.photos, answers, strict=True):
        assert answer.headers["content-type"] == "image/jpeg"
        seen = Image.open(io.BytesIO(answer.content))
        share = photo.area_share_permille / 1000
        found[photo.unit] = [defect.code for defect in compare(a_design(), seen, area_share=share).verdict.defects]
    # How it is named depends on what is left of the design; that it does not pass is what counts.
    assert found[1]
    assert found[2] == []
    await partner.aclose()


async def test_a_press_that_was_not_told_to_takes_no_photographs(rig: PrintShopRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)

    reports = rig.reports_of(job.effect_key, reached("printed"))

    quality = next(report for report in reports if report.canonical == "printed").quality
    assert quality is not None
    assert quality.photos == ()
    await partner.aclose()

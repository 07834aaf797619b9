"""`printledger template publish` and `printledger picture hash` as an operator types them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from events.catalogue.commands import PublishTemplate
from events.codec import Codec
from infra.cli import build
from infra.s3 import Bucket
from infra.settings import Settings
from processors.artwork.lists import distance_bits, pictures_from
from processors.artwork.template import ArtLayer, Box, TemplateInvalid, template_from_json, template_to_json
from processors.workers.art import TemplateArtMissing, art_key
from tests.integration.worker_bench import Workbench
from tests.unit.artwork.pictures import encoded, noisy, simple_area, simple_template

ART = encoded(noisy(40, 40, "RGBA", seed=3))
WHOLE = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)


def typed(settings: Settings, *arguments: str) -> Result:
    own = {
        "DATABASE_URL": settings.database_url,
        "S3_BUCKET": settings.s3_bucket,
        "TOPIC_PREFIX": settings.topic_prefix,
    }
    return CliRunner(env=own).invoke(build(arguments), [*arguments, "--data", str(settings.data_dir)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    layer = ArtLayer(name="frame", box=WHOLE, asset=hashlib.sha256(ART).hexdigest())
    path = tmp_path / "template.json"
    path.write_bytes(template_to_json(simple_template(simple_area(300, 200, layer))))
    (tmp_path / "frame.png").write_bytes(ART)
    return path


@pytest.mark.stack
def test_a_template_is_published_with_the_files_that_it_is_made_of(
    settings: Settings, topics: Callable[[str], str], database_url: str, bucket: Bucket, file: Path
) -> None:
    done = typed(
        settings, "template", "publish", str(file), "--product", "sheet", "--art", str(file.parent / "frame.png")
    )

    assert done.exit_code == 0, done.output
    assert "test version 1: front" in done.output
    assert bucket.get(art_key(hashlib.sha256(ART).hexdigest())) == ART
    ((value, _),) = Workbench(settings).records("pod.catalogue.intake.v1")
    said = Codec().decode(value)
    assert isinstance(said, PublishTemplate)
    assert (said.product_id, template_from_json(said.body).template_id) == ("sheet", "test")


@pytest.mark.stack
def test_a_template_whose_files_nobody_gave_is_not_published(
    settings: Settings, topics: Callable[[str], str], database_url: str, bucket: Bucket, file: Path
) -> None:
    refused = typed(settings, "template", "publish", str(file), "--product", "sheet")
    file.write_text('{"template_id": "x"}')
    broken = typed(settings, "template", "publish", str(file), "--product", "sheet")

    assert isinstance(refused.exception, TemplateArtMissing)
    assert isinstance(broken.exception, TemplateInvalid)
    assert Workbench(settings).records("pod.catalogue.intake.v1") == []


def test_a_hashed_picture_is_a_line_of_the_list_of_known_pictures(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(encoded(noisy(300, 200)))
    (tmp_path / "two.jpg").write_bytes(encoded(noisy(300, 200).resize((150, 100)), "JPEG"))
    (tmp_path / "not.png").write_text("not a picture")

    def hashed(name: str) -> Result:
        return CliRunner().invoke(build(["picture"]), ["picture", "hash", str(tmp_path / name), "Somebody's  picture"])

    (one,), (two,) = (pictures_from(hashed(name).output.encode()) for name in ("one.png", "two.jpg"))
    assert one.label == "Somebody's picture"
    assert distance_bits(one.phash, two.phash) <= 4
    assert "PNG, JPEG, WebP or TIFF" in str(hashed("not.png").exception)

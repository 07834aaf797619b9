"""Photographs that the simulated print shops take of what they printed, by a made-up camera.

What is photographed is the print file that the shop was given, laid on a product of the blank's colour. Nothing in
them is a photograph of a real print.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import random

import numpy as np
from PIL import Image

from processors.partners import print_shop_wire as wire
from processors.partners.print_shop_camera import AREA_SHARE, FIXED, Colour, Made, photographed, spoiled
from processors.partners.print_shop_setup import Behaviour
from processors.simulation import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS photos (
    digest TEXT PRIMARY KEY, shop TEXT NOT NULL, external_id TEXT NOT NULL, unit INTEGER NOT NULL, area TEXT NOT NULL,
    content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS photos_of_job ON photos (shop, external_id);
CREATE TABLE IF NOT EXISTS photo_addresses (shop TEXT PRIMARY KEY, address TEXT NOT NULL);
"""

SIDE_PX = 1_000
#: A print file is shrunk to about this side before it is photographed.
PRINT_PX = 1_400
FILE_PIXELS_MAX = 100_000_000
#: Units of one job that are photographed, and photographs that all shops keep.
UNITS_MAX = 8
KEPT_MAX = 400

#: What lies under the ink, by a word in the customer's name of the blank; a sheet of paper lies on a table.
COLOURS: tuple[tuple[str, Colour], ...] = (("black", (24, 24, 26)), ("white", (248, 248, 246)))
TABLE: Colour = (96, 84, 74)


class Photos:
    """Takes photographs of jobs, keeps them, and says where they can be fetched."""

    def __init__(self, store: Store) -> None:
        """`store` was opened with `SCHEMA`."""
        self._store = store

    def reached_at(self, shop: str, address: str) -> None:
        """Remember under which address customers reach the shop's server."""
        self._store.run(
            "INSERT INTO photo_addresses VALUES (?, ?) ON CONFLICT (shop) DO UPDATE SET address = excluded.address",
            shop, address.rstrip("/"),
        )  # fmt: skip

    async def take(
        self, shop: str, request: wire.JobRequest, files: tuple[bytes, ...], blank: str, spoil: frozenset[int]
    ) -> None:
        """Photograph every area of a job's units; those in `spoil` lack the middle of their ink."""
        pictures = [
            (unit, file.area, content)
            for unit in request.units[:UNITS_MAX]
            for file, content in zip(request.files, files, strict=True)
        ]
        for unit, area, content in pictures:
            seed = f"{shop}/{request.external_id}/{unit}/{area}"
            photo = await asyncio.to_thread(_photo, content, _colour(blank), seed, is_spoiled=unit in spoil)
            digest = hashlib.sha256(photo).hexdigest()
            self._store.run(
                "INSERT INTO photos VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                digest, shop, request.external_id, unit, area, photo,
            )  # fmt: skip
        self._store.run("DELETE FROM photos WHERE rowid <= (SELECT max(rowid) FROM photos) - ?", KEPT_MAX)

    def of_job(self, shop: str, external_id: str) -> tuple[wire.PhotoWire, ...]:
        """The photographs of a job, as its quality report names them."""
        reached = self._store.row("SELECT address FROM photo_addresses WHERE shop = ?", shop)
        if reached is None:
            return ()
        taken = self._store.rows(
            "SELECT digest, unit, area FROM photos WHERE shop = ? AND external_id = ? ORDER BY unit, area",
            shop, external_id,
        )  # fmt: skip
        return tuple(
            wire.PhotoWire(
                unit=row["unit"],
                area=row["area"],
                url=f"{reached['address']}/{shop}/photos/{row['digest']}.jpg",
                area_share_permille=round(AREA_SHARE * 1000),
            )
            for row in taken
        )

    def content(self, shop: str, digest: str) -> bytes | None:
        """One photograph; None where there is none (any more)."""
        row = self._store.row("SELECT content FROM photos WHERE shop = ? AND digest = ?", shop, digest)
        return None if row is None else bytes(row["content"])


def unseen_by_the_press(shop: str, request: wire.JobRequest, behaviour: Behaviour, next_units: int) -> frozenset[int]:
    """Units whose print is spoiled without anybody at the press seeing it: the next ones, and a share drawn by job."""
    draw = random.Random(f"spoil/{shop}/{request.external_id}")  # noqa: S311 - simulated waste
    drawn = {unit for unit in request.units if draw.random() * 1000 < behaviour.spoil_permille}
    return frozenset(drawn | set(request.units[:next_units]))


def _photo(content: bytes, product: Colour, seed: str, *, is_spoiled: bool) -> bytes:
    """A JPEG of the print as the shop's fixed camera sees it."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as file:
        if file.width * file.height > FILE_PIXELS_MAX:
            raise ValueError(f"a print file of {file.width} x {file.height} pixels is none that we sent")
        times = max(1, round(max(file.size) / PRINT_PX))
        # Premultiplied while it shrinks: what lies unseen under full transparency must not bleed into the edges.
        small = file.convert("RGBA").convert("RGBa").reduce(times).convert("RGBA")
    made = Made(spoiled(small) if is_spoiled else small)
    draw = np.random.default_rng(list(hashlib.sha256(seed.encode()).digest()))
    return photographed(made, product, draw, SIDE_PX, FIXED)


def _colour(blank: str) -> Colour:
    return next((colour for word, colour in COLOURS if word in blank), TABLE)

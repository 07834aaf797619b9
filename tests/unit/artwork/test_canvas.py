"""The canvas: what is drawn on the image is what the encoder reads, whatever Pillow does with the memory."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageDraw

from processors.artwork.canvas import Canvas
from tests.unit.artwork.pictures import noisy


@pytest.mark.parametrize("transparent", [True, False])
def test_a_new_canvas_is_empty_or_white_paper(transparent: bool) -> None:
    canvas = Canvas(30, 20, transparent=transparent)
    assert canvas.image.size == (30, 20)
    assert canvas.pixels.shape == (20, 30, 4)
    assert (canvas.pixels == (0 if transparent else 255)).all()
    assert np.array_equal(canvas.pixels, np.asarray(canvas.image))


def test_drawing_in_place_changes_the_array_without_a_copy() -> None:
    canvas = Canvas(60, 40, transparent=True)
    before = canvas.pixels
    canvas.image.paste(noisy(20, 20), (3, 4))
    canvas.image.alpha_composite(noisy(20, 20, "RGBA"), (30, 10))
    ImageDraw.Draw(canvas.image).line((0, 0, 59, 39), fill="red")
    assert canvas.pixels is before
    assert np.array_equal(before, np.asarray(canvas.image))
    assert before.any()


def test_an_operation_that_copies_the_image_is_still_what_the_array_shows() -> None:
    canvas = Canvas(60, 40, transparent=True)
    canvas.image.paste(noisy(60, 40), (0, 0))
    # Given a change of the image for which Pillow takes new memory, and drawing after it,
    canvas.image.putpixel((0, 0), (1, 2, 3, 4))
    canvas.image.im = canvas.image.im.copy()
    canvas.image.paste((9, 9, 9, 9), (10, 10, 20, 20))
    # then the array shows the image, not the memory that it left.
    assert np.array_equal(canvas.pixels, np.asarray(canvas.image))
    assert tuple(canvas.pixels[15, 15]) == (9, 9, 9, 9)

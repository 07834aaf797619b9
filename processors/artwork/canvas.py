"""The canvas of a print area: an image to draw on, whose pixels are an array in the same memory.

A print canvas is a hundred megabytes. Taking its rows out of an image copies each of them twice before the encoder
sees them; an array that shares the image's memory is read where it lies. Memory that was never drawn on is never
touched, so the transparent part of a canvas costs nothing.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Samples: TypeAlias = NDArray[np.uint8]


class Canvas:
    """An RGBA image (`image`) and the same pixels as an array (`pixels`)."""

    def __init__(self, width_px: int, height_px: int, *, transparent: bool) -> None:
        """An empty canvas, or a white one."""
        self._pixels: Samples = np.zeros((height_px, width_px, 4), np.uint8)
        if not transparent:
            self._pixels[:] = 255
        self.image = Image.frombuffer("RGBA", (width_px, height_px), self._pixels, "raw", "RGBA", 0, 1)
        # Pillow copies borrowed memory before it draws. This memory is the canvas's own and meant to be drawn on.
        self.image.readonly = 0
        self._drawn_on = self.image.im

    @property
    def pixels(self) -> Samples:
        """What is on the image now, (height, width, 4); without a copy as long as it was drawn on in place."""
        return self._pixels if self.image.im is self._drawn_on else np.asarray(self.image)

"""Prints made by seed: good ones, and ones with a planted defect. A made-up camera photographs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from infra.benchmarks import artworks
from processors.artwork import fonts
from processors.partners.print_shop_camera import Colour, Made

PRINT_PX: Final = 1280
FAMILIES: Final = ("Noto Sans", "Roboto", "Lobster", "Playfair Display", "Pacifico", "Noto Serif")
WORDS: Final = ("HELLO", "Sunday", "Coffee", "Team 24", "Forever", "Berlin", "Good dog", "Run", "Summer", "No. 7")
PRODUCTS: Final = ((248, 248, 246), (24, 24, 26), (40, 62, 110), (150, 150, 152), (142, 32, 44), (226, 214, 190))


@dataclass(frozen=True)
class Design:
    """A print file with what lies under it: the picture with its texts, the same without one text, the product."""

    kind: str
    picture: Image.Image
    without_text: Image.Image
    product: Colour


@dataclass(frozen=True)
class Text:
    """A text, where its middle is (shares of the area) and how large it is set (share of the area's width)."""

    words: str
    family: str
    middle: tuple[float, float]
    size: float
    colour: Colour


def design(seed: int) -> Design:
    """A design of one of five kinds; at least one text stands on each."""
    draw = np.random.default_rng([seed, 1])
    kind = KINDS[int(draw.integers(len(KINDS)))]
    product, ground, texts = _GROUNDS[kind](draw)
    spared = int(draw.integers(len(texts)))
    without = [text for index, text in enumerate(texts) if index != spared]
    return Design(kind, _with_texts(ground, texts), _with_texts(ground, without), product)


def _colour_beside(draw: Generator, product: Colour, apart: int = 130) -> Colour:
    """A strong colour that can be seen on the product; its channels differ, or swapping them would change nothing."""
    while True:
        colour = draw.integers(0, 256, 3)
        brightness = np.array([0.2126, 0.7152, 0.0722]) @ (colour - np.array(product))
        if abs(brightness) > apart / 2 and np.ptp(colour) > 90:
            return int(colour[0]), int(colour[1]), int(colour[2])


def _text(draw: Generator, product: Colour, row: float, size: float) -> Text:
    middle = (float(draw.uniform(0.45, 0.55)), row)
    words = str(draw.choice(WORDS))
    return Text(words, str(draw.choice(FAMILIES)), middle, size, _colour_beside(draw, product))


def _poster(draw: Generator) -> tuple[Colour, Image.Image, list[Text]]:
    """A photograph to all edges with a title below it."""
    seed = int(draw.integers(1 << 30))
    photo = artworks.photo(PRINT_PX, seed).convert("RGB")
    sheet = Image.new("RGBA", (PRINT_PX, PRINT_PX * 5 // 4), (252, 251, 248, 255))
    sheet.paste(photo.crop((160, 160, PRINT_PX - 160, PRINT_PX - 160)).resize((PRINT_PX, PRINT_PX)), (0, 0))
    text = _text(draw, (252, 251, 248), 0.9, float(draw.uniform(0.07, 0.12)))
    return (96, 84, 74), sheet, [text]


def _cutout(draw: Generator) -> tuple[Colour, Image.Image, list[Text]]:
    """A cut-out photograph with a text under it."""
    product = PRODUCTS[int(draw.integers(len(PRODUCTS)))]
    ground = Image.new("RGBA", (PRINT_PX, PRINT_PX * 6 // 5))
    ground.paste(artworks.photo(PRINT_PX, int(draw.integers(1 << 30))), (0, 0))
    return product, ground, [_text(draw, product, 0.92, float(draw.uniform(0.07, 0.12)))]


def _flat(draw: Generator) -> tuple[Colour, Image.Image, list[Text]]:
    """Single-coloured shapes with two texts above and below."""
    product = PRODUCTS[int(draw.integers(len(PRODUCTS)))]
    ground = Image.new("RGBA", (PRINT_PX * 2, PRINT_PX * 2))
    pen = ImageDraw.Draw(ground)
    for _ in range(int(draw.integers(6, 16))):
        x, y = (int(value) for value in draw.integers(PRINT_PX // 4, PRINT_PX * 3 // 2, 2))
        wide, high = (int(value) for value in draw.integers(PRINT_PX // 8, PRINT_PX // 2, 2))
        y = min(max(y, PRINT_PX // 2), PRINT_PX * 3 // 2 - high)
        shape = (pen.ellipse, pen.rectangle)[int(draw.integers(2))]
        shape((x, y, x + wide, y + high), fill=(*_colour_beside(draw, product), 255))
    texts = [_text(draw, product, row, float(draw.uniform(0.06, 0.11))) for row in (0.1, 0.9)]
    return product, ground.reduce(2), texts


def _slogan(draw: Generator) -> tuple[Colour, Image.Image, list[Text]]:
    """Three lines of text and nothing else."""
    product = PRODUCTS[int(draw.integers(len(PRODUCTS)))]
    ground = Image.new("RGBA", (PRINT_PX, PRINT_PX * 4 // 5))
    texts = [_text(draw, product, row, float(draw.uniform(0.12, 0.2))) for row in (0.2, 0.5, 0.8)]
    return product, ground, texts


def _pattern(draw: Generator) -> tuple[Colour, Image.Image, list[Text]]:
    """A small tile repeated over the area, a text on a plain band across it."""
    ground = artworks.pattern(PRINT_PX, int(draw.integers(1 << 30)))
    ImageDraw.Draw(ground).rectangle((0, PRINT_PX * 2 // 5, PRINT_PX, PRINT_PX * 3 // 5), fill=(250, 248, 240, 255))
    text = _text(draw, (250, 248, 240), 0.5, float(draw.uniform(0.09, 0.14)))
    return PRODUCTS[int(draw.integers(len(PRODUCTS)))], ground, [text]


_GROUNDS: Final[Mapping[str, Callable[[Generator], tuple[Colour, Image.Image, list[Text]]]]] = {
    "poster": _poster,
    "cutout": _cutout,
    "flat": _flat,
    "slogan": _slogan,
    "pattern": _pattern,
}
KINDS: Final = tuple(_GROUNDS)


def _with_texts(ground: Image.Image, texts: list[Text]) -> Image.Image:
    sheet = ground.copy()
    pen = ImageDraw.Draw(sheet)
    for text in texts:
        font = fonts.load(text.family, round(text.size * sheet.width), 700)
        at = (text.middle[0] * sheet.width, text.middle[1] * sheet.height)
        pen.text(at, text.words, font=font, anchor="mm", fill=(*text.colour, 255))
    return sheet


def good(wanted: Design, draw: Generator) -> Made:
    """The print as it should be."""
    return Made(wanted.picture)


def missing_text(wanted: Design, draw: Generator) -> Made:
    """One text is not there."""
    return Made(wanted.without_text)


def swapped_channels(wanted: Design, draw: Generator) -> Made:
    """Two or three channels changed places."""
    orders = [order for order in permutations(range(3)) if order != (0, 1, 2)]
    channels = wanted.picture.split()
    order = orders[int(draw.integers(len(orders)))]
    return Made(Image.merge("RGBA", [channels[index] for index in order] + [channels[3]]))


def mirrored(wanted: Design, draw: Generator) -> Made:
    """As a mirror shows it."""
    return Made(wanted.picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def banding(wanted: Design, draw: Generator) -> Made:
    """Stripes across or along in which 10 to 30 % of the ink is missing, 8 to 40 a print."""
    pixels = np.asarray(wanted.picture, np.float32).copy()
    along = bool(draw.integers(2))
    length = pixels.shape[0 if along else 1]
    at = np.arange(length) / length * draw.uniform(8, 40) + draw.uniform(0, 1)
    thin = (at % 1 < draw.uniform(0.15, 0.5)) * draw.uniform(0.1, 0.3)
    left = 1 - (thin[:, None] if along else thin[None, :])
    if pixels[..., 3].min() > 250:
        # On paper less ink is brighter; on a product the product shines through.
        pixels[..., :3] = 255 - (255 - pixels[..., :3]) * left[..., None]
    else:
        pixels[..., 3] *= left
    return Made(Image.fromarray(pixels.round().astype(np.uint8)))


def wrong_size(wanted: Design, draw: Generator) -> Made:
    """12 to 25 % too small or too large, or 8 to 15 % stretched in one direction."""
    way = int(draw.integers(3))
    if way == 2:
        stretch = float(draw.uniform(1.08, 1.15))
        return Made(wanted.picture, (stretch, 1.0) if draw.integers(2) else (1.0, stretch))
    size = float(draw.uniform(0.75, 0.88) if way else draw.uniform(1.12, 1.25))
    return Made(wanted.picture, (size, size))


def wrong_design(wanted: Design, draw: Generator) -> Made:
    """Another order's design on the same product."""
    other = design(int(draw.integers(1 << 30)))
    return Made(other.picture.resize(wanted.picture.size))


DEFECTS: Final[Mapping[str, Callable[[Design, Generator], Made]]] = {
    "missing_text": missing_text,
    "swapped_channels": swapped_channels,
    "mirrored": mirrored,
    "banding": banding,
    "wrong_size": wrong_size,
    "wrong_design": wrong_design,
}

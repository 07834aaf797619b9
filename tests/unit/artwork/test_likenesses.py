"""Words and pictures that are nearly those on a list: what is meant is found, what only resembles it is left alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from infra.benchmarks import artworks
from processors.artwork import fonts
from processors.artwork.lists import (
    SAME_PICTURE_BITS,
    KnownPicture,
    count_prohibited,
    distance_bits,
    known_picture,
    perceptual_hash,
    shipped_lists,
)
from tests.unit.artwork.pictures import noisy

#: Names and words that lists trip over which look for parts of words, join words, or list surnames.
INNOCENT = """
    Scunthorpe Penistone Lightwater Sussex Essex Middlesex Clitheroe Cockermouth Phuket Matsushita Mishito Fukuda
    Fukushima Fuchs Fuckel Kuntz Shitake Shittu Lipshitz Dickens Dick Cheney Hancock Woodcock Hitchcock Cockburn Babcock
    Cummings Titus Assange Bassett Cassandra Massachusetts Assisi Class Brass Grass Passion Embassy Slutsky Whoriskey
    Hooker Gay Wang Weiner Butts Pratt Cox Fanny Randy Roger Rapinoe Nazir Nazia Nazif Ignazio Heiland Heilbronn
    Hitlerman Niger Nigel Snigger Therapist Analyst Shuttlecock Cocktail Peacock Spick-and-span Wankel Bastarda
    Bitchener Arselle Kike Kkarl
"""
INITIALS = (
    "J. F. K.",
    "A B C",
    "K. K. Smith",
    "F. U. Chester",
    "S. H. Iten",
    "A. S. S.",
    "I ♥ U",
    "X O X O",
    "M & M & M",
)


@pytest.mark.parametrize(
    "text", [*INNOCENT.split(), *INITIALS, "Push it", "Pass hit", "As shole", "Class hit", "Mas s hit"]
)
def test_a_name_that_only_holds_a_listed_word_is_left_alone(text: str) -> None:
    for shown in (text, text.upper(), text.lower(), f"Happy birthday {text}!", f"{text} & {text}"):
        assert count_prohibited(shown, shipped_lists().prohibited_words) == 0, shown


@pytest.mark.parametrize(
    "text",
    [
        "fuсk", "FUСK", "ѕhіt", "SНIT", "βitch and shιt", "f.u.с.k", "f\u200bu\u200bc\u200bk", "f\u0336u\u0336c\u0336k",
        "𝓯𝓾𝓬𝓴", "ⓢⓗⓘⓣ", "S H I T", "s-h-1-t", "5h1t", "b!tch", "$h!t", "FüCK", "fück!!!", "«shit»", "#shit", "@sshole",
        "f*u*c*k", "f u\nc k",
    ],
)  # fmt: skip
def test_a_listed_word_is_found_in_letters_that_look_like_it(text: str) -> None:
    assert count_prohibited(text, shipped_lists().prohibited_words) >= 1


def logo(seed: int) -> Image.Image:
    """A made-up mark: a few shapes and a word."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (600, 480), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        x, y, size = (int(value) for value in random.integers(40, 400, 3))
        colour = tuple(int(value) for value in random.integers(0, 230, 3))
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((x, y, x + size // 2, y + size // 3), fill=colour)
    draw.text((120, 380), f"Brand {seed}", font=fonts.load("Roboto", 60, 700), fill="black")
    return image


OWNED = {
    "a soft picture": noisy(600, 400, seed=5),
    "a mark": logo(1),
    "another mark": logo(2),
    "a cut-out photograph": artworks.photo(500),
    "a flat design": artworks.flat(500),
}


def on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, (0, 0), image if image.mode == "RGBA" else None)
    return white


def saved(image: Image.Image, format_name: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format_name, quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue()))


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Without these shares of its sides."""
    width, height = image.size
    edges = (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    return image.crop(edges)


NEARLY: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "a third of the size": lambda image: image.resize((image.width // 3, image.height // 3)),
    "twice the size": lambda image: image.resize((image.width * 2, image.height * 2)),
    "another shape": lambda image: image.resize((image.width, image.height * 8 // 10)),
    "JPEG of quality 30": lambda image: saved(on_white(image), "JPEG", 30),
    "WebP of quality 40": lambda image: saved(image, "WEBP", 40),
    "small and compressed": lambda image: saved(on_white(image).resize((300, 240)), "JPEG", 40),
    "one percent off every side": lambda image: cropped(image, 0.01, 0.01, 0.01, 0.01),
    "two percent off every side": lambda image: cropped(image, 0.02, 0.02, 0.02, 0.02),
    "three percent off one side": lambda image: cropped(image, 0.03, 0, 0, 0),
    "lighter": lambda image: ImageEnhance.Brightness(on_white(image)).enhance(1.15),
    "darker": lambda image: ImageEnhance.Brightness(on_white(image)).enhance(0.85),
    "more contrast": lambda image: ImageEnhance.Contrast(on_white(image)).enhance(1.2),
    "without colour": lambda image: on_white(image).convert("L"),
    "sharpened": lambda image: on_white(image).filter(ImageFilter.SHARPEN),
    "blurred": lambda image: on_white(image).filter(ImageFilter.GaussianBlur(2)),
}


@pytest.mark.parametrize("change", NEARLY)
@pytest.mark.parametrize("owned", OWNED)
def test_a_listed_picture_is_found_after_a_small_change(owned: str, change: str) -> None:
    changed = NEARLY[change](OWNED[owned])
    listed = [KnownPicture(phash=perceptual_hash(picture), label=name) for name, picture in OWNED.items()]
    found = known_picture(perceptual_hash(changed.convert("RGBA") if changed.mode == "P" else changed), listed)
    assert found is not None
    assert found.label == owned


def test_among_a_hundred_other_pictures_none_is_taken_for_another() -> None:
    others = [logo(seed) for seed in range(10, 60)] + [noisy(300, 200, seed=seed) for seed in range(100, 160)]
    hashes = [perceptual_hash(picture) for picture in [*others, *OWNED.values()]]
    assert min(distance_bits(one, other) for one, other in combinations(hashes, 2)) > SAME_PICTURE_BITS


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.flip, lambda image: image.rotate(90, expand=True)])
def test_a_mirrored_or_turned_picture_is_not_found_which_is_what_the_check_says_of_itself(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    for picture in OWNED.values():
        listed = [KnownPicture(phash=perceptual_hash(picture), label="listed")]
        assert known_picture(perceptual_hash(change(picture)), listed) is None

"""Open a buyer's picture within bounds and bring it into the one form that the renderer knows.

Runs in a child process only. The result is upright (EXIF orientation applied), sRGB, 8 bits a channel, RGB
where every pixel is opaque, else RGBA. What was changed on the way is reported beside it.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from PIL import Image, ImageCms, ImageOps

from processors.artwork.frames import Refused
from processors.artwork.remembered import Remembered

FORMATS: Final = ("PNG", "JPEG", "WEBP", "TIFF")
SIDE_PX_MAX: Final = 30_000

#: Profiles that call themselves sRGB, by digest, each with whether it is: at most so many are remembered.
_measured_profiles: Final[Remembered[bytes, bool]] = Remembered(256)
_DATA: Final = Path(__file__).parent / "data"
#: First bytes that name a format which is not accepted, and what to do instead.
_REFUSED_STARTS: Final = (
    (b"%PDF", "pdf", "PDF files are not accepted as artwork. Export the page as PNG with 300 DPI."),
    (b"%!PS", "eps", "PostScript files are not accepted as artwork. Export the design as PNG with 300 DPI."),
    (b"8BPS", "psd", "Photoshop files are not accepted. Export the picture as PNG."),
    (b"GIF8", "gif", "GIF files have too few colours for print. Upload PNG or JPEG."),
    (b"BM", "bmp", "BMP files are not accepted. Save the picture as PNG."),
    (b"PK\x03\x04", "archive", "This is an archive, not a picture. Upload the PNG or JPEG inside it."),
)
_SVG: Final = "SVG files may load other files and fonts and are not accepted. Export the design as PNG, 300 DPI."


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in the file before it was brought into the common form."""

    format: str
    mode: str
    width_px: int
    height_px: int
    frames: int
    bits_per_channel: int
    orientation: int
    profile: str
    profile_name: str
    has_alpha: bool


def sniff(content: bytes) -> str:
    """The format by the first bytes, whatever the file is called. Raises Refused with what to do."""
    head = content[:64]
    if not content:
        raise Refused("empty_file", "The file is empty. Upload the picture again.")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    for start, name, advice in _REFUSED_STARTS:
        if head.startswith(start):
            raise Refused(f"format_{name}", advice)
    if head[4:8] == b"ftyp":
        raise Refused("format_heic", "HEIC, AVIF and video files are not accepted. Save the picture as JPEG or PNG.")
    text = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text or text.startswith((b"<?xml", b"<!doctype svg")):
        raise Refused("format_svg", _SVG)
    raise Refused("format_unknown", "This is not a PNG, JPEG, WebP or TIFF picture. Save it as PNG or JPEG.")


def media_type(content: bytes) -> str:
    """What the first bytes of a file say that it is, without opening it."""
    try:
        return f"image/{sniff(content).lower()}"
    except Refused:
        return "application/octet-stream"


def open_picture(content: bytes, pixels_max: int, *, draft_px: int | None = None) -> tuple[Image.Image, Opened]:
    """Decode fully and normalise. Raises Refused; MemoryError passes through.

    With `draft_px` a JPEG may be decoded at a half, a quarter or an eighth of its size, as long as its shorter side
    keeps that many pixels: enough for a preview in a fraction of the time. What is reported is the file's own size.
    """
    kind = sniff(content)
    Image.MAX_IMAGE_PIXELS = pixels_max
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=(kind,))
            frames = _check_header(picture, pixels_max)
            size = picture.size
            if draft_px is not None:
                picture.draft(None, (draft_px, draft_px))
            picture.load()
            return _normalise(picture, content, kind, frames, size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("too_many_pixels", _too_many(pixels_max)) from None
    except Refused:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
        # Decoders raise all of these for damaged files, EOFError and TypeError from truncated metadata.
        raise Refused(
            "damaged",
            f"The file is damaged or cut off ({type(error).__name__}: {str(error)[:120]}). "
            "Open it on your computer, save it again as PNG, and upload that.",
        ) from None


def _check_header(picture: Image.Image, pixels_max: int) -> int:
    """Refuse by the header alone what must not be decoded. Returns the number of frames."""
    width, height = picture.size
    if width * height > pixels_max or max(width, height) > SIDE_PX_MAX:
        raise Refused("too_many_pixels", _too_many(pixels_max))
    # Phones store a second, smaller picture behind the photograph (MPO); the first one is what was meant.
    frames = 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))
    if frames > 1:
        raise Refused(
            "several_pictures",
            f"The file holds {frames} pictures (an animation or several pages). Upload one picture.",
        )
    return frames


def _too_many(pixels_max: int) -> str:
    return (
        f"The picture has more than {pixels_max // 1_000_000} million pixels or a side over {SIDE_PX_MAX}. "
        "Scale it down; no print area needs that many."
    )


def _normalise(
    picture: Image.Image, content: bytes, kind: str, frames: int, size: tuple[int, int]
) -> tuple[Image.Image, Opened]:
    mode, bits = picture.mode, _bits_per_channel(picture, content, kind)
    orientation = _orientation(picture)
    icc = picture.info.get("icc_profile")
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    upright = ImageOps.exif_transpose(picture) if orientation > 1 else picture
    _scale_key(upright, bits)
    plain = _eight_bits(upright, has_alpha)
    converted, profile, profile_name = _to_srgb(plain, icc if isinstance(icc, bytes) else None)
    if converted.mode == "RGBA" and converted.getchannel("A").getextrema() == (255, 255):
        converted = converted.convert("RGB")
    # From 5 on the camera was held sideways.
    lies = orientation >= 5
    opened = Opened(
        format=kind,
        mode=mode,
        width_px=size[1] if lies else size[0],
        height_px=size[0] if lies else size[1],
        frames=frames,
        bits_per_channel=bits,
        orientation=orientation,
        profile=profile,
        profile_name=profile_name,
        has_alpha=has_alpha,
    )
    return converted, opened


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - damaged metadata raises anything; the pixels are good all the same
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _bits_per_channel(picture: Image.Image, content: bytes, kind: str) -> int:
    if kind == "PNG":
        return content[24]
    if kind == "TIFF":
        tags: Any = getattr(picture, "tag_v2", {})
        bits = tags.get(258, 8)
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    return 16 if picture.mode.startswith("I;16") else 8


def _scale_key(picture: Image.Image, bits: int) -> None:
    """Bring a PNG's transparent colour to the 8 bits of its samples: Pillow scales those, and leaves the key."""
    key = picture.info.get("transparency")
    if picture.mode == "L" and bits < 8 and isinstance(key, int):
        largest = 2**bits - 1
        picture.info["transparency"] = (key & largest) * (255 // largest)
    elif picture.mode == "RGB" and bits == 16 and isinstance(key, tuple):
        picture.info["transparency"] = tuple(sample >> 8 for sample in key)


def _eight_bits(picture: Image.Image, has_alpha: bool) -> Image.Image:
    """Any mode as RGB, RGBA, L or CMYK with 8 bits."""
    if picture.mode in ("RGB", "RGBA", "CMYK"):
        return picture.convert("RGBA") if has_alpha and picture.mode == "RGB" else picture
    if picture.mode.startswith("I;16"):
        return _upper_bytes(picture)
    if picture.mode == "L" and not has_alpha:
        return picture
    if picture.mode in ("1", "L", "P", "LA", "PA", "La", "RGBa", "RGBX", "YCbCr"):
        return picture.convert("RGBA" if has_alpha else "RGB")
    raise Refused(
        "colour_unsupported",
        f"Pixels of kind {picture.mode} cannot be printed. Convert the picture to 8-bit RGB and upload that.",
    )


def _upper_bytes(picture: Image.Image) -> Image.Image:
    """16-bit grey with 8 bits. The transparent grey is found before, for others may share its upper byte."""
    samples = np.asarray(picture, np.uint16)
    grey = Image.fromarray((samples >> 8).astype(np.uint8))
    key = picture.info.get("transparency")
    if not isinstance(key, int):
        return grey
    cover = Image.fromarray(np.where(samples == key, np.uint8(0), np.uint8(255)))
    return Image.merge("RGBA", (grey, grey, grey, cover))


@lru_cache(maxsize=1)
def srgb_bytes() -> bytes:
    """The sRGB profile that every print file carries: one file, so that equal renders have equal bytes."""
    return (_DATA / "srgb.icc").read_bytes()


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(srgb_bytes()))


def _converted(picture: Image.Image, source: ImageCms.ImageCmsProfile, mode: str) -> Image.Image | None:
    """The picture in sRGB. Raises PyCMSError where the profile is not one for such a picture."""
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.profileToProfile(picture, source, _srgb(), renderingIntent=intent, outputMode=mode, flags=flags)


def _is_srgb(icc: bytes) -> bool:
    """Whether a profile that calls itself sRGB leaves colours as they are: linear light calls itself so, too."""
    key = hashlib.sha256(icc).digest()
    known = _measured_profiles.get(key)
    if known is None:
        ramps = _ramps()
        try:
            moved = _converted(ramps, ImageCms.ImageCmsProfile(io.BytesIO(icc)), "RGB")
        except ImageCms.PyCMSError:
            moved = None
        known = moved is not None and _levels_apart(ramps, moved) <= 1
        _measured_profiles.put(key, known, 1)
    return known


def _levels_apart(one: Image.Image, other: Image.Image) -> int:
    """The furthest that a sample of one picture is from the same of the other."""
    return int(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).max())


@lru_cache(maxsize=1)
def _ramps() -> Image.Image:
    """Grey and each colour of sRGB from black to full, a row each."""
    levels = np.arange(256, dtype=np.uint8)
    ramps = np.zeros((4, 256, 3), np.uint8)
    ramps[0] = levels[:, np.newaxis]
    for channel in range(3):
        ramps[1 + channel, :, channel] = levels
    return Image.fromarray(ramps)


def _as(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in that mode; the picture itself where it has it, for a conversion would copy it."""
    return picture if picture.mode == mode else picture.convert(mode)


def _to_srgb(picture: Image.Image, icc: bytes | None) -> tuple[Image.Image, str, str]:
    """Convert to sRGB by the embedded profile.

    Returns the picture, the kind of profile (`none`, `srgb`, `other`, `broken`) and the profile's name.
    """
    target = "RGBA" if picture.mode == "RGBA" else "RGB"
    if icc is None:
        return _as(picture, target), "none", ""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        described = source.profile.profile_description or ""
        name = "".join(c for c in described if c.isprintable())[:60].strip()
        if "srgb" in name.casefold() and _is_srgb(icc):
            return _as(picture, target), "srgb", name
        converted = _converted(picture, source, target)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return _as(picture, target), "broken", ""
    if converted is None:
        return _as(picture, target), "broken", ""
    return converted, "other", name

"""The print file as a print-size PDF: one page of the canvas, with boxes, bleed, colour profile and output intent.

It is a PDF 1.6 with transparency. It does not claim to be PDF/X: that needs a printer's profile and a validator.
The same canvas gives the same bytes.
"""

from __future__ import annotations

import io
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name

from processors.artwork.canvas import Canvas, Samples
from processors.artwork.picture import srgb_bytes
from processors.artwork.pngwriter import deflate_rows
from processors.artwork.template import UM_PER_INCH, PrintArea

POINTS_PER_INCH: Final = 72


def write_pdf(sheet: Canvas, area: PrintArea) -> bytes:
    """One page of the canvas's printed size; TrimBox is the finished area, BleedBox and MediaBox the canvas."""
    width = (area.width_um + 2 * area.bleed_um) / UM_PER_INCH * POINTS_PER_INCH
    height = (area.height_um + 2 * area.bleed_um) / UM_PER_INCH * POINTS_PER_INCH
    bleed = area.bleed_um / UM_PER_INCH * POINTS_PER_INCH
    whole = Array([0, 0, _points(width), _points(height)])
    trim = Array([_points(bleed), _points(bleed), _points(width - bleed), _points(height - bleed)])
    pdf = pikepdf.new()
    srgb = declare_srgb(pdf)
    pixels = sheet.pixels
    image = _image(pdf, pixels[..., :3], srgb)
    if pixels[..., 3].min() < 255:
        image.SMask = _image(pdf, pixels[..., 3], Name.DeviceGray)
    draw = f"q {_points(width)} 0 0 {_points(height)} 0 0 cm /Print Do Q".encode()
    page = Dictionary(
        Type=Name.Page,
        MediaBox=whole,
        CropBox=whole,
        BleedBox=whole,
        TrimBox=trim,
        Resources=Dictionary(XObject=Dictionary(Print=image)),
        Contents=pdf.make_stream(draw),
        Group=Dictionary(Type=Name.Group, S=Name.Transparency, CS=srgb),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    buffer = io.BytesIO()
    pdf.save(buffer, deterministic_id=True, min_version="1.6")
    pdf.close()
    return buffer.getvalue()


def declare_srgb(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """Say in the document that its colours are meant as sRGB; the colour space that its pictures and groups name."""
    profile = pdf.make_stream(srgb_bytes(), N=3, Alternate=Name.DeviceRGB)
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFX,
        OutputConditionIdentifier=pikepdf.String("sRGB IEC61966-2.1"),
        Info=pikepdf.String("sRGB IEC61966-2.1"),
        DestOutputProfile=profile,
    )
    pdf.Root.OutputIntents = Array([intent])
    return Array([Name.ICCBased, profile])


def _points(length: float) -> float:
    """Points to a thousandth: finer than any press, and short in the file."""
    return round(length, 3)


def _image(pdf: pikepdf.Pdf, pixels: Samples, colour_space: pikepdf.Object) -> pikepdf.Stream:
    """An image object of (height, width) or (height, width, channels); its rows carry PNG filters: predictor 15."""
    height_px, width_px = pixels.shape[:2]
    return pdf.make_stream(
        b"".join(deflate_rows(pixels)),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width_px,
        Height=height_px,
        ColorSpace=colour_space,
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
        DecodeParms=Dictionary(
            Predictor=15, Colors=pixels.shape[2] if pixels.ndim == 3 else 1, Columns=width_px, BitsPerComponent=8
        ),
    )

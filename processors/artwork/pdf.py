"""The print file as a print-size PDF: one page of the canvas, with boxes, bleed, colour profile and output intent.

It is a PDF 1.6 with transparency. It does not claim to be PDF/X: that needs a printer's profile and a validator.
The same canvas gives the same bytes.
"""

from __future__ import annotations

import io
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from processors.artwork.picture import srgb_bytes
from processors.artwork.pngwriter import deflate_rows, image_rows
from processors.artwork.template import UM_PER_INCH, PrintArea

POINTS_PER_INCH: Final = 72


def write_pdf(canvas: Image.Image, area: PrintArea) -> bytes:
    """One page of the canvas's printed size; TrimBox is the finished area, BleedBox and MediaBox the canvas."""
    width = (area.width_um + 2 * area.bleed_um) / UM_PER_INCH * POINTS_PER_INCH
    height = (area.height_um + 2 * area.bleed_um) / UM_PER_INCH * POINTS_PER_INCH
    bleed = area.bleed_um / UM_PER_INCH * POINTS_PER_INCH
    sheet = Array([0, 0, _points(width), _points(height)])
    trim = Array([_points(bleed), _points(bleed), _points(width - bleed), _points(height - bleed)])
    pdf = pikepdf.new()
    profile = pdf.make_stream(srgb_bytes(), N=3, Alternate=Name.DeviceRGB)
    image = _image(pdf, canvas.convert("RGB"), Array([Name.ICCBased, profile]))
    if canvas.mode == "RGBA" and canvas.getchannel("A").getextrema() != (255, 255):
        image.SMask = _image(pdf, canvas.getchannel("A"), Name.DeviceGray)
    draw = f"q {_points(width)} 0 0 {_points(height)} 0 0 cm /Print Do Q".encode()
    page = Dictionary(
        Type=Name.Page,
        MediaBox=sheet,
        CropBox=sheet,
        BleedBox=sheet,
        TrimBox=trim,
        Resources=Dictionary(XObject=Dictionary(Print=image)),
        Contents=pdf.make_stream(draw),
        Group=Dictionary(Type=Name.Group, S=Name.Transparency, CS=Array([Name.ICCBased, profile])),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFX,
        OutputConditionIdentifier=pikepdf.String("sRGB IEC61966-2.1"),
        Info=pikepdf.String("sRGB IEC61966-2.1"),
        DestOutputProfile=profile,
    )
    pdf.Root.OutputIntents = Array([intent])
    buffer = io.BytesIO()
    pdf.save(buffer, deterministic_id=True, min_version="1.6")
    pdf.close()
    return buffer.getvalue()


def _points(length: float) -> float:
    """Points to a thousandth: finer than any press, and short in the file."""
    return round(length, 3)


def _image(pdf: pikepdf.Pdf, image: Image.Image, colour_space: pikepdf.Object) -> pikepdf.Stream:
    """An image object; its rows carry PNG filters, which PDF calls predictor 15."""
    channels = len(image.getbands())
    pieces = deflate_rows(image_rows(image), width_px=image.width, height_px=image.height, channels=channels)
    return pdf.make_stream(
        b"".join(pieces),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=image.width,
        Height=image.height,
        ColorSpace=colour_space,
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
        DecodeParms=Dictionary(Predictor=15, Colors=channels, Columns=image.width, BitsPerComponent=8),
    )

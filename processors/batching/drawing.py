"""Drawing on a PDF page in micrometres: lines, text, QR codes and pictures."""

from __future__ import annotations

import io
from typing import Final

import pikepdf
import segno
from pikepdf import Array, Dictionary, Name

from processors.batching.planes import Planes

UM_PER_POINT: Final = 25_400 / 72
HAIRLINE_POINTS: Final = 0.25
#: White modules around a QR code. The standard asks for four on a printed page; scanners take two on plain ground.
QUIET_MODULES: Final = 2
#: Helvetica's letters are on average so wide, as a share of their size; measured generously, so that text stays inside.
LETTER_WIDTH: Final = 0.6


class Page:
    """One page; lengths are micrometres from its lower left corner. Text is ASCII, in Helvetica."""

    def __init__(
        self, pdf: pikepdf.Pdf, width_um: int, height_um: int, *, colours: pikepdf.Object | None = None
    ) -> None:
        """`colours` is the colour space in which pictures with transparency are blended; text alone needs none."""
        self._pdf = pdf
        self._colours = colours
        self._size = Array([0, 0, _points(width_um), _points(height_um)])
        self._draw: list[str] = []
        self._pictures: dict[str, pikepdf.Object] = {}

    def line(self, x_um: float, y_um: float, to_x_um: float, to_y_um: float) -> None:
        """A hairline."""
        ends = f"{_points(x_um)} {_points(y_um)} m {_points(to_x_um)} {_points(to_y_um)} l"
        self._draw.append(f"{HAIRLINE_POINTS} w {ends} S")

    def text(self, x_um: float, y_um: float, size_points: float, text: str, width_um: float) -> None:
        """One line of text, cut where it would be wider than `width_um`; what is not ASCII becomes a question mark."""
        letters = max(0, int(width_um / UM_PER_POINT / (size_points * LETTER_WIDTH)))
        plain = text[:letters].encode("ascii", "replace").decode()
        escaped = plain.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self._draw.append(f"BT /F {size_points} Tf {_points(x_um)} {_points(y_um)} Td ({escaped}) Tj ET")

    def code(self, x_um: float, y_um: float, side_um: float, content: str) -> None:
        """A QR code with its quiet zone, on white."""
        matrix = segno.make_qr(content, error="m").matrix
        module_um = side_um / (len(matrix) + 2 * QUIET_MODULES)
        self._draw.append(f"1 g {_rectangle(x_um, y_um, side_um, side_um)} f 0 g")
        for row, modules in enumerate(matrix):
            bottom_um = y_um + side_um - (row + 1 + QUIET_MODULES) * module_um
            for column, is_dark in enumerate(modules):
                if is_dark:
                    left_um = x_um + (column + QUIET_MODULES) * module_um
                    self._draw.append(f"{_rectangle(left_um, bottom_um, module_um, module_um)} f")

    def picture(self, name: str, picture: pikepdf.Object, box_um: tuple[int, int, int, int], *, turned: bool) -> None:
        """A picture over a box (x, y, width, height); turned by 90 degrees against the clock where asked."""
        self._pictures[name] = picture
        x, y, width, height = (_points(length) for length in box_um)
        matrix = f"0 {height} {-width} 0 {round(x + width, 3)} {y}" if turned else f"{width} 0 0 {height} {x} {y}"
        self._draw.append(f"q {matrix} cm /{name} Do Q")

    def finish(self) -> None:
        """Add the page to its document."""
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        pictures = Dictionary({f"/{name}": picture for name, picture in self._pictures.items()})
        page = Dictionary(
            Type=Name.Page,
            MediaBox=self._size,
            TrimBox=self._size,
            Resources=Dictionary(XObject=pictures, Font=Dictionary(F=font)),
            Contents=self._pdf.make_stream("\n".join(self._draw).encode("ascii")),
        )
        if self._colours is not None:
            page.Group = Dictionary(Type=Name.Group, S=Name.Transparency, CS=self._colours)
        self._pdf.pages.append(pikepdf.Page(self._pdf.make_indirect(page)))


def embed(pdf: pikepdf.Pdf, planes: Planes, colours: pikepdf.Object) -> pikepdf.Object:
    """A picture in a colour space of three channels as an image object with its transparency."""
    image = _image(pdf, planes, planes.colours, colours)
    if planes.transparency:
        image.SMask = _image(pdf, planes, planes.transparency, Name.DeviceGray)
    return image


def save(pdf: pikepdf.Pdf) -> bytes:
    """The document's bytes: the same pages give the same bytes."""
    buffer = io.BytesIO()
    pdf.save(buffer, deterministic_id=True, min_version="1.6")
    pdf.close()
    return buffer.getvalue()


def _image(pdf: pikepdf.Pdf, planes: Planes, deflated: bytes, colour_space: pikepdf.Object) -> pikepdf.Stream:
    return pdf.make_stream(
        deflated,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=planes.width_px,
        Height=planes.height_px,
        ColorSpace=colour_space,
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
    )


def _points(length_um: float) -> float:
    return round(length_um / UM_PER_POINT, 3)


def _rectangle(x_um: float, y_um: float, width_um: float, height_um: float) -> str:
    return f"{_points(x_um)} {_points(y_um)} {_points(width_um)} {_points(height_um)} re"

"""The template's own files, such as art layers and photographs of the blank: named by their digest, opened checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from PIL import Image

from processors.artwork.frames import Refused
from processors.artwork.limits import MEBIBYTE, Limits
from processors.artwork.picture import open_picture
from processors.artwork.template import TemplateInvalid


def art_bytes(files: Mapping[str, bytes], limits: Limits) -> int:
    """How many bytes the template's files for an area have. Raises TemplateInvalid where that is too many."""
    size = sum(map(len, files.values()))
    if size > limits.art_bytes_max:
        raise TemplateInvalid(
            f"The template's files for this area have more than {limits.art_bytes_max // MEBIBYTE} MiB together. Make "
            "them smaller, and publish a new version."
        )
    return size


def open_asset(files: Mapping[str, bytes], digest: str, pixels_max: int) -> Image.Image:
    """One of the files as a picture. Raises Refused where it is missing or is not what its digest says."""
    content = files.get(digest, b"")
    if hashlib.sha256(content).hexdigest() != digest:
        raise Refused(
            "template", f"The template's art {digest[:12]}… is missing or was changed. Upload the same file again."
        )
    return open_picture(content, pixels_max)[0]

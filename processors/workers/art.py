"""The templates' own art: files that a template version names by their SHA-256, shared by all tenants."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from processors.artwork.template import ArtLayer, Template
from processors.ports import NamedError, ObjectMissing, ObjectStore

ART_FOLDER = "shared/template-art"
ART_BYTES_MAX = 20 * 1024 * 1024
#: What a worker keeps in memory of it: the same few frames and logos are on most prints.
KEPT_BYTES_MAX = 64 * 1024 * 1024


class TemplateArtMissing(NamedError):
    """A file that the template is made of is not in the store. Upload the same file again; the line is tried again."""


def art_key(sha256: str) -> str:
    """Where a template's file is."""
    return f"{ART_FOLDER}/{sha256}"


class TemplateArt:
    """Reads templates' files. May be used from several threads; calls block."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, template: Template, area: str) -> dict[str, bytes]:
        """The files that one area and its mock-up are made of, by their SHA-256. Raises TemplateArtMissing."""
        assets = {layer.asset for layer in template.area(area).layers if isinstance(layer, ArtLayer)}
        if (photo := template.product.photos.get(area)) is not None:
            assets |= {photo.asset} | ({photo.mask} if photo.mask else set())
        return {asset: self._file(asset) for asset in sorted(assets)}

    def _file(self, asset: str) -> bytes:
        with self._guard:
            if (kept := self._kept.get(asset)) is not None:
                self._kept.move_to_end(asset)
                return kept
        try:
            content = self._objects.get(art_key(asset))
        except ObjectMissing:
            raise TemplateArtMissing(f"{asset}: {TemplateArtMissing.__doc__}") from None
        if hashlib.sha256(content).hexdigest() != asset:
            raise TemplateArtMissing(f"{asset} was changed in the store: {TemplateArtMissing.__doc__}")
        with self._guard:
            self._kept[asset] = content
            while sum(map(len, self._kept.values())) > KEPT_BYTES_MAX:
                self._kept.popitem(last=False)
        return content

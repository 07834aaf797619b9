"""Files of an order in the object store: written once under a name that everybody derives alike, sealed by the vault.

What the store says of an object is the truth: a worker that finds the object there (an earlier try wrote it and died)
reports what is there and writes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

import msgspec

from events.order.values import StoredFile
from processors.ports import NamedError, ObjectMissing, ObjectStore, StoredObject, Vault

_PLAIN_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")

#: Names of the metadata that every file of an order has. The object store keeps them in lower case.
SHA256, SIZE, EFFECT = "sha256", "size-bytes", "effect-key"
WIDTH, HEIGHT, DPI = "width-px", "height-px", "dpi"
#: A store takes little metadata an object, and some of it is what people typed.
METADATA_VALUE_MAX = 240
#: Sealed objects have this media type in the store; the file's own stands in the metadata.
SEALED_MEDIA_TYPE = "application/octet-stream"
MEDIA_TYPE = "media-type"


class WrittenForAnotherEffect(NamedError):
    """The object under this key was written for another effect. Use a key of this effect's own."""


class NewFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is to be stored; pixel sizes are 0 where it is no picture."""

    content: bytes
    media_type: str
    width_px: int = 0
    height_px: int = 0
    dpi: int = 0
    metadata: Mapping[str, str] = {}


def path_part(name: str) -> str:
    """A platform's id as one part of an object key: itself where it is plain, else a digest of it."""
    return name if _PLAIN_NAME.match(name) else "x" + hashlib.sha256(name.encode()).hexdigest()[:24]


def line_folder(tenant: str, order_id: str, line_id: str) -> str:
    """Where the files of a line are."""
    return f"{tenant}/{order_id}/{path_part(line_id)}"


def is_store_design(tenant: str, key: str) -> bool:
    """Whether the object is a design of the store's own, or made from it: no buyer's content, so it is not sealed."""
    return key.startswith(f"{tenant}/designs/")


def sealed_under(tenant: str, order_id: str, key: str) -> str:
    """The order under whose key the object is sealed, as links name it; empty for what the store owns."""
    return "" if is_store_design(tenant, key) else order_id


class OrderFiles:
    """Reads and writes the sealed files of orders. All calls block: use a thread."""

    def __init__(self, objects: ObjectStore, vault: Vault) -> None:
        self._objects = objects
        self._vault = vault

    def find(self, tenant: str, key: str, effect_key: str) -> StoredFile | None:
        """The file that an earlier try of this effect stored, or None. Raises WrittenForAnotherEffect."""
        try:
            found = self._objects.head(key)
        except ObjectMissing:
            return None
        if found.metadata.get(EFFECT) != effect_key:
            raise WrittenForAnotherEffect(f"{key}: {WrittenForAnotherEffect.__doc__}")
        return self._described(tenant, found)

    def store(self, tenant: str, order_id: str, key: str, effect_key: str, file: NewFile) -> StoredFile:
        """Seal and write the file once; where the effect has stored it already, what is there is returned."""
        sealed = self._vault.seal_object(tenant, order_id, key, file.content)
        stored = self._objects.put(key, sealed, SEALED_MEDIA_TYPE, {**_metadata_of(file), EFFECT: effect_key})
        if stored.metadata.get(EFFECT) != effect_key:
            raise WrittenForAnotherEffect(f"{key}: {WrittenForAnotherEffect.__doc__}")
        return self._described(tenant, stored)

    def find_shared(self, tenant: str, key: str) -> StoredFile | None:
        """A file that the store owns, or None where nobody has made it yet."""
        try:
            return self.known(tenant, key)
        except ObjectMissing:
            return None

    def store_shared(self, tenant: str, key: str, file: NewFile) -> StoredFile:
        """Write a file that the store owns, not sealed, once; where somebody was first, what is there is returned."""
        if not is_store_design(tenant, key):
            raise ValueError(f"{key} is not below the tenant's designs")
        return self._described(tenant, self._objects.put(key, file.content, file.media_type, _metadata_of(file)))

    def read(self, tenant: str, order_id: str, key: str) -> bytes:
        """The file in the clear, or a design of the store's own. Raises ObjectMissing or a VaultError."""
        content = self._objects.get(key)
        return content if is_store_design(tenant, key) else self._vault.open_object(tenant, order_id, key, content)

    def known(self, tenant: str, key: str) -> StoredFile:
        """A file of the tenant's that is there already: a design, or a file of an order. Raises ObjectMissing."""
        if not key.startswith(f"{tenant}/"):
            # A key comes with an order; that another tenant has such an object is nothing to tell.
            raise ObjectMissing(f"{key}: {ObjectMissing.__doc__}")
        return self._described(tenant, self._objects.head(key))

    def metadata(self, key: str) -> dict[str, str]:
        """What was written beside the file. Raises ObjectMissing."""
        return {name: unquote(value) for name, value in self._objects.head(key).metadata.items()}

    def plain_sha256(self, key: str) -> str:
        """SHA-256 of the file in the clear, which only whoever may have the file is told."""
        return self._objects.head(key).metadata[SHA256]

    def _described(self, tenant: str, found: StoredObject) -> StoredFile:
        """The file as facts name it: digests of buyers' content are keyed there, since facts are kept for ever."""
        metadata = found.metadata
        sizes = {name: int(metadata.get(key, 0)) for name, key in _SIZES.items()}
        if is_store_design(tenant, found.key):
            digest = metadata.get(SHA256) or hashlib.sha256(self._objects.get(found.key)).hexdigest()
            size_bytes, media_type = found.size_bytes, found.media_type
        else:
            digest = self._vault.digest(tenant, "file", metadata[SHA256].encode())
            size_bytes, media_type = int(metadata[SIZE]), metadata[MEDIA_TYPE]
        return StoredFile(
            key=found.key,
            version_id=found.version_id or "",
            sha256=digest,
            size_bytes=size_bytes,
            media_type=media_type,
            **sizes,
        )


_SIZES = {"width_px": WIDTH, "height_px": HEIGHT, "dpi": DPI}


def _metadata_of(file: NewFile) -> dict[str, str]:
    """What is written beside a file: what it is, and what its maker says of it, as ASCII."""
    told = {name: _told(value) for name, value in file.metadata.items() if value}
    sizes = {WIDTH: file.width_px, HEIGHT: file.height_px, DPI: file.dpi}
    return {
        **told,
        MEDIA_TYPE: file.media_type,
        SHA256: hashlib.sha256(file.content).hexdigest(),
        SIZE: str(len(file.content)),
        **{name: str(value) for name, value in sizes.items()},
    }


def _told(value: str) -> str:
    """A text percent-encoded, cut between two characters where it is too long."""
    encoded = quote(value, safe=" /.,:;()+=@-_")
    while len(encoded) > METADATA_VALUE_MAX:
        value = value[: max(1, len(value) * METADATA_VALUE_MAX // len(encoded)) - 1]
        encoded = quote(value, safe=" /.,:;()+=@-_")
    return encoded

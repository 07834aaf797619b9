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
    """Whether the object is a design of the store's own: no buyer's content, so not sealed under an order's key."""
    return key.startswith(f"{tenant}/designs/")


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
        digest = hashlib.sha256(file.content).hexdigest()
        metadata = {
            **{name: quote(value, safe=" /.,:;()+=@-_") for name, value in file.metadata.items() if value},
            MEDIA_TYPE: file.media_type,
            SHA256: digest,
            SIZE: str(len(file.content)),
            EFFECT: effect_key,
            "width-px": str(file.width_px),
            "height-px": str(file.height_px),
            "dpi": str(file.dpi),
        }
        sealed = self._vault.seal_object(tenant, order_id, key, file.content)
        stored = self._objects.put(key, sealed, SEALED_MEDIA_TYPE, metadata)
        if stored.metadata.get(EFFECT) != effect_key:
            raise WrittenForAnotherEffect(f"{key}: {WrittenForAnotherEffect.__doc__}")
        return self._described(tenant, stored)

    def read(self, tenant: str, order_id: str, key: str) -> bytes:
        """The file in the clear, or a design of the store's own. Raises ObjectMissing or a VaultError."""
        content = self._objects.get(key)
        return content if is_store_design(tenant, key) else self._vault.open_object(tenant, order_id, key, content)

    def known(self, tenant: str, key: str) -> StoredFile:
        """A file that is there already: a design of the store's own, or one of the order. Raises ObjectMissing."""
        found = self._objects.head(key)
        if not is_store_design(tenant, key):
            return self._described(tenant, found)
        digest = found.metadata.get(SHA256) or hashlib.sha256(self._objects.get(key)).hexdigest()
        return StoredFile(
            key=key,
            version_id=found.version_id or "",
            sha256=digest,
            size_bytes=found.size_bytes,
            media_type=found.media_type,
        )

    def metadata(self, key: str) -> dict[str, str]:
        """What was written beside the file. Raises ObjectMissing."""
        return {name: unquote(value) for name, value in self._objects.head(key).metadata.items()}

    def plain_sha256(self, key: str) -> str:
        """SHA-256 of the file in the clear, which only whoever may have the file is told."""
        return self._objects.head(key).metadata[SHA256]

    def _described(self, tenant: str, found: StoredObject) -> StoredFile:
        """The file as facts name it: digests of buyers' content are keyed there, since facts are kept for ever."""
        return StoredFile(
            key=found.key,
            version_id=found.version_id or "",
            sha256=self._vault.digest(tenant, "file", found.metadata[SHA256].encode()),
            size_bytes=int(found.metadata[SIZE]),
            media_type=found.metadata[MEDIA_TYPE],
            width_px=int(found.metadata["width-px"]),
            height_px=int(found.metadata["height-px"]),
            dpi=int(found.metadata["dpi"]),
        )

"""Pictures that people hand over themselves: recognised by their first bytes, bounded, stored once.

Nothing is decoded here: what a picture is worth is for the artwork check, in a child process.
"""

from __future__ import annotations

from typing import Final

from processors.ports import NamedError, Vault
from processors.workers.files import NewFile, OrderFiles, line_folder

#: As much as the artwork check takes.
UPLOAD_BYTES_MAX: Final = 50 * 1024 * 1024

_MAGIC: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}


class UploadNotUsable(NamedError):
    """A picture is a PNG, JPEG, WebP or TIFF file of at most 50 MiB. Save it as one of these and send it again."""


def picture_type(content: bytes) -> str:
    """The media type that a picture's first bytes say. Raises UploadNotUsable."""
    found = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), "")
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        found = "image/webp"
    if not found or len(content) > UPLOAD_BYTES_MAX:
        raise UploadNotUsable
    return found


def claim_pictures_folder(tenant: str, order_id: str) -> str:
    """Where the pictures of an order's claims are."""
    return f"{tenant}/{order_id}/claims/picture"


def keep_claim_picture(files: OrderFiles, vault: Vault, tenant: str, order_id: str, content: bytes) -> str:
    """Seal and store a picture for a claim; returns its name, by which the claim refers to it.

    Raises UploadNotUsable, and KeyDestroyed after an erasure. Blocks on the store.
    """
    media_type = picture_type(content)
    digest = vault.digest(tenant, "claim picture", content)
    key = f"{claim_pictures_folder(tenant, order_id)}/{digest}"
    files.store(tenant, order_id, key, digest, NewFile(content=content, media_type=media_type))
    return digest


def keep_upload(files: OrderFiles, vault: Vault, tenant: str, order_id: str, line_id: str, content: bytes) -> str:
    """Seal and store a picture for a line; returns its object key. The same picture sent again is stored once.

    Raises UploadNotUsable, and KeyDestroyed after an erasure. Blocks on the store.
    """
    media_type = picture_type(content)
    digest = vault.digest(tenant, "upload", content)
    key = f"{line_folder(tenant, order_id, line_id)}/upload/{digest}"
    return files.store(tenant, order_id, key, digest, NewFile(content=content, media_type=media_type)).key

"""What read models hold, as answers show it: object keys become signed links."""

from __future__ import annotations

from collections.abc import Iterable

from processors.links import LinkSigner
from projections.rows import AreaView

_MEDIA_TYPES = {"webp": "image/webp", "png": "image/png", "pdf": "application/pdf"}


def areas_shown(links: LinkSigner, tenant: str, order_id: str, areas: Iterable[AreaView]) -> tuple[dict[str, str], ...]:
    """The newest proof and mock-up of each print area, as fields of `AreaOut`."""
    return tuple(
        {
            "area": area.area,
            "proof_url": file_link(links, tenant, order_id, area.proof_key),
            "mockup_url": file_link(links, tenant, order_id, area.mockup_key),
        }
        for area in areas
    )


def file_link(links: LinkSigner, tenant: str, order_id: str, object_key: str) -> str:
    """A signed link to a file of the order; empty where there is none."""
    if not object_key:
        return ""
    return links.link(tenant, sealed_under(tenant, order_id, object_key), object_key, _media_type(object_key))


def sealed_under(tenant: str, order_id: str, object_key: str) -> str:
    """The order under whose key the object is sealed; empty for one that the store owns."""
    return order_id if object_key.startswith(f"{tenant}/{order_id}/") else ""


def _media_type(object_key: str) -> str:
    return _MEDIA_TYPES.get(object_key.rpartition(".")[2], "application/octet-stream")

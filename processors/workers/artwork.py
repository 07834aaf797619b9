"""Fetch a line's picture, keep the original sealed, and check picture and text against the line's template."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportArtworkChecked, ReportArtworkUnavailable
from events.order.facts import ArtworkCheckRequested
from events.order.values import StoredFile
from processors.artwork.checks import check_artwork
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import AreaUnknown, Template, TemplateInvalid, template_from_json
from processors.fetch import Fetched, FetchRefused
from processors.personal import artwork_url_field, open_text, text_field
from processors.ports import NamedError, ObjectMissing, Vault, VaultError
from processors.workers.files import NewFile, OrderFiles, line_folder
from projections.rows import PublishedTemplate

#: What a picture's own bytes say of it, as a media type.
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff"}


class TemplateNotPublished(NamedError):
    """The line's template is not in the catalogue (yet). Publish it; the line is checked again."""


class Templates(Protocol):
    """Reads the catalogue. May block."""

    def template(self, template_id: str, template_version: int) -> PublishedTemplate | None:
        """A published version of a template."""
        ...


class Fetcher(Protocol):
    """Fetches what a buyer's order points to; bounded and guarded."""

    async def fetch(self, url: str) -> Fetched:
        """The file, or a FetchRefused."""
        ...


def template_of(templates: Templates, template_id: str, version: int) -> Template:
    """The template that a line is printed by. Raises TemplateNotPublished or TemplateInvalid. May block."""
    found = templates.template(template_id, version)
    if found is None:
        raise TemplateNotPublished(f"{template_id} version {version}: {TemplateNotPublished.__doc__}")
    return template_from_json(found.body)


@dataclass(frozen=True, kw_only=True)
class CheckArtwork:
    """The effect of `ArtworkCheckRequested`: one sealed original, once, and a verdict."""

    files: OrderFiles
    vault: Vault
    fetcher: Fetcher
    templates: Templates
    pool: SandboxPool
    at_once: int = 4

    name: ClassVar[str] = "artwork"
    request: ClassVar[type[ArtworkCheckRequested]] = ArtworkCheckRequested

    async def carry_out(self, fact: ArtworkCheckRequested, envelope: FactEnvelope) -> OrderCommand:
        """Fetch, keep, check. What cannot be had is reported with the reason, and whether another try may help."""
        try:
            original = await self._original(fact, envelope)
            return await asyncio.to_thread(self._checked, fact, envelope, original)
        except FetchRefused as refused:
            return _unavailable(fact, refused, retryable=refused.retryable)
        except TemplateNotPublished as missing:
            return _unavailable(fact, missing, retryable=True)
        except (VaultError, ObjectMissing, TemplateInvalid, AreaUnknown) as unusable:
            return _unavailable(fact, unusable, retryable=False)

    async def _original(self, fact: ArtworkCheckRequested, envelope: FactEnvelope) -> StoredFile | None:
        """The picture as a stored file: the buyer's, else the store's design, else none."""
        tenant, order_id = envelope.tenant, envelope.key
        if fact.artwork_url is None:
            design_key = fact.artwork.design_key
            return await asyncio.to_thread(self.files.design, tenant, design_key) if design_key else None
        key = f"{line_folder(tenant, order_id, fact.line_id)}/original/{fact.effect_key}"
        if (known := await asyncio.to_thread(self.files.find, tenant, key, fact.effect_key)) is not None:
            return known
        field = artwork_url_field(fact.line_id)
        url = await asyncio.to_thread(open_text, self.vault, tenant, order_id, field, fact.artwork_url)
        fetched = await self.fetcher.fetch(url or "")
        file = NewFile(content=fetched.content, media_type="application/octet-stream")
        return await asyncio.to_thread(self.files.store, tenant, order_id, key, fact.effect_key, file)

    def _checked(
        self, fact: ArtworkCheckRequested, envelope: FactEnvelope, original: StoredFile | None
    ) -> ReportArtworkChecked:
        tenant, order_id = envelope.tenant, envelope.key
        content = self.files.read(tenant, order_id, original.key) if original else None
        text = open_text(self.vault, tenant, order_id, text_field(fact.line_id), fact.text)
        template = template_of(self.templates, fact.artwork.template_id, fact.artwork.template_version)
        result = check_artwork(self.pool, content, text, template)
        if original is not None:
            original = msgspec.structs.replace(
                original,
                media_type=MEDIA_TYPES.get(result.format.upper(), original.media_type),
                width_px=result.width_px,
                height_px=result.height_px,
            )
        return ReportArtworkChecked(
            request_id=fact.request_id,
            line_id=fact.line_id,
            verdict=result.verdict,
            findings=result.findings,
            original=original,
        )


def _unavailable(fact: ArtworkCheckRequested, error: NamedError, *, retryable: bool) -> ReportArtworkUnavailable:
    return ReportArtworkUnavailable(
        request_id=fact.request_id, line_id=fact.line_id, reason=str(error), retryable=retryable
    )

"""Fetch a line's picture, keep the original sealed, and check picture and text against the line's template."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportArtworkChecked, ReportArtworkUnavailable
from events.order.facts import ArtworkCheckRequested
from events.order.values import AreaContent, AreaFile, Finding, StoredFile
from processors.artwork.background import RemoverNotUsable
from processors.artwork.checks import check_artwork
from processors.artwork.findings import verdict
from processors.artwork.lists import CheckLists, shipped_lists
from processors.artwork.picture import media_type
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import AreaUnknown, Template, TemplateInvalid, template_from_json
from processors.fetch import Fetched, FetchRefused
from processors.personal import artwork_url_field, open_text
from processors.ports import NamedError, ObjectMissing, Vault, VaultError
from processors.workers.areas import PrintedArea, crop_of, printed_areas, text_of
from processors.workers.art import TemplateArt, TemplateArtMissing
from processors.workers.files import NewFile, OrderFiles, line_folder
from projections.rows import PublishedTemplate


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
    """The effect of `ArtworkCheckRequested`: one sealed original an area, once, and a verdict.

    `lists` gives the operator's lists as they are now, `remover` names the operator's own background remover.
    """

    files: OrderFiles
    vault: Vault
    fetcher: Fetcher
    templates: Templates
    art: TemplateArt
    pool: SandboxPool
    lists: Callable[[], CheckLists] = shipped_lists
    remover: str = ""
    at_once: int = 4

    name: ClassVar[str] = "artwork"
    request: ClassVar[type[ArtworkCheckRequested]] = ArtworkCheckRequested

    async def carry_out(self, fact: ArtworkCheckRequested, envelope: FactEnvelope) -> OrderCommand:
        """Fetch, keep, check. What cannot be had is reported with the reason, and whether another try may help."""
        try:
            template = await asyncio.to_thread(
                template_of, self.templates, fact.artwork.template_id, fact.artwork.template_version
            )
            areas = printed_areas(template, fact.contents)
            originals = {area.name: await self._original(fact, envelope, area) for area in areas}
            return await asyncio.to_thread(self._checked, fact, envelope, template, areas, originals)
        except FetchRefused as refused:
            return _unavailable(fact, refused, retryable=refused.retryable)
        except (TemplateNotPublished, TemplateArtMissing, RemoverNotUsable) as missing:
            return _unavailable(fact, missing, retryable=True)
        except (VaultError, ObjectMissing, TemplateInvalid, AreaUnknown) as unusable:
            return _unavailable(fact, unusable, retryable=False)

    async def _original(
        self, fact: ArtworkCheckRequested, envelope: FactEnvelope, area: PrintedArea
    ) -> StoredFile | None:
        """The area's picture as a stored file: the buyer's, else the store's design, else none."""
        tenant, order_id, picture = envelope.tenant, envelope.key, area.picture
        if picture is None:
            return None
        if picture.artwork_url is None:
            return await asyncio.to_thread(self.files.known, tenant, picture.design_key or "")
        key = f"{line_folder(tenant, order_id, fact.line_id)}/{area.name}/original/{fact.effect_key}"
        if (known := await asyncio.to_thread(self.files.find, tenant, key, fact.effect_key)) is not None:
            return known
        fetched = await self.fetcher.fetch(await asyncio.to_thread(self._address, fact.line_id, picture, envelope))
        metadata = {
            "designer": fact.artwork.designer,
            "template": f"{fact.artwork.template_id} v{fact.artwork.template_version}",
            "area": area.name,
        }
        file = NewFile(content=fetched.content, media_type=media_type(fetched.content), metadata=metadata)
        return await asyncio.to_thread(self.files.store, tenant, order_id, key, fact.effect_key, file)

    def _address(self, line_id: str, picture: AreaContent, envelope: FactEnvelope) -> str:
        field = artwork_url_field(line_id, picture.area)
        return open_text(self.vault, envelope.tenant, envelope.key, field, picture.artwork_url) or ""

    def _checked(
        self,
        fact: ArtworkCheckRequested,
        envelope: FactEnvelope,
        template: Template,
        areas: tuple[PrintedArea, ...],
        originals: dict[str, StoredFile | None],
    ) -> ReportArtworkChecked:
        tenant, order_id = envelope.tenant, envelope.key
        findings: list[Finding] = []
        kept: list[AreaFile] = []
        for area in areas:
            original = originals[area.name]
            result = check_artwork(
                self.pool,
                self.files.read(tenant, order_id, original.key) if original else None,
                text_of(area, self.vault, tenant, order_id, fact.line_id),
                template,
                area.name,
                lists=self.lists(),
                art=self.art.of(template, area.name),
                crop=crop_of(area),
                remover=self.remover,
            )
            findings += [msgspec.structs.replace(finding, area=area.name) for finding in result.findings]
            if original is not None:
                seen = msgspec.structs.replace(original, width_px=result.width_px, height_px=result.height_px)
                kept.append(AreaFile(area=area.name, file=seen))
        return ReportArtworkChecked(
            request_id=fact.request_id,
            line_id=fact.line_id,
            verdict=verdict(findings),
            findings=tuple(findings),
            originals=tuple(kept),
        )


def _unavailable(fact: ArtworkCheckRequested, error: NamedError, *, retryable: bool) -> ReportArtworkUnavailable:
    return ReportArtworkUnavailable(
        request_id=fact.request_id, line_id=fact.line_id, reason=str(error), retryable=retryable
    )

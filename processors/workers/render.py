"""Make a line's print file, proof and mock-up, and keep each of them once, sealed, under consistent names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportRendered, ReportRenderFailed
from events.order.facts import RenderRequested
from events.order.values import AreaFile, RenderedArea, StoredFile
from processors.artwork.render import ArtworkNotRenderable, Rendered, render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import AreaUnknown, Template, TemplateInvalid
from processors.ports import ObjectMissing, Vault, VaultError
from processors.workers.areas import PrintedArea, printed_areas, text_of
from processors.workers.artwork import TemplateNotPublished, Templates, template_of
from processors.workers.files import NewFile, OrderFiles, WrittenForAnotherEffect, line_folder

PRINT_FILE, PROOF, MOCKUP = "print.png", "proof.webp", "mockup.webp"
COLOUR_PROFILE = "sRGB IEC61966-2.1"


@dataclass(frozen=True, kw_only=True)
class Render:
    """The effect of `RenderRequested`: three sealed objects an area, one version each."""

    files: OrderFiles
    vault: Vault
    templates: Templates
    pool: SandboxPool
    at_once: int = 2

    name: ClassVar[str] = "render"
    request: ClassVar[type[RenderRequested]] = RenderRequested

    async def carry_out(self, fact: RenderRequested, envelope: FactEnvelope) -> OrderCommand:
        """Render, unless an earlier try has stored all files."""
        try:
            return await asyncio.to_thread(self._rendered, fact, envelope)
        except TemplateNotPublished as missing:
            return _failed(fact, str(missing), retryable=True)
        except (ArtworkNotRenderable, TemplateInvalid, AreaUnknown, VaultError, ObjectMissing) as unusable:
            return _failed(fact, str(unusable), retryable=False)

    def _rendered(self, fact: RenderRequested, envelope: FactEnvelope) -> ReportRendered:
        template = template_of(self.templates, fact.artwork.template_id, fact.artwork.template_version)
        originals = {one.area: one for one in fact.originals}
        made = [
            self._area(fact, envelope, template, area, originals.get(area.name))
            for area in printed_areas(template, fact.contents)
        ]
        return ReportRendered(
            request_id=fact.request_id,
            line_id=fact.line_id,
            version=fact.version,
            areas=tuple(area for area, _ in made),
            renderer_version=made[0][1],
        )

    def _area(
        self,
        fact: RenderRequested,
        envelope: FactEnvelope,
        template: Template,
        area: PrintedArea,
        original: AreaFile | None,
    ) -> tuple[RenderedArea, str]:
        """The area's files, and the version of the renderer that made them."""
        folder = f"{line_folder(envelope.tenant, envelope.key, fact.line_id)}/{area.name}/v{fact.version}"
        try:
            return self._in_folder(fact, envelope, template, area, original, folder)
        except WrittenForAnotherEffect:
            # The line was edited while this version was rendered before: the earlier files stay what they were.
            return self._in_folder(fact, envelope, template, area, original, f"{folder}-{fact.effect_key[:8]}")

    def _in_folder(
        self,
        fact: RenderRequested,
        envelope: FactEnvelope,
        template: Template,
        area: PrintedArea,
        original: AreaFile | None,
        folder: str,
    ) -> tuple[RenderedArea, str]:
        tenant, effect = envelope.tenant, fact.effect_key
        names = (PRINT_FILE, PROOF, MOCKUP)
        text = text_of(area, self.vault, tenant, envelope.key, fact.line_id)
        stored = {name: self.files.find(tenant, f"{folder}/{name}", effect) for name in names}
        if not all(stored.values()):
            content = self.files.read(tenant, envelope.key, original.file.key) if original else None
            rendered = render_line(self.pool, content, text, template, area.name)
            new = _files(fact, template, area.name, rendered)
            # The print file comes last: where it is, all of them are.
            for name in (MOCKUP, PROOF, PRINT_FILE):
                stored[name] = self.files.store(tenant, envelope.key, f"{folder}/{name}", effect, new[name])
        made = _rendered_area(area.name, stored)
        digests = msgspec.structs.replace(
            made,
            original_digest=original.file.sha256 if original else "",
            text_digest=self.vault.digest(tenant, "text", text.encode()) if text else "",
        )
        return digests, self.files.metadata(f"{folder}/{PRINT_FILE}")["renderer"]


def _files(fact: RenderRequested, template: Template, area: str, rendered: Rendered) -> dict[str, NewFile]:
    metadata = {
        "designer": fact.artwork.designer,
        "template": f"{template.template_id} v{template.version}",
        "variant": fact.artwork.variant_id,
        "area": area,
        "colour-profile": COLOUR_PROFILE,
        "renderer": rendered.renderer_version,
    }
    return {
        PRINT_FILE: NewFile(
            content=rendered.print_png,
            media_type="image/png",
            width_px=rendered.width_px,
            height_px=rendered.height_px,
            dpi=rendered.dpi,
            metadata=metadata,
        ),
        PROOF: NewFile(content=rendered.proof_webp, media_type="image/webp", metadata=metadata),
        MOCKUP: NewFile(content=rendered.mockup_webp, media_type="image/webp", metadata=metadata),
    }


def _rendered_area(area: str, stored: dict[str, StoredFile | None]) -> RenderedArea:
    print_file, proof = stored[PRINT_FILE], stored[PROOF]
    if print_file is None or proof is None:
        raise AssertionError("both were found or stored just now")
    return RenderedArea(area=area, print_file=print_file, proof=proof, mockup=stored[MOCKUP])


def _failed(fact: RenderRequested, reason: str, *, retryable: bool) -> ReportRenderFailed:
    return ReportRenderFailed(
        request_id=fact.request_id, line_id=fact.line_id, version=fact.version, reason=reason, retryable=retryable
    )

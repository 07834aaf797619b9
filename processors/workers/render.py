"""Make a line's print files, proofs and mock-ups, and keep each of them once, under consistent names.

What holds a buyer's picture or text is sealed under the order's key, in the order's folder. What is made of nothing but
the store's own design is rendered once for all orders and lies beside the designs, named by a digest of all that its
pixels depend on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportRendered, ReportRenderFailed
from events.order.facts import RenderRequested
from events.order.values import AreaFile, RenderedArea, StoredFile
from processors.artwork.background import RemoverNotUsable
from processors.artwork.press import renderer_version
from processors.artwork.render import ArtworkNotRenderable, Rendered, render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import AreaUnknown, PrintArea, Template, TemplateInvalid, template_to_json
from processors.ports import ObjectMissing, Vault, VaultError
from processors.workers.areas import PrintedArea, crop_of, printed_areas, text_of
from processors.workers.art import TemplateArt, TemplateArtMissing
from processors.workers.artwork import TemplateNotPublished, Templates, template_of
from processors.workers.files import NewFile, OrderFiles, WrittenForAnotherEffect, is_store_design, line_folder

PRINT_FILE, PRINT_PDF, PROOF, MOCKUP = "print.png", "print.pdf", "proof.webp", "mockup.webp"
COLOUR_PROFILE = "sRGB IEC61966-2.1"
#: Where renders of the store's own designs lie, below the tenant.
SHARED_FOLDER = "designs/rendered"

Find = Callable[[str], StoredFile | None]
Store = Callable[[str, NewFile], StoredFile]


class AreaJob(msgspec.Struct, frozen=True, kw_only=True):
    """One area that is to be rendered, and for whom."""

    fact: RenderRequested
    envelope: FactEnvelope
    template: Template
    area: PrintedArea
    original: AreaFile | None

    @property
    def is_stores_own(self) -> bool:
        """Whether nothing of a buyer's comes onto the area."""
        if self.area.text is not None or crop_of(self.area) is not None:
            return False
        return self.original is None or is_store_design(self.envelope.tenant, self.original.file.key)

    @property
    def names(self) -> tuple[str, ...]:
        """The files of the area; the print file comes last: where it is, all of them are."""
        pdf = (PRINT_PDF,) if self.template.area(self.area.name).pdf else ()
        return (MOCKUP, PROOF, *pdf, PRINT_FILE)


@dataclass(frozen=True, kw_only=True)
class Render:
    """The effect of `RenderRequested`: an area's files, one version each. `remover` as for the check."""

    files: OrderFiles
    vault: Vault
    templates: Templates
    art: TemplateArt
    pool: SandboxPool
    remover: str = ""
    at_once: int = 2

    name: ClassVar[str] = "render"
    request: ClassVar[type[RenderRequested]] = RenderRequested

    async def carry_out(self, fact: RenderRequested, envelope: FactEnvelope) -> OrderCommand:
        """Render, unless an earlier try or an earlier order has stored all files."""
        try:
            return await asyncio.to_thread(self._rendered, fact, envelope)
        except (TemplateNotPublished, TemplateArtMissing, RemoverNotUsable) as missing:
            return _failed(fact, str(missing), retryable=True)
        except (ArtworkNotRenderable, TemplateInvalid, AreaUnknown, VaultError, ObjectMissing) as unusable:
            return _failed(fact, str(unusable), retryable=False)

    def _rendered(self, fact: RenderRequested, envelope: FactEnvelope) -> ReportRendered:
        template = template_of(self.templates, fact.artwork.template_id, fact.artwork.template_version)
        originals = {one.area: one for one in fact.originals}
        made = [
            self._area(
                AreaJob(fact=fact, envelope=envelope, template=template, area=area, original=originals.get(area.name))
            )
            for area in printed_areas(template, fact.contents)
        ]
        return ReportRendered(
            request_id=fact.request_id,
            line_id=fact.line_id,
            version=fact.version,
            areas=tuple(area for area, _ in made),
            renderer_version=made[0][1],
        )

    def _area(self, job: AreaJob) -> tuple[RenderedArea, str]:
        """The area's files, and the version of the renderer that made them."""
        if job.is_stores_own:
            return self._shared(job)
        folder = f"{line_folder(job.envelope.tenant, job.envelope.key, job.fact.line_id)}/{job.area.name}"
        try:
            return self._sealed(job, f"{folder}/v{job.fact.version}")
        except WrittenForAnotherEffect:
            # The line was edited while this version was rendered before: the earlier files stay what they were.
            return self._sealed(job, f"{folder}/v{job.fact.version}-{job.fact.effect_key[:8]}")

    def _sealed(self, job: AreaJob, folder: str) -> tuple[RenderedArea, str]:
        """Files of this order alone, sealed under its key."""
        tenant, order_id, effect = job.envelope.tenant, job.envelope.key, job.fact.effect_key
        text = text_of(job.area, self.vault, tenant, order_id, job.fact.line_id)
        made, version = self._in_folder(
            job,
            text,
            folder,
            find=lambda key: self.files.find(tenant, key, effect),
            store=lambda key, file: self.files.store(tenant, order_id, key, effect, file),
        )
        text_digest = self.vault.digest(tenant, "text", text.encode()) if text else ""
        return msgspec.structs.replace(made, text_digest=text_digest), version

    def _shared(self, job: AreaJob) -> tuple[RenderedArea, str]:
        """Files that all orders of the store's design share."""
        tenant = job.envelope.tenant
        return self._in_folder(
            job,
            None,
            f"{tenant}/{SHARED_FOLDER}/{shared_digest(job, self.remover)}",
            find=lambda key: self.files.find_shared(tenant, key),
            store=lambda key, file: self.files.store_shared(tenant, key, file),
        )

    def _in_folder(
        self, job: AreaJob, text: str | None, folder: str, *, find: Find, store: Store
    ) -> tuple[RenderedArea, str]:
        stored = {name: find(f"{folder}/{name}") for name in job.names}
        if not all(stored.values()):
            new = _files(job, self._render(job, text))
            stored |= {name: store(f"{folder}/{name}", new[name]) for name in job.names}
        made = _rendered_area(job.template.area(job.area.name), stored)
        if job.original is not None:
            made = msgspec.structs.replace(made, original_digest=job.original.file.sha256)
        return made, self.files.metadata(f"{folder}/{PRINT_FILE}")["renderer"]

    def _render(self, job: AreaJob, text: str | None) -> Rendered:
        original = job.original
        return render_line(
            self.pool,
            self.files.read(job.envelope.tenant, job.envelope.key, original.file.key) if original else None,
            text,
            job.template,
            job.area.name,
            art=self.art.of(job.template, job.area.name),
            crop=crop_of(job.area),
            remover=self.remover,
        )


def shared_digest(job: AreaJob, remover: str) -> str:
    """A digest of all that the files of a store's own design depend on, as a part of their name."""
    parts = (
        job.original.file.sha256 if job.original else "",
        hashlib.sha256(template_to_json(job.template)).hexdigest(),
        job.area.name,
        job.fact.artwork.designer,
        remover,
        renderer_version(),
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _files(job: AreaJob, rendered: Rendered) -> dict[str, NewFile]:
    metadata = {
        "designer": job.fact.artwork.designer,
        "template": f"{job.template.template_id} v{job.template.version}",
        # All variants share the files of a store's own design.
        "variant": "" if job.is_stores_own else job.fact.artwork.variant_id,
        "area": job.area.name,
        "print-dpi": str(rendered.dpi),
        "colour-profile": COLOUR_PROFILE,
        "renderer": rendered.renderer_version,
        "background": "removed" if rendered.background_removed else "",
    }
    size = {"width_px": rendered.width_px, "height_px": rendered.height_px, "dpi": rendered.dpi}
    files = {
        PRINT_FILE: NewFile(content=rendered.print_png, media_type="image/png", metadata=metadata, **size),
        PROOF: NewFile(content=rendered.proof_webp, media_type="image/webp", metadata=metadata),
        MOCKUP: NewFile(content=rendered.mockup_webp, media_type="image/webp", metadata=metadata),
    }
    if rendered.print_pdf is not None:
        files[PRINT_PDF] = NewFile(content=rendered.print_pdf, media_type="application/pdf", metadata=metadata, **size)
    return files


def _rendered_area(area: PrintArea, stored: dict[str, StoredFile | None]) -> RenderedArea:
    print_file, proof = stored[PRINT_FILE], stored[PROOF]
    if print_file is None or proof is None:
        raise AssertionError("both were found or stored just now")
    return RenderedArea(
        area=area.name,
        print_file=print_file,
        print_pdf=stored.get(PRINT_PDF),
        proof=proof,
        mockup=stored[MOCKUP],
        bleed_um=area.bleed_um,
    )


def _failed(fact: RenderRequested, reason: str, *, retryable: bool) -> ReportRenderFailed:
    return ReportRenderFailed(
        request_id=fact.request_id, line_id=fact.line_id, version=fact.version, reason=reason, retryable=retryable
    )

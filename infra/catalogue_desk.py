"""What operators say to the catalogue: map a SKU, store a design, publish descriptions."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping

import msgspec

from events.catalogue.commands import CatalogueCommandUnion, MapSku, PublishTemplate
from events.catalogue.decide import catalogue_key
from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.values import AreaDesign, LineArtwork
from processors.artwork.template import Template, template_from_json, template_to_json
from processors.ports import CommandSender, ObjectMissing, ObjectStore
from processors.uploads import UploadNotUsable, picture_type
from processors.workers.art import ART_BYTES_MAX, TemplateArtMissing, art_key

NO_DESIGNS: Mapping[str, bytes] = {}


SHARED_TENANT = "shared"
"""Products, templates and partners belong to no tenant; SKU mappings belong to one."""


class CatalogueDesk:
    """Sends catalogue commands. `actor` names who speaks, `now_ms` gives epoch milliseconds."""

    def __init__(self, sender: CommandSender, objects: ObjectStore, now_ms: Callable[[], int], actor: str) -> None:
        self._sender = sender
        self._objects = objects
        self._now_ms = now_ms
        self._actor = actor

    async def say(self, tenant: str, said: Iterable[CatalogueCommandUnion]) -> int:
        """Send commands; returns how many. The same content said again is the same command."""
        count = 0
        for command in said:
            key = catalogue_key(tenant, command)
            digest = hashlib.sha256(msgspec.msgpack.encode(command)).hexdigest()
            envelope = CommandEnvelope(
                command_id=command_id("catalogue", key, digest),
                key=key,
                tenant=tenant,
                command_type=type(command).__name__,
                sent_at=self._now_ms(),
                actor=self._actor,
            )
            await self._sender.send(command, envelope)
            count += 1
        return count

    async def map_sku(
        self, tenant: str, store: str, sku: str, artwork: LineArtwork, *, designs: Mapping[str, bytes] = NO_DESIGNS
    ) -> MapSku:
        """Say what a SKU means; `designs` by print area are stored once, each under its digest. UploadNotUsable."""
        kept = (AreaDesign(area=area, design_key=self.keep_design(tenant, one)) for area, one in designs.items())
        artwork = msgspec.structs.replace(artwork, designs=(*artwork.designs, *kept))
        command = MapSku(source_version=self._now_ms(), store=store, sku=sku, artwork=artwork)
        await self.say(tenant, (command,))
        return command

    def keep_design(self, tenant: str, design: bytes) -> str:
        """Store a tenant's design once, under its own digest; returns its key. Blocks. UploadNotUsable."""
        digest = hashlib.sha256(design).hexdigest()
        key = f"{tenant}/designs/{digest}"
        self._objects.put(key, design, picture_type(design), {"sha256": digest})
        return key

    def keep_art(self, art: bytes) -> str:
        """Store a file that templates are made of; returns the digest that names it. Blocks. UploadNotUsable."""
        if len(art) > ART_BYTES_MAX:
            raise UploadNotUsable(f"A file of a template has at most {ART_BYTES_MAX // 1024**2} MiB.")
        digest = hashlib.sha256(art).hexdigest()
        self._objects.put(art_key(digest), art, picture_type(art), {"sha256": digest})
        return digest

    async def publish_template(self, product_id: str, document: bytes, art: Iterable[bytes] = ()) -> Template:
        """Publish a version of a product's template, with the files that it is made of; orders keep their versions.

        Raises TemplateInvalid, UploadNotUsable, and TemplateArtMissing where a file is neither given nor there already.
        """
        template = template_from_json(document)
        given = [await asyncio.to_thread(self.keep_art, one) for one in art]
        for asset in sorted(template.assets.difference(given)):
            try:
                await asyncio.to_thread(self._objects.head, art_key(asset))
            except ObjectMissing:
                raise TemplateArtMissing(f"{asset}: {TemplateArtMissing.__doc__}") from None
        command = PublishTemplate(
            source_version=self._now_ms(),
            template_id=template.template_id,
            template_version=template.version,
            product_id=product_id,
            body=template_to_json(template).decode(),
        )
        await self.say(SHARED_TENANT, (command,))
        return template

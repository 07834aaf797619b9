"""Live previews from what is published: the template version that a tenant is offered, its files, the pool of children.

Nothing that comes in here is stored. What can be had about a stored picture (a store's design, a file of an order) is
read by the caller, who knows whose it is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from processors.artwork.lists import CheckLists
from processors.artwork.live import PictureFormat, Preview, View, draw_preview
from processors.artwork.placement import Crop
from processors.artwork.rollout import Rollout, offered_version
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Template, template_from_json
from processors.ports import NamedError
from processors.workers.art import TemplateArt
from projections.rows import PublishedTemplate

#: Published versions never change, so they are parsed once.
TEMPLATES_REMEMBERED = 200


class TemplateUnknown(NamedError):
    """No template of this id and version is published. Look at the template ids of your products."""


class ColourUnknown(NamedError):
    """The blank does not come in this colour. Use one of the names that the message lists."""


class Templates(Protocol):
    """Reads the catalogue. May block."""

    def template(self, template_id: str, template_version: int) -> PublishedTemplate | None:
        """A published version of a template."""
        ...

    def newest_version(self, template_id: str) -> int | None:
        """The newest published version, None where there is none."""
        ...


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a designer wants to see. `area` None is the template's first; `colour` None is the product's own."""

    area: str | None = None
    colour: str | None = None
    text: str | None = None
    picture: bytes | None = None
    crop: Crop | None = None
    width_px: int = 600
    view: View = "mockup"
    format: PictureFormat = "webp"


class PreviewStudio:
    """Draws previews for tenants. May be used from several threads; calls block."""

    def __init__(
        self,
        *,
        pool: SandboxPool,
        templates: Templates,
        art: TemplateArt,
        lists: Callable[[], CheckLists],
        rollouts: Mapping[str, Rollout],
        remover: str = "",
    ) -> None:
        """`rollouts` by template id; a template without one is offered in its newest version."""
        self._pool = pool
        self._templates = templates
        self._art = art
        self._lists = lists
        self._rollouts = rollouts
        self._remover = remover
        self._parsed: OrderedDict[tuple[str, int], Template] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def picture_bytes_max(self) -> int:
        """The largest picture that is opened."""
        return self._pool.limits.input_bytes_max

    def template(self, tenant: str, template_id: str, version: int | None = None) -> Template:
        """That version, or the one that the tenant is offered. Raises TemplateUnknown, TemplateInvalid."""
        if version is None:
            rollout = self._rollouts.get(template_id)
            version = offered_version(rollout, tenant) if rollout else self._templates.newest_version(template_id)
        key = (template_id, version or 0)
        with self._guard:
            if (parsed := self._parsed.get(key)) is not None:
                self._parsed.move_to_end(key)
                return parsed
        published = self._templates.template(*key) if version else None
        if published is None:
            name = f"{template_id} version {version}" if version else template_id
            raise TemplateUnknown(f"{name}: {TemplateUnknown.__doc__}")
        parsed = template_from_json(published.body)
        with self._guard:
            self._parsed[key] = parsed
            while len(self._parsed) > TEMPLATES_REMEMBERED:
                self._parsed.popitem(last=False)
        return parsed

    def draw(self, tenant: str, template: Template, wanted: Wanted) -> Preview:
        """Draw it, and tell what a check would find.

        Raises AreaUnknown, ColourUnknown, TemplateInvalid, TemplateArtMissing, RemoverNotUsable, and SandboxBusy,
        SandboxClosed or ChildNotStarted when no child process can work at the moment.
        """
        template = coloured(template, wanted.colour)
        area = template.area(wanted.area).name
        return draw_preview(
            self._pool,
            wanted.picture,
            wanted.text,
            template,
            area,
            width_px=wanted.width_px,
            view=wanted.view,
            format=wanted.format,
            art=lambda: self._art.of(template, area),
            crop=wanted.crop,
            owner=tenant,
            lists=self._lists(),
            remover=self._remover,
        )


def coloured(template: Template, colour: str | None) -> Template:
    """The template on a blank of another of its colours. Raises ColourUnknown with the names that there are."""
    if colour is None:
        return template
    product = template.product
    shown = product.colour_named(colour)
    if shown is None:
        names = ", ".join([product.colour, *product.colours])
        raise ColourUnknown(f"{colour}: {ColourUnknown.__doc__} {names}")
    return msgspec.structs.replace(template, product=msgspec.structs.replace(product, colour=shown))

"""What an import would change: each row against what is known, before anything is said to the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from events.catalogue.commands import (
    CatalogueCommandUnion,
    DefineProduct,
    MapSku,
    PublishTemplate,
    RegisterPartner,
    ReportPartnerLoad,
    ReportPartnerOffer,
)
from events.catalogue.decide import TemplateVersionTaken, catalogue_key
from processors.catalogue.columns import described, kind_of, values_of
from processors.catalogue.table import Described

Word: TypeAlias = Literal["added", "changed", "unchanged", "refused"]
WORDS: Final[tuple[Word, ...]] = ("added", "changed", "unchanged", "refused")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one row would do: `fields` are those that differ, `why` is told of a refused one."""

    line: int
    key: str
    word: Word
    fields: tuple[str, ...] = ()
    why: str = ""
    #: What is to be said, with its version; None where nothing is.
    command: CatalogueCommandUnion | None = None


class Known:
    """What the catalogue says now, by key."""

    def __init__(self, tenant: str, descriptions: Iterable[CatalogueCommandUnion]) -> None:
        """`descriptions` of everything shared and of the tenant's own SKUs."""
        self.by_key = {catalogue_key(tenant, command): command for command in descriptions}

    def named(self, others: Iterable[CatalogueCommandUnion]) -> Mapping[str, frozenset[object]]:
        """What rows may refer to: known, or described beside them."""
        everything = (*self.by_key.values(), *others)
        return {
            "product": frozenset(c.product_id for c in everything if isinstance(c, DefineProduct)),
            "variant": frozenset(v.variant_id for c in everything if isinstance(c, DefineProduct) for v in c.variants),
            "ready-made": frozenset(
                v.variant_id
                for c in everything
                if isinstance(c, DefineProduct) and not c.print_areas
                for v in c.variants
            ),
            "partner": frozenset(c.partner_id for c in everything if isinstance(c, RegisterPartner)),
            "template": frozenset(
                (c.template_id, c.template_version) for c in everything if isinstance(c, PublishTemplate)
            ),
        }


def plan(rows: Sequence[Described], known: Known, now_ms: int) -> tuple[Step, ...]:
    """One step a row, in their order. What is said has a version that is newer than what is known."""
    rows = [_filled(row, known.by_key.get(row.key)) for row in rows]
    named = known.named(row.command for row in rows)
    return tuple(_step(row, known.by_key.get(row.key), named, now_ms) for row in rows)


def _filled(row: Described, known: CatalogueCommandUnion | None) -> Described:
    """The row with what is known in the columns that its table leaves out."""
    kind = kind_of(row.command)
    if known is None or kind is None or not row.left_out:
        return row
    kept = {name: value for name, value in values_of(known).items() if name in row.left_out}
    return msgspec.structs.replace(row, command=described(kind, values_of(row.command) | kept))


def counted(steps: Iterable[Step]) -> dict[Word, int]:
    """How many rows do what."""
    found = Counter(step.word for step in steps)
    return {word: found[word] for word in WORDS}


def _step(
    row: Described, known: CatalogueCommandUnion | None, named: Mapping[str, frozenset[object]], now_ms: int
) -> Step:
    if why := _dangling(row.command, named):
        return Step(line=row.line, key=row.key, word="refused", why=why)
    if known is None:
        command = msgspec.structs.replace(row.command, source_version=now_ms)
        return Step(line=row.line, key=row.key, word="added", command=command)
    before, after = values_of(known), values_of(row.command)
    fields = tuple(name for name, value in after.items() if before[name] != value)
    if not fields:
        return Step(line=row.line, key=row.key, word="unchanged")
    if isinstance(known, PublishTemplate):
        return Step(line=row.line, key=row.key, word="refused", fields=fields, why=str(TemplateVersionTaken.__doc__))
    command = msgspec.structs.replace(row.command, source_version=max(now_ms, known.source_version + 1))
    return Step(line=row.line, key=row.key, word="changed", fields=fields, command=command)


def _dangling(command: CatalogueCommandUnion, named: Mapping[str, frozenset[object]]) -> str:
    """What a description names that nobody described; empty where all is there."""
    missing: list[str] = []

    def want(kind: str, name: object) -> None:
        if name not in named[kind]:
            missing.append(f"{kind} {name}")

    match command:
        case PublishTemplate():
            want("product", command.product_id)
        case ReportPartnerOffer():
            want("partner", command.partner_id)
            want("variant", command.variant_id)
        case ReportPartnerLoad():
            want("partner", command.partner_id)
        case MapSku():
            artwork = command.artwork
            want("variant", artwork.variant_id)
            if not artwork.is_ready_made:
                want("template", (artwork.template_id, artwork.template_version))
            elif artwork.variant_id in named["variant"] - named["ready-made"]:
                return f"{artwork.variant_id} is printed, and would be sent blank: name the template of its product"
        case _:
            pass
    return f"nobody knows the {' and the '.join(missing)}: describe it in the file, or before" if missing else ""

"""The columns of the catalogue's table: one kind of row a description, a cell a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

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
from events.decoding import from_json
from events.order.values import LineArtwork

KIND: Final = "kind"
KINDS: Final[Mapping[str, type[CatalogueCommandUnion]]] = {
    "product": DefineProduct,
    "template": PublishTemplate,
    "partner": RegisterPartner,
    "load": ReportPartnerLoad,
    "offer": ReportPartnerOffer,
    "sku": MapSku,
}
"""What a row may describe, in the order of an export: what is named comes before what names it."""

#: A spreadsheet takes a cell that begins so for a formula; a quote before it says that it is none.
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "'")

Cells: TypeAlias = dict[str, str]


class CellNotUsable(ValueError):
    """The cell's text is no value of its column; the message says what is."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a description. Text stands as it is, everything else as JSON; empty means the default."""

    name: str
    type: Any
    required: bool
    default: Any
    is_text: bool

    def cell(self, value: Any) -> str:
        """The cell of a value."""
        if not self.required and value == self.default:
            return ""
        if not self.is_text:
            return msgspec.json.encode(value, order="deterministic").decode()
        text = str(value)
        return f"'{text}" if text.startswith(FORMULA_SIGNS) else text

    def value(self, cell: str) -> Any:
        """The value of a cell. Raises CellNotUsable."""
        if not cell:
            if self.required:
                raise CellNotUsable("is empty: give a value")
            return self.default
        if self.is_text:
            return cell.removeprefix("'")
        # Spreadsheets write truth in capitals.
        text = cell.lower() if self.type is bool else cell
        try:
            return from_json(text, self.type)
        except msgspec.MsgspecError as error:
            raise CellNotUsable(f"is not usable: {error}. Write it as an export does") from None


#: A ready-made product has no template: in a row of its SKU these cells are empty.
_READY_MADE: Final[Mapping[str, Any]] = {"template_id": "", "template_version": 0}


def _columns_of(declared: type[msgspec.Struct]) -> tuple[Column, ...]:
    found: list[Column] = []
    for field in msgspec.structs.fields(declared):
        if field.name == "source_version":
            continue
        if field.type is LineArtwork:
            found += _columns_of(LineArtwork)
            continue
        may_be_empty = declared is LineArtwork and field.name in _READY_MADE
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        found.append(
            Column(
                name=field.name,
                type=field.type,
                required=field.required and not may_be_empty,
                default=_READY_MADE[field.name] if may_be_empty else default,
                is_text=getattr(field.type, "__origin__", field.type) is str,
            )
        )
    return tuple(found)


COLUMNS: Final[Mapping[str, Sequence[Column]]] = {kind: _columns_of(declared) for kind, declared in KINDS.items()}
"""The columns that rows of each kind fill."""

HEADER: Final = (KIND, *dict.fromkeys(column.name for columns in COLUMNS.values() for column in columns))
"""The first line of a table: all columns of all kinds, those of the same name shared."""

_KIND_OF: Final = {declared: kind for kind, declared in KINDS.items()}
_ARTWORK: Final = frozenset(LineArtwork.__struct_fields__)


def kind_of(command: CatalogueCommandUnion) -> str | None:
    """The kind of row that describes it; None for what has a file of its own, such as rules."""
    return _KIND_OF.get(type(command))


def values_of(command: CatalogueCommandUnion) -> dict[str, Any]:
    """A description's fields by column."""
    fields = msgspec.structs.asdict(command)
    fields.pop("source_version")
    if isinstance(command, MapSku):
        fields |= msgspec.structs.asdict(fields.pop("artwork"))
    return fields


def described(kind: str, values: Mapping[str, Any]) -> CatalogueCommandUnion:
    """The description that a row's values are; its version is 0 until it is said."""
    declared = KINDS[kind]
    if declared is not MapSku:
        return declared(source_version=0, **values)
    artwork = LineArtwork(**{name: value for name, value in values.items() if name in _ARTWORK})
    rest = {name: value for name, value in values.items() if name not in _ARTWORK}
    return MapSku(source_version=0, artwork=artwork, **rest)

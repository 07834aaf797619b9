"""The catalogue as one CSV table, read with every error named and written so that it reads back the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

import msgspec

from events.catalogue.commands import CatalogueCommandUnion
from events.catalogue.decide import catalogue_key
from processors.catalogue.bounds import faults_of
from processors.catalogue.columns import (
    COLUMNS,
    HEADER,
    KIND,
    KINDS,
    CellNotUsable,
    Cells,
    described,
    kind_of,
    values_of,
)
from processors.ports import NamedError

TABLE_BYTES_MAX: Final = 64 * 1024 * 1024
ROWS_MAX: Final = 250_000
CELL_CHARACTERS_MAX: Final = 1024 * 1024
#: A file that is wrong in more places is most likely another file.
ERRORS_TOLD: Final = 100


class TableNotUsable(NamedError):
    """The file is no catalogue table: UTF-8 CSV with a header line, as `printledger catalogue export` writes it."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in one cell, and what to do about it. Lines count from 1, with the header."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.message}"


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A row that can be read: what it describes, under which key, from which line.

    `left_out` are columns of its kind that the header does not have: `command` has their defaults, and what is known
    already keeps what it says in them.
    """

    line: int
    key: str
    command: CatalogueCommandUnion
    left_out: frozenset[str] = frozenset()


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table as it was read. Where there are faults, nothing of it is to be used."""

    rows: tuple[Described, ...]
    faults: tuple[Fault, ...]


def write_table(commands: Iterable[CatalogueCommandUnion]) -> bytes:
    """The table of these descriptions; those without a kind of row are left out. Equal ones give equal bytes."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, HEADER, restval="", lineterminator="\r\n")
    writer.writeheader()
    for command in commands:
        kind = kind_of(command)
        if kind is None:
            continue
        values = values_of(command)
        writer.writerow({KIND: kind} | {column.name: column.cell(values[column.name]) for column in COLUMNS[kind]})
    return out.getvalue().encode()


def read_table(content: bytes, tenant: str) -> Table:
    """Read a table that a person may have edited; `tenant` is whose SKUs it has. Raises TableNotUsable."""
    if len(content) > TABLE_BYTES_MAX:
        raise TableNotUsable(f"The file has more than {TABLE_BYTES_MAX // 1024**2} MiB. Import it in parts.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableNotUsable(f"The file is not UTF-8 (byte {error.start}). Save it as CSV UTF-8.") from None
    faults: list[Fault] = []
    rows: list[Described] = []
    lines_of: dict[str, int] = {}
    for line, cells in _rows(text, faults):
        found = _described(line, cells, tenant, faults)
        if len(faults) >= ERRORS_TOLD:
            faults.append(Fault(line=line, column="", message="there is more, mend these first"))
            break
        if found is None:
            continue
        if (earlier := lines_of.setdefault(found.key, line)) != line:
            faults.append(Fault(line=line, column="", message=f"describes the same as line {earlier}: keep one"))
        rows.append(found)
    return Table(rows=tuple(rows), faults=tuple(faults))


def _rows(text: str, faults: list[Fault]) -> Iterator[tuple[int, Cells]]:
    """Each row's first line and its cells by column. Raises TableNotUsable."""
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, strict=True)
    try:
        header = next(reader, [])
        _check_header(header)
        begins = reader.line_num + 1
        for number, cells in enumerate(reader, start=1):
            line, begins = begins, reader.line_num + 1
            if number > ROWS_MAX:
                raise TableNotUsable(f"The file has more than {ROWS_MAX} rows. Import it in parts.")
            if not any(cells):
                continue
            if len(cells) > len(header):
                message = f"has {len(cells)} cells, the header {len(header)}: quote cells that hold a comma"
                faults.append(Fault(line=line, column="", message=message))
                continue
            if len(cells) < len(header) and source.tell() == len(text) and not text.endswith(("\r", "\n")):
                message = f"has {len(cells)} of {len(header)} cells and no end: the file may be cut off, save it anew"
                faults.append(Fault(line=line, column="", message=message))
                continue
            # Spreadsheets leave out the empty cells at the end of a row.
            yield line, dict(zip_longest(header, cells, fillvalue=""))
    except csv.Error as error:
        raise TableNotUsable(f"The file is no CSV from line {reader.line_num} on: {error}.") from None


def _check_header(header: Sequence[str]) -> None:
    if KIND not in header:
        raise TableNotUsable(f"Line 1 has no column {KIND}. {TableNotUsable.__doc__}")
    if unknown := [name for name in header if name not in HEADER]:
        raise TableNotUsable(f"Line 1 has unknown columns: {', '.join(unknown)[:300]}. Take them out.")
    if len(set(header)) != len(header):
        raise TableNotUsable("Line 1 names a column twice. Keep one of them.")


def _described(line: int, cells: Cells, tenant: str, faults: list[Fault]) -> Described | None:
    kind = cells.get(KIND, "")
    if kind not in KINDS:
        message = f"{kind[:40]!r} is no kind of row: give one of {', '.join(KINDS)}"
        faults.append(Fault(line=line, column=KIND, message=message))
        return None
    before = len(faults)
    values = {}
    for column in COLUMNS[kind]:
        try:
            values[column.name] = column.value(cells.get(column.name, ""))
        except CellNotUsable as error:
            faults.append(Fault(line=line, column=column.name, message=str(error)))
    own = {column.name for column in COLUMNS[kind]}
    for name, cell in cells.items():
        if cell and name != KIND and name not in own:
            faults.append(Fault(line=line, column=name, message=f"a row of kind {kind} has none: leave it empty"))
    if len(faults) > before:
        return None
    command = described(kind, values)
    faults += [Fault(line=line, column=name, message=message) for name, message in faults_of(command)]
    if len(faults) > before:
        return None
    left_out = frozenset(own - cells.keys())
    return Described(line=line, key=catalogue_key(tenant, command), command=command, left_out=left_out)

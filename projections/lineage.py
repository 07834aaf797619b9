"""Where each printed thing came from and where it went: upload, original, print file, submission, parcel.

Read from the folded order alone. Each step is named by digests, keyed where they are of buyers' content, so that the
same bytes can be recognised from step to step without being shown. An edit makes a new version and a new run, so the
files of a line's newest version are those of every run with that version.
"""

import msgspec

from events.order.state import Line, Order, Run
from events.order.values import AreaContent, StoredFile


class FileStep(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file by its object key, the store's version of it, and its digest."""

    key: str
    version_id: str
    sha256: str


class SourceStep(msgspec.Struct, frozen=True, kw_only=True):
    """What was given for an area. `kind` is text, address, upload or design; `key` is of an upload or a design."""

    area: str
    kind: str
    key: str = ""


class AreaStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a print area's file was made from, and the file. Digests are empty where there was no such input."""

    area: str
    original: FileStep | None
    original_digest: str
    text_digest: str
    print_file: FileStep
    print_pdf: FileStep | None


class ParcelStep(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that holds units of a run."""

    parcel_id: str
    units: tuple[int, ...]
    status: str
    carrier: str
    tracking_number: str


class RunStep(msgspec.Struct, frozen=True, kw_only=True):
    """A print run: `effect_key` is its external id at the partner, `version` of the files it was given.

    `print_digests` are of those files, in the order of the areas; empty where a newer version has replaced them.
    """

    run: int
    reason: str
    units: tuple[int, ...]
    stage: str
    partner_id: str
    effect_key: str
    version: int
    print_digests: tuple[str, ...]
    parcel: ParcelStep | None


class LineLineage(msgspec.Struct, frozen=True, kw_only=True):
    """A line from what was given for it to the parcels that it left in."""

    line_id: str
    content_digest: str
    sources: tuple[SourceStep, ...]
    template_id: str
    template_version: int
    renderer_version: str
    version: int
    areas: tuple[AreaStep, ...]
    runs: tuple[RunStep, ...]


def lineage_of(order: Order) -> tuple[LineLineage, ...]:
    """The lineage of every line of an order."""
    return tuple(_line(order, line) for line in order.lines.values())


def _line(order: Order, line: Line) -> LineLineage:
    originals = {one.area: one.file for one in line.originals}
    artwork = line.artwork
    return LineLineage(
        line_id=line.line_id,
        content_digest=line.content_digest,
        sources=(*_sources(line.contents), *_designs(line)),
        template_id=artwork.template_id if artwork else "",
        template_version=artwork.template_version if artwork else 0,
        renderer_version=line.renderer_version,
        version=line.version,
        areas=tuple(
            AreaStep(
                area=one.area,
                original=_file(originals.get(one.area)),
                original_digest=one.original_digest,
                text_digest=one.text_digest,
                print_file=_step(one.print_file),
                print_pdf=_file(one.print_pdf),
            )
            for one in line.areas
        ),
        runs=tuple(_run(order, line, run) for run in line.runs),
    )


def _sources(contents: tuple[AreaContent, ...]) -> tuple[SourceStep, ...]:
    found: list[SourceStep] = []
    for content in contents:
        if content.text is not None:
            found.append(SourceStep(area=content.area, kind="text"))
        if content.artwork_url is not None:
            found.append(SourceStep(area=content.area, kind="address"))
        elif content.design_key is not None:
            found.append(SourceStep(area=content.area, kind="upload", key=content.design_key))
    return tuple(found)


def _designs(line: Line) -> tuple[SourceStep, ...]:
    """The store's designs; once the originals are known, only those that are printed: a buyer's picture goes before."""
    designs = line.artwork.designs if line.artwork else ()
    if line.originals:
        printed = {one.file.key for one in line.originals}
        designs = tuple(design for design in designs if design.design_key in printed)
    return tuple(SourceStep(area=design.area, kind="design", key=design.design_key) for design in designs)


def _run(order: Order, line: Line, run: Run) -> RunStep:
    newest = run.version == line.version
    return RunStep(
        run=run.run,
        reason=run.reason,
        units=run.units,
        stage=run.stage,
        partner_id=run.partner_id,
        effect_key=run.effect_key,
        version=run.version,
        print_digests=tuple(one.print_file.sha256 for one in line.areas) if newest else (),
        parcel=_parcel(order, line, run),
    )


def _parcel(order: Order, line: Line, run: Run) -> ParcelStep | None:
    parcel = order.parcels.get(run.parcel_id)
    if parcel is None:
        return None
    packed = parcel.contents.get(line.line_id, ())
    return ParcelStep(
        parcel_id=parcel.parcel_id,
        units=tuple(unit for unit in run.passed_units if unit in packed),
        status=parcel.stage,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
    )


def _file(file: StoredFile | None) -> FileStep | None:
    return None if file is None else _step(file)


def _step(file: StoredFile) -> FileStep:
    return FileStep(key=file.key, version_id=file.version_id, sha256=file.sha256)

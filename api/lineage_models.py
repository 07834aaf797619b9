"""The answer of the lineage route: each step of a line from what was given to the parcels, as `projections/lineage.py`
reads it.
"""

from __future__ import annotations

from api.models import AnswerModel


class FileStepOut(AnswerModel):
    """A stored file; its digest is keyed where it is of a buyer's content."""

    key: str
    version_id: str
    sha256: str


class SourceStepOut(AnswerModel):
    """What was given for an area: a text, an address, an upload or the store's design."""

    area: str
    kind: str
    key: str


class AreaStepOut(AnswerModel):
    """What a print area's file was made from, and the file."""

    area: str
    original: FileStepOut | None
    original_digest: str
    text_digest: str
    print_file: FileStepOut
    print_pdf: FileStepOut | None


class ParcelStepOut(AnswerModel):
    """The parcel that units of a run left in."""

    parcel_id: str
    units: tuple[int, ...]
    status: str
    carrier: str
    tracking_number: str


class RunStepOut(AnswerModel):
    """A print run, the files that its partner was given, and its parcel."""

    run: int
    reason: str
    units: tuple[int, ...]
    stage: str
    partner_id: str
    effect_key: str
    version: int
    print_digests: tuple[str, ...]
    parcel: ParcelStepOut | None


class LineLineageOut(AnswerModel):
    """A line from what was given for it to the parcels that it left in."""

    line_id: str
    content_digest: str
    sources: tuple[SourceStepOut, ...]
    template_id: str
    template_version: int
    renderer_version: str
    version: int
    areas: tuple[AreaStepOut, ...]
    runs: tuple[RunStepOut, ...]


class LineageOut(AnswerModel):
    """Every line of an order."""

    lines: tuple[LineLineageOut, ...]

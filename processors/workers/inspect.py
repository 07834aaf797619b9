"""Judge printed units: by the partner's quality report and by photographs, or leave them to a person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from events.envelope import FactEnvelope
from events.order.commands import ReportInspected
from events.order.facts import InspectionRequested
from events.order.inspection_commands import ReportPrintCompared
from events.order.values import AreaFile, Defect, PhotoComparison, PrintPhoto, StoredFile
from processors.artwork.picture import media_type
from processors.artwork.sandbox import SandboxPool
from processors.fetch import FetchRefused
from processors.inspection.job import PhotoNotUsable, compare_files
from processors.inspection.rules import MEANINGS, RULES, FoundDefect
from processors.ports import NamedError, ObjectMissing, VaultError
from processors.worker import Answer
from processors.workers.artwork import Fetcher
from processors.workers.files import NewFile, OrderFiles, line_folder

SIMULATED_INSPECTOR = "inspector:simulated"


class NothingToCompareWith(NamedError):
    """The line has no print file for the photographed area. Name the area as the template does."""


@dataclass(frozen=True, kw_only=True)
class PhotoComparer:
    """Compares photographs of printed units with their print files and keeps photograph and difference picture.

    Both are sealed under the order's key. What is stored is found again by the request's effect key, so a second try
    looks at the same photograph, wherever it came from.
    """

    files: OrderFiles
    fetcher: Fetcher
    pool: SandboxPool

    async def compare(self, fact: InspectionRequested, envelope: FactEnvelope) -> tuple[PhotoComparison, ...]:
        """What the rules say of each photograph; one that cannot be used says why."""
        return tuple([await self._one(fact, envelope, photo, place) for place, photo in enumerate(fact.photos)])

    async def _one(
        self, fact: InspectionRequested, envelope: FactEnvelope, photo: PrintPhoto, place: int
    ) -> PhotoComparison:
        # The place in the list never changes: photographs are only ever added behind those that are there.
        folder = f"{line_folder(envelope.tenant, envelope.key, fact.line_id)}/inspection/{fact.effect_key}-{place}"
        kept: StoredFile | None = None
        try:
            reference = _reference(fact, photo.area)
            kept = photo.file or await self._kept(fact, envelope, photo.url, f"{folder}-photo")
            return await asyncio.to_thread(self._compared, fact, envelope, photo, kept, reference, folder)
        except (FetchRefused, PhotoNotUsable, NothingToCompareWith, VaultError, ObjectMissing) as unusable:
            return PhotoComparison(unit=photo.unit, area=photo.area, photo=kept, problem=str(unusable))

    async def _kept(self, fact: InspectionRequested, envelope: FactEnvelope, url: str, key: str) -> StoredFile:
        """The partner's photograph, fetched once."""
        if (known := await asyncio.to_thread(self.files.find, envelope.tenant, key, fact.effect_key)) is not None:
            return known
        fetched = await self.fetcher.fetch(url)
        file = NewFile(content=fetched.content, media_type=media_type(fetched.content))
        return await asyncio.to_thread(self.files.store, envelope.tenant, envelope.key, key, fact.effect_key, file)

    def _compared(
        self,
        fact: InspectionRequested,
        envelope: FactEnvelope,
        photo: PrintPhoto,
        kept: StoredFile,
        reference: StoredFile,
        folder: str,
    ) -> PhotoComparison:
        tenant, order_id = envelope.tenant, envelope.key
        found = compare_files(
            self.pool,
            self.files.read(tenant, order_id, reference.key),
            self.files.read(tenant, order_id, kept.key),
            photo.area_share_permille / 1000,
        )
        picture = NewFile(content=found.picture, media_type="image/webp")
        difference = self.files.store(tenant, order_id, f"{folder}-difference", fact.effect_key, picture)
        return PhotoComparison(
            unit=photo.unit,
            area=photo.area,
            photo=kept,
            difference=difference,
            defects=tuple(_defect(one, photo.area) for one in found.verdict.defects),
        )


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """The effect of `InspectionRequested`: a verdict on each unit.

    Photographs are compared by `comparer`; without one they are left out. What is drawn for a person is answered by
    `printledger inspect` or the API, and has the comparison beside it. Where `simulated_after_s` is set (demonstration
    and tests), a simulated inspector, named as such, answers after that time as report and rules say.
    """

    simulated_after_s: float | None = None
    comparer: PhotoComparer | None = None
    at_once: int = 32

    name: ClassVar[str] = "inspect"
    request: ClassVar[type[InspectionRequested]] = InspectionRequested

    async def carry_out(
        self, fact: InspectionRequested, envelope: FactEnvelope
    ) -> ReportInspected | ReportPrintCompared | Answer | None:
        """Judge by report and photographs; a person's verdict is not this worker's."""
        compared = await self.comparer.compare(fact, envelope) if self.comparer and fact.photos else ()
        if fact.mode == "automatic":
            unusable = any(one.problem for one in compared)
            return _for_a_person(fact, compared, needed=True) if unusable else judged_by_report(fact, compared)
        if self.simulated_after_s is None:
            return _for_a_person(fact, compared, needed=False) if compared else None
        await asyncio.sleep(self.simulated_after_s)
        return Answer(command=judged_by_report(fact, compared), actor=SIMULATED_INSPECTOR)


def judged_by_report(fact: InspectionRequested, compared: tuple[PhotoComparison, ...] = ()) -> ReportInspected:
    """Units that neither the partner nor a photograph speaks against have passed."""
    reported_failed = fact.quality.failed_units if fact.quality else ()
    if reported_failed and not set(reported_failed) & set(fact.units):
        # The partner found something, and named it by a number that is none of this run's: it may be any of them.
        reported_failed = fact.units
    seen_failed = {one.unit for one in compared if one.defects}
    failed = tuple(unit for unit in fact.units if unit in reported_failed or unit in seen_failed)
    reported = fact.quality.defects if fact.quality and failed else ()
    seen = tuple(dict.fromkeys(defect for one in compared for defect in one.defects))
    return ReportInspected(
        request_id=fact.request_id,
        line_id=fact.line_id,
        run=fact.run,
        passed_units=tuple(unit for unit in fact.units if unit not in failed),
        failed_units=failed,
        defects=(*reported, *seen),
        comparisons=compared,
        rules_version=RULES.version if compared else "",
    )


def _for_a_person(
    fact: InspectionRequested, compared: tuple[PhotoComparison, ...], *, needed: bool
) -> ReportPrintCompared:
    return ReportPrintCompared(
        request_id=fact.request_id,
        line_id=fact.line_id,
        run=fact.run,
        comparisons=compared,
        rules_version=RULES.version,
        needs_person=needed,
    )


def _reference(fact: InspectionRequested, area: str) -> StoredFile:
    """The print file of an area; an empty name is the line's first."""
    files: tuple[AreaFile, ...] = fact.print_files
    found = next((one.file for one in files if one.area == area), None)
    if found is None and not area and files:
        found = files[0].file
    if found is None:
        raise NothingToCompareWith
    return found


def _defect(found: FoundDefect, area: str) -> Defect:
    return Defect(
        code=found.code,
        description=MEANINGS[found.code],
        measured=found.measured,
        threshold=found.threshold,
        area=area,
    )

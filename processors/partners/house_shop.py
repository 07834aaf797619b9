"""Adapter for our own print shop, which prints in batches and is reached through a shared folder, not by HTTP.

A submission is a file in the folder's queue. It can be stopped until a batch has taken it (`HouseFolder.start`), and
not any more after that. How far a print run is, the batch stream tells: the shop sends no webhooks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from processors.partners.house_folder import (
    CANCELLED,
    STARTED,
    FolderRecordUnreadable,
    HouseFolder,
    HouseRecord,
    record_of,
)
from processors.partners.protocol import (
    CANONICAL_STAGES,
    Accepted,
    CancelConfirmed,
    CancelOutcome,
    CancelTooLate,
    Deferred,
    JobSnapshot,
    PartnerOffer,
    PartnerOffers,
    PartnerReport,
    PrintJob,
    Refused,
    StatusMap,
    SubmitOutcome,
    Vouched,
    WebhookNotGenuine,
)

#: Where a print run's file is, and what the desk says of it, in our words. Raise the last number with every change.
STATUS_MAP: Final = StatusMap(
    "house_shop/1/map-2",
    {
        "queue": "queued",
        "started": "printing",
        "cancelled": "cancelled",
        "sheet_printed": "printed",
        "batch_stuck": "on_hold",
        "no_press_takes_it": "on_hold",
    },
)
FOLDER_RETRY_MS: Final = 30_000


class HouseShop:
    """A `PrintPartner` whose jobs are files."""

    def __init__(
        self,
        name: str,
        folder: HouseFolder,
        *,
        offers: tuple[PartnerOffer, ...],
        country: str,
        capacity_units_per_day: int,
        now_ms: Callable[[], int],
    ) -> None:
        self.name = name
        self.folder = folder
        self._offers = offers
        self._country = country
        self._capacity = capacity_units_per_day
        self._now_ms = now_ms

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Queue the job once per effect key."""
        if not any(offer.partner_variant == job.partner_variant for offer in self._offers):
            return Refused(reason="variant_unknown", retryable=False, detail=job.partner_variant)
        wanted = record_of(job, self._now_ms())
        try:
            where, kept = await asyncio.to_thread(self.folder.put, wanted)
        except (OSError, FolderRecordUnreadable) as error:
            return _away(error)
        if where == CANCELLED:
            return Refused(reason="cancelled", retryable=False, detail="It was stopped before it came.")
        if not kept.same_job(wanted):
            return Refused(reason="conflict", retryable=False, detail="Another job has this key.", needs_person=True)
        return Accepted(
            partner_reference=job.effect_key, accepted_at=kept.accepted_at, already_known=kept is not wanted
        )

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """The job under the key; None where none was queued."""
        try:
            found = await asyncio.to_thread(self.folder.find, effect_key)
        except (OSError, FolderRecordUnreadable) as error:
            return _away(error)
        if found is None or not found[1].quantity:
            return None
        return _snapshot(*found)

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Stop a job that no batch has taken yet."""
        try:
            before = await asyncio.to_thread(self.folder.find, effect_key)
            stopped = await asyncio.to_thread(self.folder.cancel, effect_key, self._now_ms())
        except (OSError, FolderRecordUnreadable) as error:
            return _away(error)
        if stopped:
            return CancelConfirmed(confirmed_at=self._now_ms(), was_known=before is not None)
        return CancelTooLate(raw_status=STARTED, canonical="printing", detail="It is in a batch at the press.")

    async def offers(self) -> PartnerOffers | Deferred:
        """What the shop is set up to make, and how much waits in its folder."""
        try:
            waiting = await asyncio.to_thread(self.folder.waiting)
        except OSError as error:
            return _away(error)
        return PartnerOffers(
            partner=self.name,
            observed_at=self._now_ms(),
            country=self._country,
            ships_to=(),
            capacity_units_per_day=self._capacity,
            load_units=len(waiting),
            offers=self._offers,
        )

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Refuse every one: the shop sends none."""
        raise WebhookNotGenuine("The house shop sends no webhooks.")

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Nothing is told by webhook."""
        return ()

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """There are no reports to believe."""
        return Vouched(reports=())

    async def aclose(self) -> None:
        """There is no connection to close."""


def _snapshot(where: str, kept: HouseRecord) -> JobSnapshot:
    canonical = STATUS_MAP.canonical(where)
    return JobSnapshot(
        effect_key=kept.effect_key,
        partner_reference=kept.effect_key,
        raw_status=where,
        canonical=canonical,
        rank=CANONICAL_STAGES.get(canonical or "", 0),
        accepted_at=kept.accepted_at,
        updated_at=kept.accepted_at,
        units=kept.units,
        quantity=kept.quantity,
        provenance=STATUS_MAP.provenance,
    )


def _away(error: Exception) -> Deferred:
    """The folder cannot be reached. A file that is not there was not queued, and one that is, is found by its name."""
    return Deferred(reason="not_reached", retry_after_ms=FOLDER_RETRY_MS, outcome_unknown=True, detail=str(error)[:500])

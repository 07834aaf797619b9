"""Adapter for our own print shop, which prints in batches and is reached through a shared folder, not by HTTP.

A submission is a file in the folder's queue. It can be stopped until a batch has taken it (`HouseFolder.start`), and
not any more after that. How far a print run is, the batch stream tells: the shop sends no webhooks.

Queueing, looking and stopping can each be done twice and count once, so that a folder on a shaky share is tried again
for a moment before anything is said. A folder that is not there has taken nothing; after any other failure the run may
be queued, and whoever asks again finds it by its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import stamina

from processors.partners.house_folder import (
    CANCELLED,
    STARTED,
    FolderAway,
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
#: How often a call to the folder is tried before its failure is believed, and the first wait between two tries.
TRIES_MAX, TRY_WAIT_S = 3, 0.1

T = TypeVar("T")


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
        offer = next((one for one in self._offers if one.partner_variant == job.partner_variant), None)
        if offer is None:
            return Refused(reason="variant_unknown", retryable=False, detail=job.partner_variant)
        wanted = record_of(job, self._now_ms())
        try:
            if offer.stock_units < job.quantity and await _tried(lambda: self.folder.find(job.effect_key)) is None:
                return Refused(reason="out_of_stock", retryable=False, detail=f"{offer.stock_units} are there.")
            where, kept = await _tried(lambda: self.folder.put(wanted))
        except PermissionError as error:
            return _forbidden(error)
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
            found = await _tried(lambda: self.folder.find(effect_key))
        except (OSError, FolderRecordUnreadable) as error:
            return _away(error)
        if found is None or not found[1].quantity:
            return None
        return _snapshot(*found)

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Stop a job that no batch has taken yet."""
        try:
            before = await _tried(lambda: self.folder.find(effect_key))
            stopped = await _tried(lambda: self.folder.cancel(effect_key, self._now_ms()))
        except PermissionError as error:
            return _forbidden(error)
        except (OSError, FolderRecordUnreadable) as error:
            return _away(error)
        if stopped:
            return CancelConfirmed(confirmed_at=self._now_ms(), was_known=before is not None)
        return CancelTooLate(raw_status=STARTED, canonical="printing", detail="It is in a batch at the press.")

    async def offers(self) -> PartnerOffers | Deferred:
        """What the shop is set up to make, and how much waits in its folder."""
        try:
            waiting = await _tried(self.folder.waiting)
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


async def _tried(work: Callable[[], T]) -> T:
    """What `work` gives, in a thread; tried again for a moment where the folder fails. Raises what its last try did."""
    may_be_done = False
    async for attempt in stamina.retry_context(_may_pass, attempts=TRIES_MAX, wait_initial=TRY_WAIT_S, wait_jitter=0):
        with attempt:
            try:
                return await asyncio.to_thread(work)
            except FolderAway as away:
                if may_be_done:
                    # The folder went away after a try of which nobody knows what it did.
                    raise OSError(str(away)) from away
                raise
            except OSError:
                may_be_done = True
                raise
    raise AssertionError("a retry ends with a value or an error")


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError) and not isinstance(error, PermissionError | FolderAway)


def _away(error: Exception) -> Deferred:
    """The folder cannot be used now. One that is not there has taken nothing; else the run may be in it."""
    unknown = not isinstance(error, FolderAway)
    return Deferred(
        reason="not_reached", retry_after_ms=FOLDER_RETRY_MS, outcome_unknown=unknown, detail=str(error)[:500]
    )


def _forbidden(error: PermissionError) -> Refused:
    """We may not write into the folder, which no waiting mends."""
    return Refused(reason="credentials", retryable=False, detail=str(error)[:500], needs_person=True)

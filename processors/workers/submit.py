"""Give a print run to its partner, once: the effect key is the partner's external id over every retry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportSubmissionAccepted, ReportSubmissionRefused
from events.order.evolve_production import OUTCOME_UNKNOWN, PARTNER_SUSPENDED
from events.order.facts import SubmissionRequested
from processors.carriers.protocol import ClaimStore
from processors.links import LinkSigner
from processors.outbound import Deferred
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    CancelTooLate,
    JobSnapshot,
    PrintFile,
    PrintJob,
    PrintPartner,
    Refused,
)
from processors.ports import ObjectMissing
from processors.workers.files import OrderFiles, sealed_under
from projections.rows import Partner

#: The time by which a run should be ready, counted from its first request: the house shops' promise.
READY_WITHIN_MS = 2 * 86_400_000


class KnownPartners(Protocol):
    """Reads the catalogue's partners. May block."""

    def partner(self, partner_id: str) -> Partner | None:
        """The partner as it stands now; None where the catalogue does not know it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Submit:
    """The effect of `SubmissionRequested`: one job at the partner."""

    partners: Mapping[str, PrintPartner]
    known: KnownPartners
    files: OrderFiles
    links: LinkSigner
    #: Which requests were begun: one that is taken up again after a crash may have reached the partner already.
    begun: ClaimStore
    #: Gives a word that no other call gives.
    new_mark: Callable[[], str]
    at_once: int = 16

    name: ClassVar[str] = "submit"
    request: ClassVar[type[SubmissionRequested]] = SubmissionRequested

    async def carry_out(self, fact: SubmissionRequested, envelope: FactEnvelope) -> OrderCommand:
        """Submit; where an earlier attempt may have reached the partner, ask first whether it has the run."""
        partner = self.partners.get(fact.partner_id)
        if partner is None:
            return _refused(fact, "partner_not_configured", f"No adapter is configured for {fact.partner_id}.")
        may_be_there = fact.ask_first or await self._begun_before(fact)
        if may_be_there:
            held = await partner.read_back(fact.effect_key)
            if isinstance(held, JobSnapshot):
                return _accepted(fact, held.partner_reference)
            if isinstance(held, Deferred):
                # An earlier attempt may have been accepted and its answer lost, and nobody can say.
                return _unknown(fact, held)
        if await self._is_suspended(fact.partner_id):
            return await _diverted(fact, partner, may_be_there=may_be_there)
        try:
            files = await asyncio.to_thread(self._print_files, fact, envelope)
        except ObjectMissing as missing:
            return _refused(fact, "print_file_missing", str(missing))
        job = PrintJob(
            effect_key=fact.effect_key,
            partner_variant=fact.partner_variant,
            quantity=len(fact.units),
            units=fact.units,
            files=files,
            recipient_country=fact.country,
            due_at=envelope.recorded_at + READY_WITHIN_MS,
        )
        outcome = await partner.submit(job)
        match outcome:
            case Accepted():
                return _accepted(fact, outcome.partner_reference)
            case Refused():
                return _refused(
                    fact,
                    outcome.reason,
                    outcome.detail,
                    retryable=outcome.retryable,
                    needs_person=outcome.needs_person,
                )
            case Deferred(outcome_unknown=True):
                return _unknown(fact, outcome)
            case Deferred():
                # Nothing was ordered: the run may go to another partner without a second one being printed.
                return _refused(
                    fact, outcome.reason, outcome.detail, retryable=True, retry_after_ms=outcome.retry_after_ms
                )

    async def _is_suspended(self, partner_id: str) -> bool:
        known = await asyncio.to_thread(self.known.partner, partner_id)
        return known is not None and known.suspended

    async def _begun_before(self, fact: SubmissionRequested) -> bool:
        mark = self.new_mark()
        return await self.begun.claim(fact.request_id, mark) != mark

    def _print_files(self, fact: SubmissionRequested, envelope: FactEnvelope) -> tuple[PrintFile, ...]:
        """A signed link and the digest of each area's file. Raises ObjectMissing. Blocks on the store."""
        return tuple(
            PrintFile(
                area=one.area,
                url=self.links.link(
                    envelope.tenant,
                    sealed_under(envelope.tenant, envelope.key, one.file.key),
                    one.file.key,
                    one.file.media_type,
                ),
                sha256=self.files.plain_sha256(one.file.key),
            )
            for one in fact.print_files
        )


async def _diverted(
    fact: SubmissionRequested, partner: PrintPartner, *, may_be_there: bool
) -> ReportSubmissionAccepted | ReportSubmissionRefused:
    """Leave the run to another partner. An attempt that may still be on its way is stopped by its key first: what comes
    after that is not printed.
    """
    if may_be_there:
        stopped = await partner.cancel(fact.effect_key, "the partner is suspended")
        match stopped:
            case CancelConfirmed():
                pass
            case CancelTooLate():
                return _accepted(fact, "")
            case Deferred():
                return _unknown(fact, stopped)
            case Refused():
                return _refused(fact, OUTCOME_UNKNOWN, stopped.detail or stopped.reason, retryable=True)
    return _refused(fact, PARTNER_SUSPENDED, f"{fact.partner_id} is suspended: the run goes to another partner.")


def _accepted(fact: SubmissionRequested, partner_order_id: str) -> ReportSubmissionAccepted:
    return ReportSubmissionAccepted(
        request_id=fact.request_id, line_id=fact.line_id, run=fact.run, partner_order_id=partner_order_id
    )


def _unknown(fact: SubmissionRequested, deferred: Deferred) -> ReportSubmissionRefused:
    return _refused(
        fact,
        OUTCOME_UNKNOWN,
        deferred.detail or deferred.reason,
        retryable=True,
        retry_after_ms=deferred.retry_after_ms,
    )


def _refused(
    fact: SubmissionRequested,
    reason: str,
    detail: str,
    *,
    retryable: bool = False,
    retry_after_ms: int = 0,
    needs_person: bool = False,
) -> ReportSubmissionRefused:
    return ReportSubmissionRefused(
        request_id=fact.request_id,
        line_id=fact.line_id,
        run=fact.run,
        reason=reason,
        detail=detail[:1000],
        retryable=retryable,
        retry_after_ms=retry_after_ms,
        needs_person=needs_person,
    )

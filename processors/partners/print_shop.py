"""Adapter for the house print shop's HTTP job API, version 1.

The wire format (JSON, UTF-8; the structs are in `print_shop_wire`):

- Every request carries `Authorization: Bearer <api key>`. A problem is
  `{"code", "message", "retryable", "job"?}`.
- `POST /v1/jobs` with a `JobRequest`: 201 and the `Job`, or 200 and the same `Job` when the shop has this
  `external_id` already with the same content; 409 `conflict` when the content differs; 422 when the shop
  refuses (`variant_unknown`, `out_of_stock`, `overloaded`, `cancelled`, `invalid`), `retryable` says for how
  long. The link to the print file is not part of the content, because signed links are renewed.
- `GET /v1/jobs/{external_id}`: 200 and the `Job`, or 404 `unknown_job`.
- `POST /v1/jobs/{external_id}/cancel` with `{"reason"}`: 200 and the cancelled `Job`; 409 `too_late` with the
  `Job` as it is; 404 `unknown_job`, after which a submission of that `external_id` that comes late is refused
  with `cancelled`: a cancel may overtake its submission.
- `GET /v1/offers`: 200 and `Offers`: variants, stock, costs, capacity, load.
- 429 with `Retry-After` when the shop's rate limit is used up; 401 for a wrong key.
- Webhooks are signed by Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`), sent
  again until 2xx, in no promised order. `{"type": "job.status", "timestamp", "data": JobStatus}`; `data.event_id`
  equals `webhook-id` and stays the same over repetitions. The shop inspects each unit before it is ready for
  shipment and sends the result with that status; only units without a defect are handed over.
- `{"type": "offers.changed", "timestamp", "data": {"variant", "stock"}}` when a blank runs out, and when it is back.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

from processors.outbound import Answer, OutboundClient, OutboundError, preview
from processors.partners import print_shop_wire as wire
from processors.partners.common import nonsense
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    CancelOutcome,
    CancelTooLate,
    Defect,
    Deferred,
    JobSnapshot,
    Measurement,
    PartnerOffer,
    PartnerOffers,
    PartnerReport,
    PrintJob,
    QualityReport,
    Refused,
    StatusMap,
    SubmitOutcome,
    UnitPhoto,
    Vouched,
    WebhookNotGenuine,
    WebhookTooOld,
)
from processors.webhooks import read_body, refuse_large

#: Source: the shop's wire format, `print_shop_wire.STAGES`. Raise the last number with every change.
STATUS_MAP: Final = StatusMap(
    "print_shop/1/map-1",
    {
        "received": "queued",
        "printing": "printing",
        "finishing": "finishing",
        "quality_check": "quality_check",
        "ready_for_shipment": "printed",
        "handed_over": "handed_over",
        wire.ON_HOLD: "on_hold",
        wire.FAILED: "failed",
        wire.CANCELLED: "cancelled",
    },
)

#: The shop's refusal codes in our words. Codes that are not listed are `invalid`.
REFUSALS: Final[Mapping[str, str]] = {
    "variant_unknown": "variant_unknown",
    "out_of_stock": "out_of_stock",
    "overloaded": "overloaded",
    "cancelled": "cancelled",
    "conflict": "conflict",
    "unauthorised": "credentials",
    "unknown_job": "unknown_job",
}

#: A status webhook is a few hundred bytes; Standard Webhooks asks senders to stay below 20 kB.
WEBHOOK_MAX_BYTES: Final = 64 * 1024


class PrintShop:
    """One house print shop, as a `PrintPartner`."""

    def __init__(self, name: str, client: OutboundClient, webhook_secrets: tuple[str, ...]) -> None:
        """`client` has the shop's address and key; any of `webhook_secrets` (`whsec_…`) may have signed."""
        if not webhook_secrets:
            raise ValueError(f"{name} needs at least one webhook secret, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._webhooks = tuple(Webhook(secret) for secret in webhook_secrets)

    @property
    def name(self) -> str:
        """The partner's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Send the job; when the answer is lost, ask whether it was accepted before saying anything."""
        request = wire.JobRequest(
            external_id=job.effect_key,
            variant=job.partner_variant,
            quantity=job.quantity,
            units=job.units,
            files=tuple(wire.JobFile(area=file.area, url=file.url, sha256=file.sha256) for file in job.files),
            ship_to_country=job.recipient_country,
            due_at=job.due_at,
            notes=job.notes,
        )
        try:
            answer = await self._client.call("POST", "/v1/jobs", json=request, idempotent=True, about=job.effect_key)
        except OutboundError as error:
            return await self._after_lost_answer(job, error)
        if answer.status in (200, 201):
            held = answer.read_as(wire.Job)
            if held is None:
                return nonsense(answer, outcome_unknown=True)
            return _accepted(held, already_known=answer.status == 200)
        return _refused(answer)

    async def _after_lost_answer(self, job: PrintJob, error: OutboundError) -> SubmitOutcome:
        if not error.outcome_unknown:
            return error.deferred()
        held = await self.read_back(job.effect_key)
        if isinstance(held, Deferred):
            return error.deferred()
        if held is None:
            # The shop says that it has never heard of it, so the next try is a first one. The request may
            # still be on its way: sending it again is safe, printing it elsewhere only after a cancel.
            return error.deferred()
        return Accepted(partner_reference=held.partner_reference, accepted_at=held.accepted_at, already_known=True)

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """What the shop holds under the key."""
        try:
            answer = await self._client.call("GET", f"/v1/jobs/{effect_key}", idempotent=True, about=effect_key)
        except OutboundError as error:
            return error.deferred()
        if answer.status == 404 and _code(answer) == "unknown_job":
            return None
        held = answer.read_as(wire.Job) if answer.status == 200 else None
        if held is None:
            return nonsense(answer, outcome_unknown=False)
        return JobSnapshot(
            effect_key=held.external_id,
            partner_reference=held.job_number,
            raw_status=held.status,
            canonical=STATUS_MAP.canonical(held.status),
            rank=STATUS_MAP.rank(held.status),
            accepted_at=held.accepted_at,
            updated_at=held.updated_at,
            units=held.units,
            quality=_quality(held.quality),
            quantity=held.quantity,
            detail=held.reason or "",
            provenance=STATUS_MAP.provenance,
        )

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Ask the shop to stop; a shop that has never heard of the job also refuses it if it still comes."""
        request = wire.CancelRequest(reason=reason)
        try:
            answer = await self._client.call(
                "POST", f"/v1/jobs/{effect_key}/cancel", json=request, idempotent=True, about=effect_key
            )
        except OutboundError as error:
            return error.deferred()
        if answer.status == 200:
            held = answer.read_as(wire.Job)
            if held is None:
                return nonsense(answer, outcome_unknown=True)
            return CancelConfirmed(confirmed_at=held.updated_at)
        problem = answer.read_as(wire.Problem)
        if answer.status == 404 and problem is not None and problem.code == "unknown_job":
            return CancelConfirmed(confirmed_at=0, was_known=False)
        if answer.status == 409 and problem is not None and problem.job is not None:
            return CancelTooLate(
                raw_status=problem.job.status,
                canonical=STATUS_MAP.canonical(problem.job.status),
                detail=problem.message,
            )
        return _refused(answer)

    async def offers(self) -> PartnerOffers | Deferred:
        """Variants, stock, costs, capacity and load."""
        try:
            answer = await self._client.call("GET", "/v1/offers", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        sheet = answer.read_as(wire.Offers) if answer.status == 200 else None
        if sheet is None:
            return nonsense(answer, outcome_unknown=False)
        return PartnerOffers(
            partner=self._name,
            observed_at=sheet.observed_at,
            country=sheet.country,
            ships_to=sheet.ships_to,
            capacity_units_per_day=sheet.capacity_units_per_day,
            load_units=sheet.load_units,
            offers=tuple(
                PartnerOffer(
                    partner_variant=offer.variant,
                    variant=offer.customer_variant,
                    stock_units=offer.stock,
                    unit_cost_minor=offer.unit_cost_minor,
                    currency=offer.currency,
                    production_ms=offer.production_ms,
                )
                for offer in sheet.offers
            ),
        )

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless one of the shop's secrets signed this body within five minutes."""
        refuse_large(body, WEBHOOK_MAX_BYTES)
        found = ""
        for webhook in self._webhooks:
            try:
                webhook.verify(body, dict(headers), json_parse=False)
            except WebhookVerificationError as error:
                found = str(error)
            except (ValueError, binascii.Error) as error:
                # The library splits and decodes the header's parts without a check of its own.
                found = f"the signature header cannot be read ({type(error).__name__})"
            else:
                return
        if "timestamp too" in found:
            raise WebhookTooOld(found)
        raise WebhookNotGenuine(found)

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate a `job.status` event; other types are news of no job."""
        event = read_body(body, wire.Event)
        if event.type != "job.status":
            return ()
        status = read_body(event.data, wire.JobStatus)
        return (
            PartnerReport(
                effect_key=status.external_id,
                raw_status=status.status,
                canonical=STATUS_MAP.canonical(status.status),
                rank=STATUS_MAP.rank(status.status),
                partner_timestamp_at=status.at,
                partner_event_id=status.event_id,
                units=status.units,
                quality=_quality(status.quality),
                detail=status.reason or "",
                provenance=STATUS_MAP.provenance,
            ),
        )

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """All of them: their webhook was signed."""
        return Vouched(reports=reports)


def new_webhook_secret(random_bytes: bytes) -> str:
    """A Standard Webhooks secret from 24 to 64 random bytes."""
    if not 24 <= len(random_bytes) <= 64:
        raise ValueError("a Standard Webhooks secret has 24 to 64 bytes")
    return "whsec_" + base64.b64encode(random_bytes).decode()


def _accepted(held: wire.Job, *, already_known: bool) -> Accepted:
    return Accepted(
        partner_reference=held.job_number,
        accepted_at=held.accepted_at,
        already_known=already_known,
        cost_minor=held.cost_minor,
        currency=held.currency,
    )


def _refused(answer: Answer) -> Refused:
    problem = answer.read_as(wire.Problem)
    if problem is None:
        return Refused(
            reason="invalid",
            retryable=False,
            detail=f"HTTP {answer.status}: {preview(answer.body)}",
            needs_person=True,
        )
    reason = REFUSALS.get(problem.code, "invalid")
    return Refused(
        reason=reason,
        retryable=problem.retryable,
        detail=f"{problem.code}: {problem.message}",
        needs_person=reason in ("conflict", "credentials", "invalid"),
    )


def _quality(quality: wire.QualityWire | None) -> QualityReport | None:
    if quality is None:
        return None
    return QualityReport(
        passed=quality.passed,
        measured=tuple(Measurement(name=m.name, value=m.value, limit=m.limit) for m in quality.measured),
        defects=tuple(Defect(unit=d.unit, code=d.code, detail=d.detail) for d in quality.defects),
        photos=tuple(
            UnitPhoto(unit=p.unit, area=p.area, url=p.url, area_share_permille=p.area_share_permille)
            for p in quality.photos
        ),
    )


def _code(answer: Answer) -> str | None:
    problem = answer.read_as(wire.Problem)
    return None if problem is None else problem.code

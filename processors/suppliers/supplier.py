"""Adapter for the demo supplier's HTTP order API, version 1.

The wire format (JSON, UTF-8; the structs are in `wire`) is ours, made up for the demonstration: suppliers of ready-made
goods have no common one, and a real one gets an adapter of its own beside this.

- Every request carries `X-Supplier-Key`. A problem is `{"code", "message", "order"?}`.
- `PUT /v1/orders/{reference}` with an `OrderRequest`: 201 and the `SupplyOrder`, or 200 and the same one when the
  supplier has the reference already with the same content; 409 `conflict` when the content differs; 422 when it refuses
  (`unknown_sku`, `sold_out`, `busy`, `cancelled`, `invalid`): `busy` is for now, the others are for good.
- `GET /v1/orders/{reference}`: 200, or 404 `unknown_order`.
- `POST /v1/orders/{reference}/cancel`: 200 and the cancelled order; 409 `too_late` with the order as it is; 404
  `unknown_order`, after which an order under this reference that comes late is refused with `cancelled`.
- `GET /v1/stock`: the `StockList`.
- 429 with `Retry-After` above the rate limit; 401 `unauthorised` for a wrong key.
- Webhooks are signed: `Supplier-Timestamp` (epoch seconds) and `Supplier-Signature` (`wire.sign`). They are sent again
  until 2xx, in no promised order, with the same `id`. `{"id", "type": "order.status", "order": SupplyOrder}`.

The protocol of the print partners fits as it is: a job without files, whose goods nobody inspects.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from processors.outbound import Answer, OutboundClient, OutboundError, preview
from processors.partners.common import nonsense
from processors.partners.protocol import (
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
    WebhookTooOld,
)
from processors.suppliers import wire
from processors.webhooks import header_of, read_body, refuse_large

#: Source: `wire.STAGES`. Packed goods wait for their label as printed ones do. Raise the last number with every change.
STATUS_MAP: Final = StatusMap(
    "supplier/1/map-1",
    {
        "accepted": "queued",
        "picking": "finishing",
        "packed": "printed",
        "collected": "handed_over",
        wire.BACKORDERED: "on_hold",
        wire.SHORT: "failed",
        wire.CANCELLED: "cancelled",
    },
)

#: The supplier's codes in our words: (reason, retryable, needs a person). Codes that are not listed are `invalid`.
REFUSALS: Final[Mapping[str, tuple[str, bool, bool]]] = {
    "unknown_sku": ("variant_unknown", False, False),
    "sold_out": ("out_of_stock", False, False),
    "busy": ("overloaded", True, False),
    "cancelled": ("cancelled", False, False),
    "conflict": ("conflict", False, True),
    "unauthorised": ("credentials", False, True),
}

WEBHOOK_MAX_BYTES: Final = 64 * 1024
#: A webhook that was signed longer ago, or further ahead, is not believed.
SIGNED_WITHIN_S: Final = 300


class Supplier:
    """One supplier of ready-made goods, as a `PrintPartner`."""

    def __init__(
        self,
        name: str,
        client: OutboundClient,
        webhook_secrets: tuple[str, ...],
        now_s: Callable[[], float],
        variants: Mapping[str, str],
    ) -> None:
        """`client` has the supplier's address and key; any of `webhook_secrets` may have signed.

        `now_s` gives epoch seconds, `variants` our variant for each SKU of the supplier's that we sell.
        """
        if not all(webhook_secrets) or not webhook_secrets:
            raise ValueError(f"{name} needs at least one webhook secret, or none of its reports can be believed")
        self._name = name
        self._client = client
        self._secrets = webhook_secrets
        self._now_s = now_s
        self._variants = variants

    @property
    def name(self) -> str:
        """The supplier's key in the catalogue."""
        return self._name

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Order the units; when the answer is lost, ask whether they were accepted before saying anything."""
        request = wire.OrderRequest(
            sku=job.partner_variant, quantity=job.quantity, pieces=job.units, ready_by=job.due_at
        )
        try:
            answer = await self._client.call(
                "PUT", f"/v1/orders/{job.effect_key}", json=request, idempotent=True, about=job.effect_key
            )
        except OutboundError as error:
            return await self._after_lost_answer(job, error)
        if answer.status in (200, 201):
            held = answer.read_as(wire.SupplyOrder)
            if held is None:
                return nonsense(answer, outcome_unknown=True)
            return _accepted(held, already_known=answer.status == 200)
        return _refused(answer)

    async def _after_lost_answer(self, job: PrintJob, error: OutboundError) -> SubmitOutcome:
        held = await self._held(job.effect_key) if error.outcome_unknown else None
        # Where it has not heard of it, the request may still be on its way: that is for a later try to find out.
        return _accepted(held, already_known=True) if isinstance(held, wire.SupplyOrder) else error.deferred()

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """What the supplier holds under the key."""
        held = await self._held(effect_key)
        if not isinstance(held, wire.SupplyOrder):
            return held
        return JobSnapshot(
            effect_key=held.reference,
            partner_reference=held.number,
            raw_status=held.status,
            canonical=STATUS_MAP.canonical(held.status),
            rank=STATUS_MAP.rank(held.status),
            accepted_at=held.accepted_at,
            updated_at=held.updated_at,
            units=held.pieces,
            quantity=held.quantity,
            detail=held.reason,
            provenance=STATUS_MAP.provenance,
        )

    async def _held(self, effect_key: str) -> wire.SupplyOrder | Deferred | None:
        try:
            answer = await self._client.call("GET", f"/v1/orders/{effect_key}", idempotent=True, about=effect_key)
        except OutboundError as error:
            return error.deferred()
        if answer.status == 404 and _code(answer) == "unknown_order":
            return None
        held = answer.read_as(wire.SupplyOrder) if answer.status == 200 else None
        return nonsense(answer, outcome_unknown=False) if held is None else held

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Ask the supplier to stop; one that has never heard of the order also refuses it if it still comes."""
        try:
            answer = await self._client.call(
                "POST",
                f"/v1/orders/{effect_key}/cancel",
                json={"reason": reason},
                idempotent=True,
                about=effect_key,
            )
        except OutboundError as error:
            return error.deferred()
        if answer.status == 200:
            held = answer.read_as(wire.SupplyOrder)
            if held is None:
                return nonsense(answer, outcome_unknown=True)
            return CancelConfirmed(confirmed_at=held.updated_at)
        problem = answer.read_as(wire.Problem)
        if answer.status == 404 and problem is not None and problem.code == "unknown_order":
            return CancelConfirmed(confirmed_at=0, was_known=False)
        if answer.status == 409 and problem is not None and problem.order is not None:
            status = problem.order.status
            return CancelTooLate(raw_status=status, canonical=STATUS_MAP.canonical(status), detail=problem.message)
        return _refused(answer)

    async def offers(self) -> PartnerOffers | Deferred:
        """Articles, stock, prices, capacity and load."""
        try:
            answer = await self._client.call("GET", "/v1/stock", idempotent=True)
        except OutboundError as error:
            return error.deferred()
        listed = answer.read_as(wire.StockList) if answer.status == 200 else None
        if listed is None:
            return nonsense(answer, outcome_unknown=False)
        return PartnerOffers(
            partner=self._name,
            observed_at=listed.listed_at,
            country=listed.country,
            ships_to=listed.ships_to,
            capacity_units_per_day=listed.picks_per_day,
            load_units=listed.open_pieces,
            offers=tuple(
                PartnerOffer(
                    partner_variant=article.sku,
                    variant=self._variants[article.sku],
                    stock_units=article.on_hand,
                    unit_cost_minor=article.price_minor,
                    currency=article.currency,
                    production_ms=listed.picking_ms,
                )
                for article in listed.articles
                if article.sku in self._variants
            ),
        )

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless one of the secrets signed this body within five minutes."""
        refuse_large(body, WEBHOOK_MAX_BYTES)
        timestamp = header_of(headers, wire.TIMESTAMP_HEADER) or ""
        signature = (header_of(headers, wire.SIGNATURE_HEADER) or "").encode(errors="replace")
        if not any(hmac.compare_digest(wire.sign(one, timestamp, body).encode(), signature) for one in self._secrets):
            raise WebhookNotGenuine(f"{wire.SIGNATURE_HEADER} does not fit the body and {wire.TIMESTAMP_HEADER}")
        # Only our own supplier's clock comes so far: whatever it signed is a number, or it would not be read here.
        if not timestamp.isdecimal() or abs(self._now_s() - int(timestamp[:12])) > SIGNED_WITHIN_S:
            raise WebhookTooOld(f"it was signed at {timestamp[:20]}")

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate an `order.status` event; other types are news of no order."""
        event = read_body(body, wire.Event)
        if event.type != "order.status":
            return ()
        held = read_body(event.order, wire.SupplyOrder)
        return (
            PartnerReport(
                effect_key=held.reference,
                raw_status=held.status,
                canonical=STATUS_MAP.canonical(held.status),
                rank=STATUS_MAP.rank(held.status),
                partner_timestamp_at=held.updated_at,
                partner_event_id=event.id,
                units=held.pieces,
                detail=held.reason,
                provenance=STATUS_MAP.provenance,
            ),
        )

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """All of them: their webhook was signed."""
        return Vouched(reports=reports)


def _accepted(held: wire.SupplyOrder, *, already_known: bool) -> Accepted:
    return Accepted(
        partner_reference=held.number,
        accepted_at=held.accepted_at,
        already_known=already_known,
        cost_minor=held.price_minor,
        currency=held.currency,
    )


def _refused(answer: Answer) -> Refused:
    problem = answer.read_as(wire.Problem)
    if problem is None:
        detail = f"HTTP {answer.status}: {preview(answer.body)}"
        return Refused(reason="invalid", retryable=False, detail=detail, needs_person=True)
    reason, retryable, person = REFUSALS.get(problem.code, ("invalid", False, True))
    detail = f"{problem.code}: {problem.message}"
    return Refused(reason=reason, retryable=retryable, detail=detail, needs_person=person)


def _code(answer: Answer) -> str | None:
    problem = answer.read_as(wire.Problem)
    return None if problem is None else problem.code

"""Read model `claims`: one row a return or complaint, with what the buyer wrote and photographed still sealed."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from events.decoding import from_json
from events.order.evolve_claims import STAGE_AFTER
from events.order.facts import (
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    PartnerClaimNoted,
    RefundFailed,
    RefundMade,
    ReturnOpened,
)
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

ClaimFact = (
    ClaimOpened
    | ReturnOpened
    | ClaimReferred
    | ClaimGranted
    | ClaimRefused
    | PartnerClaimNoted
    | RefundMade
    | RefundFailed
)
USED = (
    ClaimOpened,
    ReturnOpened,
    ClaimReferred,
    ClaimGranted,
    ClaimRefused,
    PartnerClaimNoted,
    RefundMade,
    RefundFailed,
)

COLUMNS = (
    "tenant",
    "order_id",
    "claim_id",
    "kind",
    "reason",
    "wish",
    "stage",
    "why",
    "amount_minor",
    "currency",
    "reference",
    "parcel_id",
    "rules_version",
    "decided_by",
    "opened_at",
    "updated_at",
    "items",
    "pictures",
    "faults",
    "note",
)
_json = msgspec.json.Encoder().encode


class Claims:
    """Folds each claim's facts; a claim has few, so that nothing is kept in memory between two."""

    name = "claims"
    version = 2
    tables = (Table(name="claims", columns=COLUMNS, key=("order_id", "claim_id")),)

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.order_events, types=type_names(USED)),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The rows of all claims that are told of."""
        order_ids = sorted({record.key for record in records})
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for row in stored.fetch("folded_claims", {"order_ids": order_ids}):
            known = dict(zip(COLUMNS, row, strict=True))
            rows[known["order_id"], known["claim_id"]] = known
        touched = set()
        for record in records:
            # The header's type is one of USED, and `content` has checked that the bytes are that record.
            fact = cast(ClaimFact, record.content)
            key = (record.key, fact.claim_id)
            known = rows.get(key, {})
            rows[key] = known | {"updated_at": record.recorded_at} | _changes(fact, record, known)
            touched.add(key)
        return (Change(table="claims", rows=[_row(rows[key]) for key in sorted(touched)]),)

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _row(values: dict[str, Any]) -> Row:
    return tuple(values[name] for name in COLUMNS)


def _opened(fact: ClaimOpened | ReturnOpened, record: Record) -> dict[str, Any]:
    complained = isinstance(fact, ClaimOpened)
    return {
        "tenant": record.tenant,
        "order_id": record.key,
        "claim_id": fact.claim_id,
        "kind": "complaint" if complained else "return",
        "reason": fact.reason if isinstance(fact, ClaimOpened) else "returned_to_sender",
        "wish": fact.wish if isinstance(fact, ClaimOpened) else "",
        "stage": "reviewing",
        "why": "",
        "amount_minor": 0,
        "currency": "",
        "reference": "",
        "parcel_id": "",
        "rules_version": "",
        "decided_by": "",
        "opened_at": fact.opened_at,
        "items": _json(fact.items).decode(),
        "pictures": _json(_pictures(fact)).decode(),
        "faults": "[]",
        "note": fact.note if isinstance(fact, ClaimOpened) else None,
    }


def _pictures(fact: ClaimOpened | ReturnOpened) -> list[dict[str, str]]:
    if isinstance(fact, ReturnOpened):
        return []
    return [{"key": one.key, "media_type": one.media_type} for one in fact.pictures]


def _changes(fact: ClaimFact, record: Record, row: dict[str, Any]) -> dict[str, Any]:
    match fact:
        case ClaimOpened() | ReturnOpened():
            return _opened(fact, record)
        case ClaimReferred():
            # Whoever decides it sees what partners would answer for, and until when they take it.
            faults = _json(fact.faults).decode()
            return {"stage": "referred", "why": fact.reason, "rules_version": fact.rules_version, "faults": faults}
        case ClaimGranted():
            return {
                "stage": STAGE_AFTER[fact.outcome],
                "why": fact.reason,
                "amount_minor": fact.amount_minor,
                "currency": fact.currency,
                "parcel_id": fact.parcel_id,
                "rules_version": fact.rules_version,
                "decided_by": fact.by,
                # The facts that follow say what is to be filed with partners.
                "faults": "[]",
            }
        case ClaimRefused():
            return {
                "stage": "refused",
                "why": fact.reason,
                "rules_version": fact.rules_version,
                "decided_by": fact.by,
                "faults": "[]",
            }
        case PartnerClaimNoted():
            told = from_json(row["faults"])
            return {"faults": _json([*told, msgspec.to_builtins(fact.fault)]).decode()}
        case RefundMade():
            return {"stage": "refunded", "reference": fact.reference}
        case RefundFailed():
            return {} if fact.retryable else {"why": fact.reason}

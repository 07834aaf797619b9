"""Believing a webhook that nobody signed: the vendor is asked, and its answer decides what of the reports counts."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from processors.partners.protocol import (
    CANONICAL_CONDITIONS,
    CANONICAL_STAGES,
    Deferred,
    JobSnapshot,
    PartnerReport,
    Vouched,
)

T = TypeVar("T")


async def ask_back(
    vendor: str,
    reports: tuple[PartnerReport, ...],
    look: Callable[[str], Awaitable[T | Deferred]],
    judge: Callable[[PartnerReport, T], PartnerReport | None],
) -> Vouched:
    """Ask about each run once, and believe of its reports what the answer bears out.

    `look` gives what the vendor holds under an effect key, something empty when it holds nothing; `judge` gives the
    report as it may be believed, or None while the vendor does not say the same.
    """
    believed: list[PartnerReport] = []
    doubt = ""
    for effect_key in dict.fromkeys(report.effect_key for report in reports):
        held = await look(effect_key)
        if isinstance(held, Deferred) or not held:
            why = held.detail or held.reason if isinstance(held, Deferred) else "it has no such order"
            doubt = f"{vendor} was asked about {effect_key[:64]}: {why}"
            continue
        for report in (report for report in reports if report.effect_key == effect_key):
            found = judge(report, held)
            if found is not None:
                believed.append(found)
            if found is None or found.canonical != report.canonical:
                doubt = f"{vendor} does not say yet that all of {effect_key[:64]} is {report.raw_status[:64]}"
    return Vouched(reports=tuple(believed), doubt=doubt)


def borne_out(report: PartnerReport, held: JobSnapshot) -> PartnerReport | None:
    """The report as far as the run's state bears it out, dated by it; None while the state says otherwise."""
    now = msgspec.structs.replace(report, partner_timestamp_at=held.updated_at)
    # What is over cannot be seen any more: it is kept, and dated so early that it outweighs nothing.
    then = msgspec.structs.replace(report, partner_timestamp_at=held.accepted_at)
    if report.canonical is None or held.canonical == report.canonical:
        return now
    if report.canonical in CANONICAL_CONDITIONS:
        return then if report.canonical == "on_hold" else None
    if held.canonical in CANONICAL_CONDITIONS:
        return then if report.rank < CANONICAL_STAGES["printed"] else None
    return now if held.rank >= report.rank else None

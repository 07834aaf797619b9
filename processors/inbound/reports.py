"""What partners and carriers tell becomes reports on the order that it is about.

A report can overtake the fact that makes its subject known (the partner answers faster than the read model
folds). Then `SubjectUnknown` says so: the caller keeps the report and tries again.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec

from events.identity import command_id
from events.order import commands as order_commands
from events.order import values
from processors.carriers.protocol import TrackingReport
from processors.fetch import URL_CHARACTERS_MAX
from processors.inbound import reading
from processors.inbound.reading import AREA_NAME, InputNotUsable
from processors.partners.protocol import PartnerReport, UnitPhoto
from processors.ports import Effects, NamedError
from projections.rows import Effect

PHOTOS_MAX = 16
"""Photographs of one report that are looked at: enough to see both sides of a sample."""


T = TypeVar("T")


class SubjectUnknown(NamedError):
    """Nothing is known yet of what this report is about. It is kept and tried again."""


class NotTheirs(InputNotUsable):
    """The sender reports on something that another partner or carrier was asked to do. Nothing is changed."""


class Addressed(msgspec.Struct, frozen=True, kw_only=True):
    """A command with what its envelope needs."""

    command: order_commands.OrderCommand
    command_id: str
    order_id: str
    tenant: str
    actor: str


def partner_status(report: PartnerReport, partner: str, effects: Effects, *, polled: bool = False) -> Addressed:
    """The command for one status of a print run; `polled` where we asked. SubjectUnknown while its key is not known."""
    report = without_nul(report)
    effect = effects.by_key(report.effect_key)
    if effect is None or not effect.line_id:
        raise SubjectUnknown(f"No print run is known under the key {report.effect_key[:64]!r} yet.")
    if effect.who != partner:
        raise NotTheirs
    command = order_commands.ReportPartnerStatus(
        line_id=effect.line_id,
        run=effect.run,
        raw=report.raw_status,
        canonical=report.canonical or "",
        rank=report.rank,
        partner_at=report.partner_timestamp_at,
        partner_event_id=report.partner_event_id,
        quality=_quality(report, effect),
        adapter_version=report.provenance,
        polled=polled,
    )
    return Addressed(
        command=command,
        # With the map's version, so that a replay by a mended map says something new; by the same map it does not.
        command_id=command_id("partner", partner, report.effect_key, report.partner_event_id, report.provenance),
        order_id=effect.order_id,
        tenant=effect.tenant,
        actor=f"partner:{partner}",
    )


def tracking(report: TrackingReport, carrier: str, effects: Effects, *, polled: bool = False) -> Addressed:
    """The command for one state of a parcel; `polled` where we asked. SubjectUnknown while its parcel is not known."""
    report = without_nul(report)
    effect = effects.by_key(report.effect_key) if report.effect_key else None
    if effect is None:
        effect = effects.by_tracking(carrier, report.carrier_reference or "", report.tracking_number)
    if effect is None or not effect.parcel_id:
        raise SubjectUnknown(f"No parcel is known under {carrier}'s number {report.tracking_number[:64]!r} yet.")
    place = report.place
    parts = (place.city, place.region, place.country) if place else ()
    command = order_commands.ReportTracking(
        parcel_id=effect.parcel_id,
        raw=report.raw_status,
        canonical=report.canonical or "",
        rank=report.rank,
        carrier_at=report.carrier_timestamp_at,
        tracking_event_id=report.tracking_event_id,
        place=", ".join(part for part in parts if part),
        polled=polled,
    )
    return Addressed(
        command=command,
        # An answer and the webhook that comes after all are two commands, though both may name the same event.
        command_id=command_id("polled" if polled else "carrier", carrier, effect.effect_key, report.tracking_event_id),
        order_id=effect.order_id,
        tenant=effect.tenant,
        actor=f"carrier:{carrier}",
    )


def without_nul(told: T) -> T:
    """What was told, with NUL left out of every text: facts are kept for ever, and PostgreSQL holds no NUL."""
    cleaned: Any
    match told:
        case str():
            cleaned = reading.without_nul(told)
        case tuple():
            cleaned = tuple(map(without_nul, told))
        case msgspec.Struct():
            fields = {name: without_nul(getattr(told, name)) for name in told.__struct_fields__}
            cleaned = msgspec.structs.replace(told, **fields)
        case _:
            cleaned = told
    return cast(T, cleaned)


def _quality(report: PartnerReport, effect: Effect) -> values.QualityReport | None:
    if report.quality is None:
        return None
    # Some number the pieces of a run by themselves, from 1: what is no unit of this run names none of it.
    units = tuple(unit for unit in report.units if unit in effect.units) or effect.units
    failed = tuple(unit for unit in report.quality.failed_units() if unit in units)
    if not failed and (report.quality.defects or not report.quality.passed):
        # Something failed, and nobody can tell which unit: no unit of it may be sent to a buyer.
        failed = units
    return values.QualityReport(
        passed_units=tuple(unit for unit in units if unit not in failed),
        failed_units=failed,
        defects=tuple(
            values.Defect(code=defect.code, description=f"unit {defect.unit}: {defect.detail}".strip(": "))
            for defect in report.quality.defects
        ),
        photos=tuple(
            values.PrintPhoto(
                unit=photo.unit, area=photo.area, url=photo.url, area_share_permille=photo.area_share_permille
            )
            for photo in report.quality.photos[:PHOTOS_MAX]
            if photo.unit in units and _is_usable(photo)
        ),
    )


def _is_usable(photo: UnitPhoto) -> bool:
    """Whether a photograph is described within bounds; facts are kept for ever, whatever a partner writes."""
    in_bounds = 0 <= photo.area_share_permille <= 1000 and 0 < len(photo.url) <= URL_CHARACTERS_MAX
    return in_bounds and (not photo.area or AREA_NAME.fullmatch(photo.area) is not None)

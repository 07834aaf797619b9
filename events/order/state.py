"""What an order is after its facts: lines, print runs, parcels, holds, exceptions, open deadlines."""

import msgspec

from events.order.claims import Claim
from events.order.facts.around import NotificationRequested
from events.order.parcels import LabelRefund, Suggestion
from events.order.values import (
    AreaContent,
    AreaFile,
    Finding,
    LineArtwork,
    OrderedLine,
    OrderPolicy,
    PrintPhoto,
    QualityReport,
    RenderedArea,
)


class Hold(msgspec.Struct, frozen=True):
    """A reason for which nothing more is started."""

    reason: str
    line_id: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A print run: some units of a line at one partner.

    Stages: routing, unroutable, routed, submitting, waiting, accepted, printed, inspecting, passed, failed, cancelled,
    given_up.
    `version` is of the files that the partner was given. `rank`, `stage_at` and `condition` merge what the partner
    reported within this run, whatever order it came in.
    `in_doubt`: nobody knows whether the partner has it, and it is asked again after a wait.
    `cancel_answer` is what came of asking the partner to stop: nothing yet, 'stopped' or 'refused'.
    `diverted`: it was stopped although its units are still wanted, so that another run makes them, good ones that are
    printed again too.
    """

    run: int
    units: tuple[int, ...]
    reason: str = "first"
    stage: str = "routing"
    version: int = 0
    partner_id: str = ""
    partner_variant: str = ""
    effect_key: str = ""
    attempt: int = 0
    in_doubt: bool = False
    excluded: tuple[str, ...] = ()
    rank: int = 0
    stage_at: int = 0
    condition: str = ""
    condition_at: int = 0
    production_started: bool = False
    quality: QualityReport | None = None
    cancel_asked: bool = False
    cancel_attempt: int = 0
    cancel_answer: str = ""
    inspect_attempt: int = 0
    photos: tuple[PrintPhoto, ...] = ()
    passed_units: tuple[int, ...] = ()
    parcel_id: str = ""
    diverted: bool = False

    @property
    def current_condition(self) -> str:
        """The partner's newest condition (on_hold, failed, cancelled), unless a later stage shows that it goes on."""
        return self.condition if self.condition_at > self.stage_at else ""


class LineEdit(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a line that waits until its partner has stopped. `changed` is None where the line is to go."""

    changed: OrderedLine | None
    from_store: bool
    total_minor: int
    by: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the order.

    Stages: received, checking, checked, rendering, rendered, awaiting_approval, changes_requested, approved, blocked,
    cancelled. From `approved` on its print runs tell how far it is; a ready-made line begins there.
    `revision` counts what was printed on it, `version` its files; `store_digest` is of what the store last said of it,
    which other artwork does not change; `changes_note` is what should change about its newest proof, sealed.
    `printed_digest` and `carried_digest` are of what the store wants as far as it is carried out: of what is printed,
    and of all of it. A change that waits or was refused is in `store_digest` alone.
    `cancelling`: somebody asked to stop it, and not all of it is settled yet. `edit` is a change that waits for the
    partner's answer; what the store wants by it is in `store_digest` already. `waiting`: its check or rendering failed
    and is tried again after a wait.
    """

    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price_minor: int
    artwork: LineArtwork | None
    contents: tuple[AreaContent, ...]
    content_digest: str
    store_digest: str = ""
    printed_digest: str = ""
    carried_digest: str = ""
    instructions: bytes | None = None
    stage: str = "received"
    waiting: bool = False
    check_attempt: int = 0
    render_attempt: int = 0
    revision: int = 1
    version: int = 0
    needs_person: bool = False
    changes_note: bytes | None = None
    findings: tuple[Finding, ...] = ()
    originals: tuple[AreaFile, ...] = ()
    areas: tuple[RenderedArea, ...] = ()
    renderer_version: str = ""
    runs: tuple[Run, ...] = ()
    cancelling: bool = False
    edit: LineEdit | None = None
    cancelled_units: tuple[int, ...] = ()
    reprints: int = 0

    @property
    def is_ready_made(self) -> bool:
        """Whether a supplier sends it as it is: no artwork, no proof, no print to inspect."""
        return self.artwork is not None and self.artwork.is_ready_made

    @property
    def live_units(self) -> tuple[int, ...]:
        """Units that are still to be made or were made."""
        units = range(1, self.quantity + 1)
        if not self.cancelled_units:
            return tuple(units)
        return tuple(unit for unit in units if unit not in self.cancelled_units)

    @property
    def passed_units(self) -> set[int]:
        """Units that were made and found good."""
        return {unit for run in self.runs for unit in run.passed_units}

    @property
    def newest_run_of(self) -> dict[int, Run]:
        """For each unit the newest print run that was to make it."""
        return {unit: run for run in self.runs for unit in run.units}

    @property
    def uncovered_units(self) -> tuple[int, ...]:
        """Units that need another run: their newest gave up or was stopped. Misprinted ones wait for a re-print."""
        if not self.runs:
            return self.live_units
        newest, passed = self.newest_run_of, self.passed_units
        return tuple(
            unit
            for unit in self.live_units
            if (run := newest.get(unit)) is None
            or run.stage == "given_up"
            or (run.stage == "cancelled" and (run.diverted or unit not in passed))
        )

    def is_reprint(self, run: Run) -> bool:
        """Whether nothing waits for a run: a re-print, or the run that a re-print of good units was diverted to."""
        return run.reason == "reprint" or all(
            any(unit in earlier.passed_units for earlier in self.runs[: run.run - 1]) for unit in run.units
        )

    @property
    def free_units(self) -> tuple[int, ...]:
        """Live units that are not made, and that no print run is about to make."""
        newest, passed = self.newest_run_of, self.passed_units
        return tuple(
            unit
            for unit in self.live_units
            if unit not in passed and (unit not in newest or newest[unit].stage in RUN_ENDED)
        )

    @property
    def stoppable(self) -> bool:
        """Whether any unit can still be kept from being made, or nobody knows yet whether it can."""
        return bool(self.free_units) or any(
            run.stage in RUN_STOPPABLE and run.cancel_answer != REFUSED for run in self.runs
        )

    def lost_with(self, run: Run) -> tuple[int, ...]:
        """Live units that nobody makes if this print run does not: a re-print of good units takes none away."""
        return tuple(unit for unit in run.units if unit in self.live_units and unit not in self.passed_units)

    def to_pack(self, run: Run) -> tuple[int, ...]:
        """Good units of a print run that wait for a parcel; those that were cancelled since are not sent."""
        if run.stage != "passed" or run.parcel_id:
            return ()
        live = set(self.live_units)
        return tuple(unit for unit in run.passed_units if unit in live)

    def run_of(self, number: int) -> Run | None:
        """The print run with this number."""
        return self.runs[number - 1] if 0 < number <= len(self.runs) else None

    @property
    def submitted(self) -> bool:
        """Whether a partner has, or may have, any of its units."""
        return any(run.stage in RUN_AT_PARTNER for run in self.runs)

    @property
    def too_late_to_stop(self) -> bool:
        """Whether any of its goods exist, or a partner that has them said that it will not stop."""
        return any(
            run.stage in RUN_GOODS or (run.stage == "accepted" and run.cancel_answer == REFUSED) for run in self.runs
        )


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of the order. Stages: labelling, label_failed, labelled, dispatched, delivered, returned, withdrawn."""

    parcel_id: str
    partner_id: str
    contents: dict[str, tuple[int, ...]]
    effect_key: str
    attempt: int = 1
    stage: str = "labelling"
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    carrier_reference: str = ""
    labelled: bool = False
    rank: int = 0
    stage_at: int = 0
    condition: str = ""
    condition_at: int = 0
    refund: LabelRefund | None = None
    suggestion: Suggestion | None = None

    @property
    def current_condition(self) -> str:
        """The carrier's newest condition, unless a later scan shows that the parcel goes on."""
        return self.condition if self.condition_at > self.stage_at else ""


class OpenException(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs a person."""

    exception_id: str
    kind: str
    subject: str
    blocking: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that was asked for. `request` is None once its outcome is known; `waiting`: it is tried again."""

    attempt: int
    request: NotificationRequested | None
    waiting: bool = False


class WebhookGap(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook should have said of a run or parcel, and had not when it was asked about."""

    who: str
    expected: str
    rank: int
    found_at: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order. `placed` is False before `OrderPlaced`: a cancellation can come first and leaves its mark here."""

    placed: bool = False
    store: str = ""
    external_id: str = ""
    order_number: str = ""
    store_updated_at: int = 0
    placed_at: int = 0
    currency: str = ""
    total_minor: int = 0
    priority: str = "standard"
    recipient: bytes = b""
    recipient_digest: str = ""
    country: str = ""
    region: str = ""
    postal_prefix: str = ""
    policy: OrderPolicy = OrderPolicy()
    lines: dict[str, Line] = {}
    parcels: dict[str, Parcel] = {}
    holds: tuple[Hold, ...] = ()
    exceptions: dict[str, OpenException] = {}
    deadlines: dict[str, int] = {}
    notified: dict[str, Notice] = {}
    claims: dict[str, Claim] = {}
    webhook_gaps: dict[str, WebhookGap] = {}
    cancellation_reason: str = ""
    cancellation_asked: bool = False
    #: How often somebody asked to cancel it; that the store still shows it as cancelled is no other time.
    cancellations: int = 0
    cancelled: bool = False
    erased: bool = False

    def line(self, line_id: str) -> Line | None:
        """The line with this id."""
        return self.lines.get(line_id)

    def held_by(self, reason: str, line_id: str) -> bool:
        """Whether this reason holds the order."""
        return Hold(reason, line_id) in self.holds


RUN_AT_PARTNER = frozenset({"submitting", "accepted", "printed", "inspecting", "passed", "failed"})
"""Stages of a run in which the partner has, or may have, its units."""

RUN_GOODS = frozenset({"printed", "inspecting", "passed", "failed"})
"""Stages of a run whose goods exist, good or not."""

RUN_MADE = frozenset({"printed", "inspecting", "passed"})
"""Stages of a run whose goods exist and are not known to be bad."""

RUN_MAKING = frozenset({"routed", "submitting", "waiting", "accepted", "printed", "inspecting"})
"""Stages of a run that will still become goods; a parcel waits for those of its own partner."""

RUN_UNSUBMITTED = frozenset({"routing", "unroutable", "routed", "waiting"})
"""Stages of a run that no partner has: it can be given up without asking anybody."""

RUN_STOPPABLE = RUN_UNSUBMITTED | {"submitting", "accepted"}
"""Stages of a run that is not printed yet."""

PARCEL_HERE = frozenset({"labelling", "label_failed", "labelled"})
"""Stages of a parcel that is to be handed over and has not left."""

RUN_ENDED = frozenset({"passed", "failed", "cancelled", "given_up"})
"""Stages that a run does not leave."""

STOPPED = "stopped"
REFUSED = "refused"

CANCELLED_AT_THE_STORE = "cancelled at the store"
"""Reason of a cancellation that the store's picture shows, and that each further picture of it shows again."""

REMOVED = "removed"
"""Stands for the digest of what the store says of a line that it shows no more, while the line is still made."""

"""The requests for work: how each is made, with its effect key, attempt and deadline.

An effect key is the same over every retry of an effect, so whoever carries it out can recognise it.
"""

from msgspec.structs import replace

from events.decider import Context
from events.identity import drawn_for_a_person, effect_key, request_id
from events.order.companions import made_by, other_lines, printed_areas
from events.order.facts import (
    ArtworkCheckRequested,
    InspectionRequested,
    LabelRequested,
    NotificationRequested,
    PartnerCancellationRequested,
    RenderRequested,
    ReprintRequested,
    RoutingRequested,
    SubmissionRequested,
)
from events.order.state import Line, Order, Parcel, Run
from events.order.values import AreaContent, AreaFile, LineArtwork, LineUnits, PrintPhoto

WAIT_DOUBLINGS_MAX = 10
"""The wait before a retry stops growing after ten doublings, so that a deadline is never out of reach."""

ANSWER_DOUBLINGS_MAX = 3
"""The wait for a worker's answer doubles three times at most: what a mended worker lost is asked for soon again."""


def retry_at(order: Order, context: Context, attempt: int) -> int:
    """When to try again after this attempt: the policy's first wait, doubled with each attempt."""
    return context.now + _doubled(order.policy.retry_wait_ms, attempt, WAIT_DOUBLINGS_MAX)


def answer_due_at(order: Order, context: Context, attempt: int) -> int:
    """Until when a worker's answer to this attempt is waited for, epoch milliseconds.

    The policy's wait, doubled with each attempt up to eight times: work that is late because too much of it waits must
    not be asked for as fast as it was the first time, or the queue would grow by its own repetitions.
    """
    return context.now + _doubled(order.policy.work_timeout_ms, attempt, ANSWER_DOUBLINGS_MAX)


def _doubled(wait_ms: int, attempt: int, doublings_max: int) -> int:
    return wait_ms << max(0, min(attempt - 1, doublings_max))


def printed_contents(line: Line, artwork: LineArtwork) -> tuple[AreaContent, ...]:
    """What is printed on each area: the store's designs where the line brought no picture, and what it brought.

    A line that brought nothing has its first area printed as the template draws it. Two entries may mean the same area
    (an empty name is the template's first): the later one goes before, so what was replaced last is what is printed.
    """
    if not artwork.designs:
        return line.contents or (AreaContent(),)
    designs = {design.area: design.design_key for design in artwork.designs}
    given = {content.area for content in line.contents}
    found = [AreaContent(area=area, design_key=key) for area, key in designs.items() if area not in given]
    found += [
        content if content.artwork_url or content.design_key else replace(content, design_key=designs.get(content.area))
        for content in line.contents
    ]
    return tuple(found)


def check_requested(order: Order, line: Line, artwork: LineArtwork, context: Context) -> ArtworkCheckRequested:
    """Ask for the line's picture and text to be checked."""
    effect = effect_key(context.key, "check", line.line_id, line.content_digest, line.revision)
    attempt = line.check_attempt + 1
    return ArtworkCheckRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        line_id=line.line_id,
        artwork=artwork,
        contents=printed_contents(line, artwork),
    )


def render_requested(order: Order, line: Line, artwork: LineArtwork, context: Context) -> RenderRequested:
    """Ask for the line's print file and proof."""
    version = line.version + 1
    effect = effect_key(context.key, "render", f"{line.line_id}:{line.revision}", "", version)
    attempt = line.render_attempt + 1
    return RenderRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        line_id=line.line_id,
        version=version,
        artwork=artwork,
        contents=printed_contents(line, artwork),
        originals=line.originals,
    )


def routing_requested(order: Order, line: Line, artwork: LineArtwork, run: Run, context: Context) -> RoutingRequested:
    """Ask for a partner for a print run (`run` may not have begun yet)."""
    effect = effect_key(context.key, "route", line.line_id, "", run.run)
    attempt = run.attempt + 1
    return RoutingRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        line_id=line.line_id,
        run=run.run,
        units=run.units,
        variant_id=artwork.variant_id,
        country=order.country,
        region=order.region,
        postal_prefix=order.postal_prefix,
        priority=order.priority,
        excluded_partner_ids=run.excluded,
        asked_at=context.now,
        placed_at=order.placed_at,
        total_minor=order.total_minor,
        currency=order.currency,
        printed=printed_areas(line),
        others=other_lines(order, line),
        made_by=made_by(line),
    )


def submission_requested(order: Order, line: Line, run: Run, context: Context) -> SubmissionRequested:
    """Ask for a print run to be given to its partner: the same files in each run of the line."""
    subject = f"{line.line_id}:{','.join(map(str, run.units))}"
    effect = effect_key(context.key, "submit", subject, run.partner_id, run.run)
    attempt = run.attempt + 1
    return SubmissionRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        line_id=line.line_id,
        run=run.run,
        units=run.units,
        partner_id=run.partner_id,
        partner_variant=run.partner_variant,
        version=line.version,
        print_files=tuple(AreaFile(area=one.area, file=one.print_file) for one in line.areas),
        country=order.country,
        priority=order.priority,
        # After a refusal, or where nobody was reached, nothing of it is there; without an answer it may be.
        ask_first=run.stage == "submitting",
    )


def reprint_requested(
    line: Line, run: Run, units: tuple[int, ...], reason_code: str, context: Context
) -> ReprintRequested:
    """Print units of a run again at the same partner, where the colour matches."""
    return ReprintRequested(
        line_id=line.line_id,
        run=len(line.runs) + 1,
        of_run=run.run,
        units=units,
        partner_id=run.partner_id,
        partner_variant=run.partner_variant,
        reason_code=reason_code,
        by=context.actor,
    )


def partner_cancellation_requested(
    order: Order, line: Line, run: Run, context: Context
) -> PartnerCancellationRequested:
    """Ask the partner to stop a print run."""
    effect = effect_key(context.key, "cancel", line.line_id, run.partner_id, run.run)
    attempt = run.cancel_attempt + 1
    return PartnerCancellationRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        line_id=line.line_id,
        run=run.run,
        partner_id=run.partner_id,
        submission_key=run.effect_key,
        reason=_why_stopped(order, line),
    )


def _why_stopped(order: Order, line: Line) -> str:
    if line.edit is not None:
        return "the line is changed"
    return order.cancellation_reason if line.cancelling or order.cancelled else "it is made elsewhere"


def inspection_requested(
    order: Order,
    line: Line,
    run: Run,
    context: Context,
    *,
    without_report: bool = False,
    added: tuple[PrintPhoto, ...] = (),
) -> InspectionRequested:
    """Ask for printed units to be judged: by the partner's report, or by a person where drawn or where none came.

    `added` are photographs that are about to be the run's. Those that show other units than the run's are left out.
    """
    effect = effect_key(context.key, "inspect", line.line_id, run.partner_id, run.run)
    attempt = run.inspect_attempt + 1
    drawn = drawn_for_a_person(context.key, line.line_id, run.run, order.policy.spot_check_per_mille)
    by_person = without_report or drawn
    sent = run.quality.photos if run.quality is not None else ()
    photos = tuple(photo for photo in (*sent, *run.photos, *added) if photo.unit in run.units)
    by_a_person_at = context.now + order.policy.approval_timeout_ms
    return InspectionRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=by_a_person_at if by_person else answer_due_at(order, context, attempt),
        line_id=line.line_id,
        run=run.run,
        units=run.units,
        mode="person" if by_person else "automatic",
        quality=run.quality,
        proofs=tuple(AreaFile(area=one.area, file=one.proof) for one in line.areas),
        print_files=tuple(AreaFile(area=one.area, file=one.print_file) for one in line.areas) if photos else (),
        photos=photos,
    )


def label_requested(
    order: Order, parcel_id: str, partner_id: str, contents: dict[str, tuple[int, ...]], context: Context
) -> LabelRequested:
    """Ask for the first time for a parcel's label."""
    effect = effect_key(context.key, "label", parcel_id, "", 1)
    return _label(order, parcel_id, partner_id, contents, effect, 1, context)


def label_requested_again(order: Order, parcel: Parcel, context: Context) -> LabelRequested:
    """Ask once more for a parcel's label."""
    return _label(
        order, parcel.parcel_id, parcel.partner_id, parcel.contents, parcel.effect_key, parcel.attempt + 1, context
    )


def _label(
    order: Order,
    parcel_id: str,
    partner_id: str,
    contents: dict[str, tuple[int, ...]],
    effect: str,
    attempt: int,
    context: Context,
) -> LabelRequested:
    return LabelRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        parcel_id=parcel_id,
        contents=tuple(LineUnits(line_id=line_id, units=units) for line_id, units in contents.items()),
        partner_id=partner_id,
        recipient=order.recipient,
        country=order.country,
        priority=order.priority,
    )


def notification_id_of(template: str, subject: str, occurrence: int = 1) -> str:
    """Id of a notification within its order; what happens anew is told anew, under a number."""
    first = f"{template}-{subject}" if subject else template
    return first if occurrence == 1 else f"{first}.{occurrence}"


def notification_requested(
    order: Order,
    template: str,
    audience: str,
    subject: str,
    values: dict[str, str],
    context: Context,
    occurrence: int = 1,
) -> NotificationRequested:
    """Ask for somebody to be told."""
    notification_id = notification_id_of(template, subject, occurrence)
    effect = effect_key(context.key, "notify", notification_id, audience, 1)
    return NotificationRequested(
        effect_key=effect,
        request_id=request_id(effect, 1),
        attempt=1,
        due_at=answer_due_at(order, context, 1),
        notification_id=notification_id,
        template=template,
        audience=audience,
        recipient=order.recipient if audience == "buyer" else b"",
        subject=subject,
        order_number=order.order_number,
        store=order.store,
        facts=values,
    )


def notification_requested_again(order: Order, asked: NotificationRequested, context: Context) -> NotificationRequested:
    """Ask once more for somebody to be told, where it is known that they were not; at their newest address."""
    attempt = asked.attempt + 1
    return replace(
        asked,
        request_id=request_id(asked.effect_key, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        recipient=order.recipient if asked.audience == "buyer" else b"",
    )

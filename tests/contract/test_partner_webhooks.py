"""The contract on webhooks that every print partner's adapter and simulator keep together, over real HTTP."""

import sys
import time

import pytest

from events.order.commands import ReportPartnerStatus
from processors.inbound.reports import partner_status
from processors.partners.protocol import (
    CANONICAL_STAGES,
    PartnerReport,
    StatusMap,
    WebhookNotGenuine,
    WebhookTooOld,
    WebhookUnreadable,
)
from tests.contract.net import Receiver
from tests.contract.partner_rigs import PartnerRig, highest, reached, run_of, seen
from tests.unit.inbound.doubles import MemoryEffects

pytestmark = [pytest.mark.anyio, pytest.mark.needs("webhooks")]

STAGES = {"queued", "printing", "printed", "handed_over"}


async def test_every_stage_is_reported_with_rising_rank_and_a_verifiable_signature(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    reports = rig.reports_of(job.effect_key, reached(*(STAGES - rig.unsaid)))
    ordered = sorted(reports, key=lambda report: (report.partner_timestamp_at, report.rank))
    assert [r.rank for r in ordered] == sorted(r.rank for r in ordered)
    assert {r.canonical for r in reports} <= set(CANONICAL_STAGES)
    assert all(report.provenance for report in reports)
    for delivery in rig.deliveries_of(job.effect_key):
        partner.verify_webhook(delivery.headers, delivery.body)


async def test_doubled_and_shuffled_webhooks_end_at_the_same_status(rig: PartnerRig) -> None:
    rig.provoke("send everything twice, shuffled")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)

    def all_came_twice(reports: list[PartnerReport]) -> bool:
        ids = [report.partner_event_id for report in reports]
        return any(r.canonical == "handed_over" for r in reports) and all(ids.count(i) >= 2 for i in ids)

    reports = rig.reports_of(job.effect_key, all_came_twice)
    once = {report.partner_event_id: report for report in reports}
    assert len(once) * 2 <= len(reports)
    assert all(report == once[report.partner_event_id] for report in reports)
    assert highest(list(once.values())).canonical == "handed_over"


async def test_a_webhook_is_sent_again_until_it_is_answered(rig: PartnerRig, receiver: Receiver) -> None:
    receiver.refuse(2)
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached(*(STAGES - rig.unsaid)))
    assert receiver.refusals_left == 0


async def test_a_forged_or_changed_webhook_is_not_genuine(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("queued"))
    genuine = rig.deliveries_of(job.effect_key)[0]
    forged = rig.signed(genuine.body, secret=rig.strange_secret, at_s=time.time())
    nonsense = {name: "v1,%%%,,," if "ignature" in name else value for name, value in forged.items()}
    changed = [(genuine.headers, genuine.body.replace(b"1", b"2")), (genuine.headers, b"\xff\xfe")]
    for headers, body in [
        (forged, genuine.body),
        (nonsense, genuine.body),
        ({}, genuine.body),
        *(changed if rig.signs_body else ()),
    ]:
        with pytest.raises(WebhookNotGenuine):
            partner.verify_webhook(headers, body)


async def test_a_secret_can_be_changed_without_losing_a_webhook(rig: PartnerRig) -> None:
    partner = rig.partner()
    for secret in rig.secrets:
        partner.verify_webhook(rig.signed(b"{}", secret=secret, at_s=time.time()), b"{}")


async def test_a_webhook_signed_long_ago_or_far_ahead_is_refused(rig: PartnerRig) -> None:
    if not rig.signs_time:
        pytest.skip("this vendor's signature covers no time; its events are recognised by their id alone")
    partner = rig.partner()
    for offset_s in (-3600, 3600):
        headers = rig.signed(b"{}", secret=rig.secrets[0], at_s=time.time() + offset_s)
        with pytest.raises(WebhookTooOld):
            partner.verify_webhook(headers, b"{}")


async def test_a_replayed_webhook_is_recognised_by_its_event_id(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, reached("queued"))
    seen: set[str] = set()
    for delivery in rig.deliveries_of(job.effect_key):
        partner.verify_webhook(delivery.headers, delivery.body)
        partner.verify_webhook(delivery.headers, delivery.body)
        ids = [[r.partner_event_id for r in partner.parse_webhook(delivery.body)] for _ in range(2)]
        assert ids[0] == ids[1]
        assert not seen & set(ids[0])
        seen |= set(ids[0])
    assert seen


async def test_an_unknown_status_word_is_kept_as_it_came(rig: PartnerRig) -> None:
    rig.provoke("say an unknown word")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    unknown = await seen(rig, job.effect_key, None)
    assert unknown.raw_status
    assert unknown.rank == 0
    rig.calm()
    reports = rig.reports_of(job.effect_key, reached("printed"))
    assert len([report for report in reports if report.canonical is None]) == (0 if "" in rig.unsaid else 1)


async def test_an_unknown_status_word_is_mapped_by_a_replay_of_its_webhook_once_the_map_knows_it(
    rig: PartnerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "" in rig.unsaid:
        pytest.skip("this partner's callbacks carry no such word; it is read when the partner is asked")
    rig.provoke("say an unknown word")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    unknown = await seen(rig, job.effect_key, None)
    # A vendor that is asked again bears out what lies behind the run, so the run is past the word that is mended.
    rig.reports_of(job.effect_key, reached("printed"))
    kept = [delivery.body for delivery in rig.deliveries_of(job.effect_key)]
    effects = MemoryEffects(run_of(job, rig.name))

    async def replayed() -> dict[str, ReportPartnerStatus]:
        """What the kept bodies with that word say now, by command id."""
        vouched = [await partner.vouch(partner.parse_webhook(body)) for body in kept]
        told = [one for found in vouched for one in found.reports if one.raw_status == unknown.raw_status]
        said = [partner_status(report, rig.name, effects) for report in told]
        return {one.command_id: one.command for one in said if isinstance(one.command, ReportPartnerStatus)}

    before = await replayed()
    assert {command.canonical for command in before.values()} == {""}
    assert (await replayed()).keys() == before.keys(), "the same map says nothing new"
    mend_the_map(monkeypatch, unknown.provenance, unknown.raw_status, "finishing")
    after = await replayed()
    assert {(command.canonical, command.raw) for command in after.values()} == {("finishing", unknown.raw_status)}
    assert not after.keys() & before.keys()


def mend_the_map(monkeypatch: pytest.MonkeyPatch, provenance: str, word: str, canonical: str) -> None:
    """The status map of this provenance, wherever it is used, with one word more and another version."""
    modules = [module for name, module in sys.modules.items() if name.startswith("processors.")]
    using = [m for m in modules if getattr(getattr(m, "STATUS_MAP", None), "provenance", "") == provenance]
    assert using
    old: StatusMap = using[0].STATUS_MAP
    words = {known: old.canonical(known) or "" for known in old.words}
    for module in using:
        monkeypatch.setattr(module, "STATUS_MAP", StatusMap(f"{provenance}-mended", words | {word: canonical}))


async def test_a_body_of_another_shape_is_unreadable_and_another_event_says_nothing(rig: PartnerRig) -> None:
    partner = rig.partner()
    for body in (b"", b"[]", b'{"type": 3}', b"\x00\x01", b'{"type": "job.status"}'):
        with pytest.raises(WebhookUnreadable):
            partner.parse_webhook(body)
    assert partner.parse_webhook(rig.other_event) == ()

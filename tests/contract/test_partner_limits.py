"""What every print partner's adapter does at limits: the partner's and our own."""

import time

import msgspec
import pytest

from processors.gate import Rate
from processors.outbound import Deferred, OutboundPolicy
from processors.partners.protocol import (
    Accepted,
    JobSnapshot,
)
from tests.contract.partner_rigs import PATIENT, Kept, PartnerRig

pytestmark = pytest.mark.anyio


@pytest.mark.needs("calls")
async def test_a_short_rate_limit_is_waited_for(rig: PartnerRig) -> None:
    rig.provoke("limit the rate")
    partner, job = rig.partner(), rig.job()
    started = time.monotonic()
    assert isinstance(await partner.submit(job), Accepted)
    assert time.monotonic() - started >= 0.9


@pytest.mark.needs("calls")
async def test_a_long_rate_limit_is_deferred_with_the_partners_own_wait(rig: PartnerRig) -> None:
    rig.provoke("limit the rate for long")
    partner, job = rig.partner(), rig.job()
    outcome = await partner.submit(job)
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.outcome_unknown) == ("rate_limited", False)
    assert outcome.retry_after_ms >= 80_000
    assert rig.made(job.effect_key).jobs == 0


@pytest.mark.needs("calls")
async def test_our_own_limit_keeps_calls_below_the_partners(rig: PartnerRig) -> None:
    policy = msgspec.structs.replace(PATIENT, rate_limit=Rate(calls=2, seconds=60), wait_max_s=0.1)
    exchanges, job = Kept(), rig.job()
    await rig.partner().submit(job)
    partner = rig.partner(policy, exchanges=exchanges)
    for _ in range(2):
        assert isinstance(await partner.read_back(job.effect_key), JobSnapshot)
    third = await partner.read_back(job.effect_key)
    assert isinstance(third, Deferred)
    assert third.reason == "rate_limited"
    assert 0 < third.retry_after_ms <= 60_000
    assert len(exchanges) == 2


@pytest.mark.needs("calls")
async def test_after_repeated_failures_the_circuit_breaker_defers_without_a_call(rig: PartnerRig) -> None:
    policy = msgspec.structs.replace(PATIENT, circuit_failures=3, circuit_rest_s=60)
    exchanges = Kept()
    partner = rig.partner(policy, exchanges=exchanges)
    rig.provoke("go down")
    await partner.submit(rig.job())
    calls = len(exchanges)
    outcome = await partner.submit(rig.job())
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.outcome_unknown) == ("circuit_open", False)
    assert 0 < outcome.retry_after_ms <= 60_000
    assert len(exchanges) == calls


@pytest.mark.needs("calls")
async def test_the_circuit_closes_again_after_its_rest(rig: PartnerRig) -> None:
    policy = msgspec.structs.replace(PATIENT, circuit_failures=1, circuit_rest_s=0.001, attempts=1)
    partner, job = rig.partner(policy), rig.job()
    rig.provoke("go down")
    await partner.submit(job)
    rig.calm()
    assert isinstance(await partner.submit(job), Accepted)


@pytest.mark.needs("calls")
async def test_an_answer_beyond_the_size_limit_is_dropped(rig: PartnerRig) -> None:
    job = rig.job()
    await rig.partner().submit(job)
    partner = rig.partner(OutboundPolicy(answer_max_bytes=10, attempts=1))
    outcome = await partner.read_back(job.effect_key)
    assert isinstance(outcome, Deferred)
    assert outcome.reason == "answer_too_large"


@pytest.mark.needs("calls")
async def test_what_was_sent_and_answered_can_be_kept_without_the_credentials(rig: PartnerRig) -> None:
    exchanges = Kept()
    partner, job = rig.partner(exchanges=exchanges), rig.job()
    await partner.submit(job)
    kept = repr(exchanges)
    assert job.effect_key in kept
    assert {exchange.about for exchange in exchanges} == {job.effect_key}
    assert "key-of-tests" not in kept

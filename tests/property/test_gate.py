"""The gate to a vendor, tried with any sequence of calls: the rate is never exceeded, the circuit never stays open."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.gate import PAUSE_MAX_MS, Admission, GateRules, GateState, Rate, admit, answered, failed, paused

RULES = GateRules(rate=Rate(calls=3, seconds=1), failures_max=2, rest_ms=500, probe_ms=200)
UNLIMITED = msgspec.structs.replace(RULES, rate=None)
START = 1_000_000

calls = st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["answered", "failed", "paused"])), max_size=60)


@given(calls)
def test_no_stretch_of_the_window_sees_more_calls_than_the_rate(script: list[tuple[int, str]]) -> None:
    state, now, let_through = GateState(), START, []
    for wait_ms, _ in script:
        now += wait_ms
        admission, state = admit(state, RULES, now)
        if not admission.obstacle:
            let_through.append(now)
    for first, fourth in zip(let_through, let_through[3:], strict=False):
        assert fourth - first >= 1000
    assert len(state.turns) <= 3


@given(calls)
def test_who_waits_as_long_as_he_is_told_is_let_through(script: list[tuple[int, str]]) -> None:
    state, now = GateState(), START
    for wait_ms, outcome in script:
        now += wait_ms
        admission, state = admit(state, RULES, now)
        if admission.obstacle:
            again, state = admit(state, RULES, now + admission.wait_ms)
            now += admission.wait_ms
            # Whoever waited for the circuit may still find the rate used up, never the circuit shut.
            assert not again.obstacle or (admission.obstacle, again.obstacle) == ("circuit_open", "rate_limited")
            if again.obstacle:
                continue
        match outcome:
            case "answered":
                state = answered(state)
            case "failed":
                state = failed(state, RULES, now)
            case _:
                state = paused(state, now, 50)


def test_the_circuit_opens_after_failures_in_a_row_lets_one_call_see_and_closes_when_that_is_answered() -> None:
    state = failed(failed(GateState(), UNLIMITED, START), UNLIMITED, START)
    assert admit(state, UNLIMITED, START + 1)[0] == Admission(obstacle="circuit_open", wait_ms=499)
    probe, state = admit(state, UNLIMITED, START + 500)
    other, state = admit(state, UNLIMITED, START + 501)
    assert (probe.obstacle, probe.is_watched) == ("", True)
    assert other == Admission(obstacle="circuit_open", wait_ms=199)
    assert answered(state) == GateState()


def test_a_probe_that_fails_opens_the_circuit_for_another_rest_and_one_that_vanishes_frees_its_place() -> None:
    state = failed(failed(GateState(), UNLIMITED, START), UNLIMITED, START)
    _, probing = admit(state, UNLIMITED, START + 500)
    again = failed(probing, UNLIMITED, START + 600)
    assert admit(again, UNLIMITED, START + 1_099)[0].obstacle == "circuit_open"
    assert admit(again, UNLIMITED, START + 1_100)[0].obstacle == ""
    assert admit(probing, UNLIMITED, START + 700)[0].obstacle == ""


def test_an_answer_between_failures_keeps_the_circuit_closed() -> None:
    state = failed(answered(failed(GateState(), UNLIMITED, START)), UNLIMITED, START)
    assert admit(state, UNLIMITED, START)[0].obstacle == ""


def test_a_vendor_that_asks_for_a_pause_is_left_alone_for_so_long_and_counts_as_well() -> None:
    state = paused(failed(GateState(), UNLIMITED, START), START, 90_000)
    assert admit(state, UNLIMITED, START + 1)[0] == Admission(obstacle="rate_limited", wait_ms=89_999)
    assert admit(state, UNLIMITED, START + 90_000) == (Admission(), GateState())


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_no_pause_that_a_vendor_asks_for_shuts_its_gate_for_longer_than_an_hour(kept_ms: int, wait_ms: int) -> None:
    # given a pause that was kept before, by whichever release
    kept = GateState(paused_until=START + kept_ms)
    # when the vendor asks for another
    state = paused(kept, START, wait_ms)
    # then
    assert START + min(wait_ms, PAUSE_MAX_MS) <= state.paused_until <= START + PAUSE_MAX_MS
    assert admit(state, UNLIMITED, START + PAUSE_MAX_MS)[0].obstacle == ""


def test_a_pause_of_years_that_an_earlier_release_kept_is_over() -> None:
    kept = GateState(paused_until=START + PAUSE_MAX_MS + 1)
    assert admit(kept, UNLIMITED, START) == (Admission(), GateState())
    assert paused(kept, START, 500).paused_until == START + 500

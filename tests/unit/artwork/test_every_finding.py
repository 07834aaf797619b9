"""Every finding that exists has a picture or text that triggers it, and one that just does not."""

from __future__ import annotations

import msgspec
import pytest

from processors.artwork.checks import check_artwork
from processors.artwork.findings import SEVERITIES, CheckResult
from processors.artwork.sandbox import SandboxPool
from tests.unit.artwork.finding_pairs import PAIRS, Case
from tests.unit.artwork.pictures import simple_area, simple_template


def checked(pool: SandboxPool, case: Case) -> CheckResult:
    area = simple_area(300, 200, *case.layers, **{k: v for k, v in case.area.items() if not k.endswith("_um")})
    template = simple_template(msgspec.structs.replace(area, **case.area))
    if case.limits is None:
        return check_artwork(pool, case.original, case.text, template, lists=case.lists)
    with SandboxPool(1, case.limits) as limited:
        return check_artwork(limited, case.original, case.text, template, lists=case.lists)


def test_no_finding_is_without_its_pair() -> None:
    assert PAIRS.keys() == SEVERITIES.keys()


@pytest.mark.parametrize("code", SEVERITIES)
def test_a_finding_is_triggered_and_just_not(pool: SandboxPool, code: str) -> None:
    triggers, just_not = PAIRS[code]
    found = {found.code: found for found in checked(pool, triggers).findings}
    assert code in found
    assert code not in {found.code for found in checked(pool, just_not).findings}
    # What is found says what to do in whole sentences, and its measures are numbers.
    assert found[code].severity == SEVERITIES[code]
    assert found[code].message.endswith(".")
    assert all(float(value) >= 0 for value in found[code].measured.values())

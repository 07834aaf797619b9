"""A roll-out is steady, only grows, and reaches about the share that was asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.artwork.rollout import Rollout, Unit, chosen_version

UNITS: st.SearchStrategy[Unit] = st.sampled_from(["tenant", "order"])


def rollout(share_permille: int, unit: Unit = "order") -> Rollout:
    return Rollout(template_id="mug", stable_version=1, version=2, share_permille=share_permille, unit=unit)


@given(st.text(), st.text(), st.integers(0, 1000), st.integers(0, 1000), UNITS)
def test_raising_the_share_takes_the_new_version_from_nobody(
    tenant: str, order_id: str, one: int, other: int, unit: Unit
) -> None:
    low, high = sorted((one, other))
    had = chosen_version(rollout(low, unit), tenant=tenant, order_id=order_id)
    has = chosen_version(rollout(high, unit), tenant=tenant, order_id=order_id)
    assert has >= had


@given(st.text(), st.text(), UNITS)
def test_nobody_at_zero_and_everybody_at_a_thousand(tenant: str, order_id: str, unit: Unit) -> None:
    assert chosen_version(rollout(0, unit), tenant=tenant, order_id=order_id) == 1
    assert chosen_version(rollout(1000, unit), tenant=tenant, order_id=order_id) == 2


@given(st.text(), st.text(), st.text(), st.integers(0, 1000))
def test_all_orders_of_a_tenant_get_the_same_version_when_tenants_are_the_unit(
    tenant: str, one: str, other: str, share: int
) -> None:
    flag = rollout(share, "tenant")
    assert chosen_version(flag, tenant=tenant, order_id=one) == chosen_version(flag, tenant=tenant, order_id=other)


def test_the_share_of_orders_is_about_what_was_asked_for() -> None:
    flag = rollout(250)
    new = sum(chosen_version(flag, tenant="demo", order_id=f"order-{n}") == 2 for n in range(4000))
    assert 900 <= new <= 1100

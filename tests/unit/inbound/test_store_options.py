"""A store's own rules: read once, and refused by name where no order could live by them."""

from typing import Any

import pytest

from processors.inbound.assemble import POLICY_LIMITS, POLICY_WORDS, store_options
from processors.inbound.reading import FieldNotUsable
from tests.unit.inbound.doubles import connection


def test_what_a_store_does_not_say_has_its_default() -> None:
    policy = store_options(connection(policy={"approval": "when_clean", "approver": "buyer"})).policy
    assert (policy.approval, policy.approver, policy.approval_reminders_max) == ("when_clean", "buyer", 3)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        *((rule, "sometimes") for rule in POLICY_WORDS),
        *((rule, least - 1) for rule, (least, _) in POLICY_LIMITS.items()),
        *((rule, most + 1) for rule, (_, most) in POLICY_LIMITS.items()),
    ],
)
def test_a_rule_that_no_order_could_live_by_is_refused_by_name(rule: str, value: Any) -> None:
    with pytest.raises(FieldNotUsable, match=rf"policy\.{rule}"):
        store_options(connection(policy={rule: value}))

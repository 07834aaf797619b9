"""Which queue the request behind a deadline waits in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.order.deadlines import deadline_changes
from events.order.facts import WORK_TOPIC
from processors.timers import QUEUE_OF
from tests.property.declared import instances


@pytest.mark.parametrize("request_type", list(WORK_TOPIC), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_request_for_work_opens_a_deadline_whose_queue_is_known(request_type: Any, data: st.DataObject) -> None:
    ((key, _),) = deadline_changes(data.draw(instances(request_type))).opened
    assert QUEUE_OF[key.partition(":")[0]] == WORK_TOPIC[request_type]

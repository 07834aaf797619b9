"""The ranks that adapters give are those that the order's rules go by."""

from __future__ import annotations

from events.order.decide_partner_status import RANK_PRINTED, RANK_PRINTING
from events.order.decide_shipping import RANK_DELIVERED, RANK_IN_TRANSIT, RANK_RETURNED
from processors.carriers.protocol import CANONICAL_TRACKING
from processors.partners.protocol import CANONICAL_STAGES


def test_a_carriers_words_mean_to_the_order_what_they_say() -> None:
    in_transit = {word for word, rank in CANONICAL_TRACKING.items() if RANK_IN_TRANSIT <= rank < RANK_DELIVERED}
    delivered = {word for word, rank in CANONICAL_TRACKING.items() if RANK_DELIVERED <= rank < RANK_RETURNED}
    returned = {word for word, rank in CANONICAL_TRACKING.items() if rank >= RANK_RETURNED}
    assert in_transit == {"in_transit", "out_for_delivery", "available_for_pickup"}
    assert delivered == {"delivered"}
    assert returned == {"return_to_sender", "returned"}


def test_a_partners_words_mean_to_the_order_what_they_say() -> None:
    printing = {word for word, rank in CANONICAL_STAGES.items() if RANK_PRINTING <= rank < RANK_PRINTED}
    printed = {word for word, rank in CANONICAL_STAGES.items() if rank >= RANK_PRINTED}
    assert printing == {"printing", "finishing", "quality_check"}
    assert printed == {"printed", "handed_over"}

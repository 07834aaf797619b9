"""Each stage that any partner reports is on the timeline, in the partner's word and in the press's."""

import pytest

from events.order.facts import PartnerStatusObserved
from processors.partners import gelato_events, house_shop, print_shop, printful_events
from processors.partners.protocol import CANONICAL_STAGES, StatusMap
from projections.sentences import describe
from projections.sentences.production import PRESS_WORDS

MAPS: list[StatusMap] = [
    value
    for module in (print_shop, printful_events, gelato_events, house_shop)
    for value in vars(module).values()
    if isinstance(value, StatusMap)
]


def observed(raw: str, canonical: str, rank: int) -> PartnerStatusObserved:
    return PartnerStatusObserved(
        line_id="1", run=1, partner_id="press-east", raw=raw, canonical=canonical, rank=rank, partner_at=1,
        partner_event_id="e", applied=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("canonical", "words"),
    [
        ("queued", "queued"),
        ("printing", "printing"),
        ("finishing", "finishing"),
        ("quality_check", "quality check"),
        ("printed", "ready for shipment"),
        ("handed_over", "handed over"),
    ],
)
def test_a_stage_is_told_in_the_partners_word_and_in_the_presss(canonical: str, words: str) -> None:
    entry = describe(observed("their-word", canonical, CANONICAL_STAGES[canonical]))
    assert entry.title == "Line 1, run 1: press-east reports their-word"
    assert entry.detail == f"This means {words}."


def test_every_stage_has_its_words() -> None:
    assert set(CANONICAL_STAGES) <= set(PRESS_WORDS)


def test_every_adapter_has_words_for_queued_and_for_its_later_stages() -> None:
    assert len(MAPS) >= 4
    for adapter in MAPS:
        words = {word for word in adapter._words.values() if word in CANONICAL_STAGES}
        assert words >= {"queued", "printing"}, adapter.provenance
        assert words & {"printed", "handed_over"}, adapter.provenance


def test_our_own_print_shop_reports_every_stage() -> None:
    assert set(CANONICAL_STAGES) <= set(print_shop.STATUS_MAP._words.values())


def test_a_word_that_is_not_known_is_shown_as_it_came() -> None:
    entry = describe(observed("drying", "", 0))
    assert "drying" in entry.title
    assert entry.detail == "This means a word that is not known here."

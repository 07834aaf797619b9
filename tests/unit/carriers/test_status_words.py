"""Every word of each carrier's status vocabulary is mapped, or is named as one that says nothing."""

from processors.carriers import easypost_reading, shippo_reading, shipstation_reading
from processors.carriers.protocol import CANONICAL_TRACKING
from tests.unit.carriers.vocabulary import (
    EASYPOST,
    SHIPPO,
    SHIPSTATION_CODES,
    SHIPSTATION_DETAILS,
    SHIPSTATION_SILENT,
)


def test_every_easypost_status_means_what_its_vendor_says() -> None:
    assert dict(easypost_reading.STATUS_WORDS) == dict(EASYPOST)
    assert set(EASYPOST.values()) <= set(CANONICAL_TRACKING)


def test_every_shippo_status_and_substatus_means_what_its_vendor_says() -> None:
    listed = {status: {"", *words} for status, words in shippo_reading.SUBSTATUSES.items()}
    assert listed == {status: set(words) for status, words in SHIPPO.items()}
    assert set(shippo_reading.STATUS_WORDS) == set(SHIPPO)
    assert set(shippo_reading.SUBSTATUS_WORDS) <= set(SHIPPO["TRANSIT"])
    for status, meanings in SHIPPO.items():
        for substatus, meaning in meanings.items():
            assert shippo_reading.canonical(status, substatus or None) == meaning, (status, substatus)
            assert meaning in CANONICAL_TRACKING


def test_every_shipstation_status_and_detail_means_what_its_vendor_says() -> None:
    assert dict(shipstation_reading.STATUS_WORDS) == dict(SHIPSTATION_CODES)
    details = [detail for listed in shipstation_reading.DETAILS.values() for detail in listed]
    assert len(details) == len(set(details))
    assert set(details) == set(SHIPSTATION_DETAILS) | SHIPSTATION_SILENT
    for status, meaning in SHIPSTATION_CODES.items():
        assert shipstation_reading.canonical(status, None) == meaning
        for detail, detailed in SHIPSTATION_DETAILS.items():
            assert shipstation_reading.canonical(status, detail) == detailed, (status, detail)
        for silent in SHIPSTATION_SILENT:
            assert shipstation_reading.canonical(status, silent) == meaning, (status, silent)


def test_a_word_that_no_list_has_is_named_as_unknown() -> None:
    assert shippo_reading.canonical("HELD_BY_CUSTOMS", None) is None
    assert shipstation_reading.canonical("ZZ", "DELIVERED") is None
    assert easypost_reading.STATUS_WORDS.get("held_by_customs") is None


def test_a_substatus_that_a_carrier_adds_later_leaves_the_status_its_word() -> None:
    assert shippo_reading.canonical("TRANSIT", "crossed_the_moon") == "in_transit"
    assert shipstation_reading.canonical("DE", "LEFT_ON_THE_MOON") == "delivered"


def test_what_says_that_the_parcel_comes_back_outranks_a_delivery_at_every_carrier() -> None:
    delivered = CANONICAL_TRACKING["delivered"]
    back = (
        easypost_reading.STATUS_WORDS["return_to_sender"],
        shippo_reading.canonical("RETURNED", "package_unclaimed"),
        shipstation_reading.canonical("EX", "REFUSED_BY_CUSTOMER"),
    )
    assert all(word is not None and CANONICAL_TRACKING[word] > delivered for word in back)

"""Every word of each carrier's status vocabulary is mapped, or is named as one that says nothing."""

from processors.carriers import easypost_reading, shippo_reading, shipstation_reading
from processors.carriers.protocol import CANONICAL_TRACKING

#: EasyPost's tracker statuses as its tracker guide lists them.
EASYPOST = (
    "unknown", "pre_transit", "in_transit", "out_for_delivery", "delivered", "available_for_pickup",
    "return_to_sender", "failure", "cancelled", "error",
)  # fmt: skip
#: ShipStation's `status_code` in its OpenAPI description.
SHIPSTATION = ("UN", "AC", "IT", "DE", "EX", "AT", "NY", "SP")


def test_every_easypost_status_has_a_word_of_ours() -> None:
    assert set(easypost_reading.STATUS_WORDS) == set(EASYPOST)
    assert set(easypost_reading.STATUS_WORDS.values()) <= set(CANONICAL_TRACKING)


def test_every_shippo_status_and_substatus_has_a_word_of_ours() -> None:
    assert set(shippo_reading.STATUS_WORDS) == set(shippo_reading.SUBSTATUSES)
    for status, substatuses in shippo_reading.SUBSTATUSES.items():
        for substatus in (None, *substatuses):
            assert shippo_reading.canonical(status, substatus) in CANONICAL_TRACKING, (status, substatus)
    listed = {word for words in shippo_reading.SUBSTATUSES.values() for word in words}
    assert set(shippo_reading.SUBSTATUS_WORDS) <= listed


def test_every_shipstation_status_and_detail_has_a_word_of_ours() -> None:
    assert set(shipstation_reading.STATUS_WORDS) == set(SHIPSTATION)
    details = [detail for listed in shipstation_reading.DETAILS.values() for detail in listed]
    assert len(details) == len(set(details))
    for status in SHIPSTATION:
        for detail in (None, *details):
            assert shipstation_reading.canonical(status, detail) in CANONICAL_TRACKING, (status, detail)


def test_a_shipstation_detail_that_says_nothing_leaves_the_status_its_word() -> None:
    for detail in shipstation_reading.DETAILS[""]:
        assert shipstation_reading.canonical("DE", detail) == "delivered"


def test_a_word_that_no_list_has_is_named_as_unknown() -> None:
    assert shippo_reading.canonical("HELD_BY_CUSTOMS", None) is None
    assert shipstation_reading.canonical("ZZ", "DELIVERED") is None
    assert easypost_reading.STATUS_WORDS.get("held_by_customs") is None


def test_a_substatus_that_shippo_adds_later_leaves_the_status_its_word() -> None:
    assert shippo_reading.canonical("TRANSIT", "crossed_the_moon") == "in_transit"


def test_what_says_that_the_parcel_comes_back_outranks_a_delivery_at_every_carrier() -> None:
    delivered = CANONICAL_TRACKING["delivered"]
    back = (
        easypost_reading.STATUS_WORDS["return_to_sender"],
        shippo_reading.canonical("RETURNED", "package_unclaimed"),
        shipstation_reading.canonical("EX", "REFUSED_BY_CUSTOMER"),
    )
    assert all(word is not None and CANONICAL_TRACKING[word] > delivered for word in back)

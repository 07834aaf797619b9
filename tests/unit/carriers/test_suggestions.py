"""A carrier's better idea of an address: read from its refusal, and told without repeating the address."""

import msgspec

from processors.carriers.easypost_sorting import refused_address
from processors.outbound import Answer
from processors.workers.label import better_parts
from tests.unit.carriers.doubles import ADDRESS


def refusal_with(*errors: dict[str, object]) -> Answer:
    body = {"error": {"code": "ADDRESS.VERIFY.FAILURE", "message": "Unable to verify address.", "errors": errors}}
    return Answer(status=422, headers={}, body=msgspec.json.encode(body))


def test_easyposts_suggestions_make_a_better_address() -> None:
    refused = refused_address(
        refusal_with(
            {"code": "E.ADDRESS.NOT_FOUND", "field": "address", "message": "Address not found", "suggestion": None},
            {"code": "E.ZIP.INVALID", "field": "zip", "message": "Wrong", "suggestion": "90278"},
            {"code": "E.STATE.INVALID", "field": "state", "message": "Wrong", "suggestion": "CA"},
        ),
        ADDRESS,
    )
    assert refused.suggested_address == msgspec.structs.replace(ADDRESS, postal_code="90278", region="CA")
    assert better_parts(ADDRESS, refused.suggested_address) == " The carrier suggests another region, postal code."


def test_a_refusal_without_suggestions_suggests_nothing() -> None:
    refused = refused_address(refusal_with({"field": "zip", "message": "Wrong", "suggestion": None}), ADDRESS)
    assert refused.suggested_address is None
    assert better_parts(ADDRESS, None) == ""


def test_a_suggestion_is_told_by_its_parts_and_never_by_its_words() -> None:
    better = msgspec.structs.replace(ADDRESS, street1="1 Secret Lane", city="Elsewhere")
    told = better_parts(ADDRESS, better)
    assert told == " The carrier suggests another street, city."
    assert "Secret" not in told

"""`printledger claim`, `inspect` and `parcel` as support types them, with a ledger and read models that run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from events.envelope import FactEnvelope
from events.order.facts import (
    ClaimGranted,
    ClaimOpened,
    InspectionFailed,
    InspectionRequested,
    LabelPurchased,
    LabelRequested,
    OrderEvent,
    ParcelWithdrawn,
    RefundMade,
)
from events.order.values import OrderPolicy
from infra import kafka
from infra.s3 import Bucket
from infra.settings import Settings
from tests.contract.partner_rigs import print_file
from tests.integration.command_line import typed
from tests.integration.ledger_bed import Bed, headers_of
from tests.integration.projections.conftest import Rig
from tests.ledger_writer import LedgerWriter
from tests.order_life import World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until

pytestmark = pytest.mark.stack

ORDER = context_of().key
MODELS = ("orders", "claims", "command_outcomes")
MENDED = {
    "name": "Demo Buyer",
    "address1": "Demo Street 7",
    "city": "Demo Town",
    "postal_code": "5020",
    "country": "AT",
}
#: A command waits so long for its outcome: it is there in a moment, and a busy machine may take its time.
PATIENT = ("--timeout", "120")


class Desk:
    """An order whose life is in the ledger, and the command line beside it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bed = Bed(settings, "orders", settings.ledger_partitions)
        producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}tests")
        self.rig = Rig(settings, LedgerWriter(producer, self.bed.stream.events_topic, settings.ledger_partitions))

    def lives(self, until: type[OrderEvent] | None = None, policy: OrderPolicy | None = None) -> None:
        """Let an order of two units live: to the door, or until somebody is needed for a fact of this kind."""
        order = a_store_order(lines=(a_line(quantity=2),), policy=policy)
        answer = World().answer
        _, _, life = live([placed(order)], lambda fact: () if type(fact) is until else answer(fact))
        self.bed.send_all((ORDER, f"life-{number}", command) for number, command in enumerate(life))
        self.settle()

    def settle(self) -> None:
        """Wait until the read models show all that the ledger wrote."""
        self.bed.wait_until_answered()
        ends: dict[int, int] = {}
        for message in self.bed.facts():
            position = FactEnvelope.from_headers(list(headers_of(message).items())).position
            ends[message.partition() or 0] = max(position, ends.get(message.partition() or 0, 0))
        wait_until(lambda: all(self.rig.positions(name) == ends for name in MODELS), 60, "everything is shown")

    def says(self, *arguments: str, text: str | None = None) -> str:
        """A command that is taken; what it printed."""
        done = typed(self.settings, *arguments, text=text)
        assert done.exit_code == 0, f"{done.output} {done.exception}"
        self.settle()
        return done.output

    def shows(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, *arguments: str) -> str:
        """A command that ends with exit code 1; what it says."""
        done = typed(self.settings, *arguments)
        assert done.exit_code == 1, done.output
        return str(done.exception)

    def newest(self, kind: type[Any]) -> Any:
        """The newest committed fact of a kind."""
        return [fact for fact in self.bed.decoded(self.bed.stream.events_topic) if isinstance(fact, kind)][-1]


@pytest.fixture
def desk(settings: Settings, topics: Callable[[str], str], database_url: str, bucket: Bucket) -> Iterator[Desk]:
    made = Desk(settings)
    with made.bed.running(), made.rig.projecting(*MODELS):
        yield made


@pytest.fixture
def complaint(tmp_path: Path) -> tuple[str, ...]:
    """A complaint about the first unit, with a picture; its text is read from standard input."""
    picture = tmp_path / "cup.png"
    picture.write_bytes(print_file())
    about = ("--line", "1", "--units", "1", "--reason", "damaged", "--wish", "refund", "--text", "-")
    return ("claim", "open", ORDER, *about, "--picture", str(picture), *PATIENT)


def test_a_complaint_is_opened_shown_decided_and_paid_back_by_hand(desk: Desk, complaint: tuple[str, ...]) -> None:
    # given
    desk.lives()
    # when
    desk.says(*complaint, text="The handle broke.\n")
    # then
    opened = desk.newest(ClaimOpened)
    assert ([item.units for item in opened.items], len(opened.pictures), opened.by) == ([(1,)], 1, "operator:support")
    (listed,) = desk.shows("claim", "list", "--open")["claims"]
    assert (listed["claim_id"], listed["reason"], listed["wish"], listed["pictures"]) == ("C1", "damaged", "refund", 1)
    assert "note" not in listed
    shown = desk.shows("claim", "show", ORDER, "C1", "--personal")
    assert (shown["text"], len(shown["picture_urls"])) == ("The handle broke.", 1)
    assert "handle" not in desk.says("claim", "show", ORDER, "C1")

    # when
    desk.says("claim", "decide", ORDER, "C1", "refund", "--why", "goodwill", "--amount-minor", "900", *PATIENT)
    # then
    granted = desk.newest(ClaimGranted)
    assert (granted.outcome, granted.amount_minor, granted.reason) == ("refund", 900, "goodwill")
    assert desk.shows("claim", "list", "--open")["claims"] == []
    assert "900 EUR" in desk.says("claim", "show", ORDER, "C1")

    # when
    desk.says("claim", "refunded", ORDER, "C1", "--reference", "bank-7", *PATIENT)
    # then
    assert desk.newest(RefundMade).reference == "bank-7"
    (listed,) = desk.shows("claim", "list", "--stage", "refunded")["claims"]
    assert listed["reference"] == "bank-7"
    assert ORDER in desk.says("claim", "list", "--order", ORDER)
    assert "was decided" in desk.refuses("claim", "decide", ORDER, "C1", "refund", "--why", "goodwill", *PATIENT)


def test_a_return_is_sent_again_to_an_address_in_a_file(desk: Desk, tmp_path: Path) -> None:
    # given
    desk.lives()
    desk.bed.send_all([(ORDER, "returned-1", World().tracking("P1", "returned", 50))])
    desk.settle()
    address = tmp_path / "address.json"
    address.write_text(json.dumps(MENDED))
    # when
    desk.says("claim", "decide", ORDER, "C1", "reship", "--why", "moved", "--address", str(address), *PATIENT)
    # then
    granted = desk.newest(ClaimGranted)
    assert (granted.outcome, granted.country, granted.postal_prefix) == ("reship", "AT", "502")
    assert b"Demo Street" not in granted.recipient
    assert desk.newest(LabelRequested).recipient == granted.recipient


def test_an_address_that_is_of_no_use_is_told_by_name(desk: Desk, tmp_path: Path) -> None:
    address = tmp_path / "address.json"
    desk.lives()
    decide = ("claim", "decide", ORDER, "C1", "reship", "--why", "moved", "--address")
    for content, told in (
        ("{", "JSON object"),
        ('{"street": "Demo Street 7"}', "street. An address is"),
        ('{"name": "Demo Buyer"}', "a street, a city and a country"),
    ):
        address.write_text(content)
        assert told in desk.refuses(*decide, str(address)), content
    assert "No such file" in desk.refuses(*decide, str(tmp_path / "none.json"))


def test_what_support_mistypes_is_told_by_name_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.lives()
    about = ("claim", "open", ORDER, "--reason", "damaged")
    for arguments, told in (
        ((*about, "--line", "9"), "no such line"),
        ((*about, "--line", "1", "--units", "one"), "numbers from 1"),
        ((*about, "--line", "1", "--units", "1", "--units", "2"), "numbers from 1"),
        ((*about, "--line", "1", "--units", "7", *PATIENT), "units that were sent"),
        ((*about, "--line", "1", "--text", "x" * 2_001), "2,000 characters"),
        ((*about, "--line", "1", "--picture", str(tmp_path / "none.png")), "No such file"),
        ((*about, "--line", "1", "--picture", __file__), "PNG, JPEG, WebP or TIFF"),
        (("claim", "open", "nobody", "--reason", "damaged", "--line", "1"), "no order with this id"),
        (("claim", "show", ORDER, "C1"), "no such claim"),
        (("claim", "show", "nobody", "C1"), "no order with this id"),
        (("claim", "decide", ORDER, "C1", "refuse", "--why", "bored"), "as_ordered"),
        (("claim", "decide", ORDER, "C1", "refund", "--why", "He was angry"), "small letters"),
        (("claim", "decide", ORDER, "C1", "refund", "--why", "goodwill", *PATIENT), "no such claim"),
        (("claim", "refunded", ORDER, "C1", "--reference", "bank 7"), "1 to 100 letters"),
        (("claim", "refunded", ORDER, "C1", "--reference", "bank-7"), "no such claim"),
        (("parcel", "withdraw", ORDER, "P9", "--reason", "asked"), "no such parcel"),
        (("parcel", "accept-address", ORDER), "No carrier suggests"),
        (("parcel", "suggestions", "nobody"), "no order with this id"),
        (("inspect", ORDER, "1"), "waits for a person"),
    ):
        assert told in desk.refuses(*arguments), arguments
    assert desk.shows("claim", "list")["claims"] == []
    assert typed(desk.settings, "claim", "list", "--open", "--stage", "referred").exit_code == 2


def test_a_person_fails_a_unit_by_the_command_line(desk: Desk) -> None:
    desk.lives(InspectionRequested, OrderPolicy(approval="when_clean", spot_check_per_mille=1_000))

    assert "no such unit" in desk.refuses("inspect", ORDER, "1", "--fail", "7")
    desk.says("inspect", ORDER, "1", "--fail", "2", "--defect", "scratched", *PATIENT)

    failed = desk.newest(InspectionFailed)
    assert (failed.units, [defect.code for defect in failed.defects]) == ((2,), ["scratched"])


def test_a_parcel_is_taken_back_by_the_command_line(desk: Desk) -> None:
    desk.lives(LabelPurchased)

    assert desk.shows("parcel", "withdraw", ORDER, "P1", "--reason", "asked", *PATIENT)["outcome"] == "accepted"

    assert desk.newest(ParcelWithdrawn).parcel_id == "P1"

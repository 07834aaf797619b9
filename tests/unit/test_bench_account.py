"""The account of a day or of kills: it passes what is as it should be, and names everything that is planted in it."""

from typing import Any

import pytest

from infra.benchmarks.account import Account, Books, wrong_in
from infra.benchmarks.desks import labels_wrong
from infra.processes import EASYPOST

SENT = ("order-a", "order-b")
ENDED = dict.fromkeys(SENT, "delivered")


def label(parcel: str, purchases: int = 1, carrier: str = EASYPOST) -> dict[str, Any]:
    """A row of a carrier's book."""
    return {"reference": parcel, "purchases": purchases, "carrier": carrier}


def job(key: str, *, prints: int = 1, status: str = "handed_over") -> dict[str, Any]:
    """A row of a press's book: one piece."""
    return {"external_id": key, "prints": prints, "quantity": 1, "status": status}


def books(**changes: list[Any]) -> Books:
    """Two orders as they should be, but for the changes."""
    good: dict[str, list[Any]] = {
        "jobs": [job("run-a"), job("run-b")],
        "labels": [label("a"), label("b", carrier="shippo")],
        "versions": ["a/print.png", "b/print.png"],
        "mails": ["<a@demo>", "<b@demo>"],
    }
    return Books(**(good | changes))


def account(seen: Books, statuses: dict[str, str], *crashes: str, **told: dict[str, int]) -> Account:
    """The account of these books; the ledger's own proofs found nothing unless another is given."""
    found: dict[str, Any] = {**wrong_in(seen, SENT, statuses), "verify": {"violations": 0}, "audit": {"violations": 0}}
    return Account(orders=len(SENT), kills={}, crashes=[*crashes], seconds=1.0, statuses={}, **(found | told))


def test_two_orders_as_they_should_be_have_no_problem() -> None:
    assert account(books(), ENDED).problems == []


def test_a_job_that_jammed_or_was_stopped_is_no_goods() -> None:
    spoiled = [job("run-a0", status="failed"), job("run-b0", status="cancelled", prints=0)]
    assert account(books(jobs=[*spoiled, job("run-a"), job("run-b")]), ENDED).problems == []


@pytest.mark.parametrize(
    ("statuses", "wrong"),
    [
        ({"order-a": "delivered"}, "order-b: unknown"),
        (ENDED | {"order-a": "exception"}, "order-a: exception"),
        (ENDED | {"order-b": "cancelled"}, "order-b: cancelled"),
    ],
    ids=["of which nobody knows", "that waits for a person", "that ended otherwise"],
)
def test_a_lost_order_is_caught(statuses: dict[str, str], wrong: str) -> None:
    assert account(books(), statuses).problems == [f"lost_orders: 1, first {wrong}"]


@pytest.mark.parametrize(
    ("planted", "wrong"),
    [
        ({"jobs": [job("run-a"), job("run-b"), job("run-b2")]}, "units_not_printed_once: 1, first 3 jobs became goods"),
        ({"jobs": [job("run-a")]}, "units_not_printed_once: 1, first 1 jobs became goods"),
        ({"jobs": [job("run-a"), job("run-b", prints=2)]}, "units_not_printed_once: 1, first run-b"),
        (
            {"jobs": [job("run-a"), job("run-b"), job("run-b", prints=0, status="cancelled")]},
            "submissions_accepted_twice: 1, first run-b",
        ),
        ({"labels": [label("a"), label("b"), label("b")]}, "labels_not_bought_once: 1, first b: easypost, easypost"),
        ({"labels": [label("a")]}, "labels_not_bought_once: 1, first 1 labels for 2 orders"),
        ({"versions": ["a/print.png", "a/print.png"]}, "objects_with_versions: 1, first a/print.png"),
        ({"mails": ["<a@demo>", "<b@demo>", "<a@demo>"]}, "mails_sent_twice: 1, first <a@demo>"),
    ],
    ids=[
        "a second shirt",
        "a shirt that is missing",
        "a sheet printed twice",
        "a submission accepted twice",
        "a second label",
        "a label that is missing",
        "a file written twice",
        "a mail sent twice",
    ],
)
def test_what_was_done_twice_or_never_is_caught(planted: dict[str, list[Any]], wrong: str) -> None:
    (problem,) = account(books(**planted), ENDED).problems
    assert problem.startswith(wrong)


@pytest.mark.parametrize("proof", ["verify", "audit"])
def test_a_violation_in_the_ledger_itself_is_caught(proof: str) -> None:
    (problem,) = account(books(), ENDED, **{proof: {"violations": 1}}).problems
    assert problem.startswith(f"{proof}: ")


def test_a_process_that_ended_although_nobody_killed_it_is_caught() -> None:
    (problem,) = account(books(), ENDED, "worker-outside was ended by SIGSEGV").problems
    assert problem == "crashes: 1, first worker-outside was ended by SIGSEGV"


def test_one_paid_label_a_parcel_is_as_it_should_be_however_many_shipments_were_drafted() -> None:
    drafts = [label("a", 0), label("b", 0, "shippo"), label("", 0, "shippo")]
    assert labels_wrong([*drafts, label("a"), label("b", carrier="shippo")], orders=2) == []


@pytest.mark.parametrize(
    "planted",
    [
        [label("a"), label("b", purchases=2)],
        [label("a"), label("b"), label("b")],
        [label("a"), label("b"), label("b", carrier="shippo")],
    ],
    ids=["one shipment paid twice", "two shipments of a carrier", "one at each of two carriers"],
)
def test_a_second_label_for_a_parcel_is_caught_by_the_account(planted: list[dict[str, Any]]) -> None:
    (wrong,) = labels_wrong(planted, orders=2)
    assert wrong.startswith("b: ")


def test_a_parcel_without_a_label_and_one_of_no_order_are_caught_by_the_account() -> None:
    assert labels_wrong([label("a")], orders=2) == ["1 labels for 2 orders"]
    assert labels_wrong([label("a"), label("b"), label("c")], orders=2) == ["3 labels for 2 orders"]

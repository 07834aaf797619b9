"""What people are told, a text a template: plain, short, and only what is true."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from events.order.facts import NotificationRequested


class Letter(msgspec.Struct, frozen=True):
    """Subject and body; names in braces are filled from the request."""

    subject: str
    body: str


_TRACK: Final = "Its tracking number is {tracking_number}.\n{tracking_url}"

LETTERS: Final[dict[str, Letter]] = {
    "order_received": Letter(
        "We have your order {order_number}", "Your order {order_number} has arrived and is being prepared."
    ),
    "order_held": Letter(
        "Order {order_number} is on hold", "Order {order_number} waits and nothing is printed.\n\n{detail}"
    ),
    "proof_ready": Letter(
        "A proof of order {order_number} is ready",
        "Please look at version {version} of the proof: it is printed once it is approved.\n\n{proof_url}",
    ),
    "proof_reminder": Letter(
        "A proof of order {order_number} still waits for you",
        "Nothing is printed until the proof is approved.\n\n{proof_url}",
    ),
    "proof_changes_requested": Letter(
        "Changes to a proof of order {order_number} are asked for",
        "Version {version} of the proof of line {line_id} was not accepted. The order says what should change. Send "
        "another text or picture, and a new proof is made.\n\n{proof_url}",
    ),
    "production_started": Letter(
        "Your order {order_number} is being printed", "What is being printed can no longer be changed."
    ),
    "quality_passed": Letter(
        "Your order {order_number} passed inspection", "What was printed was looked at and is good."
    ),
    "shipped": Letter("A parcel of order {order_number} is on its way", _TRACK),
    "parcel_ready": Letter("Order {order_number}: parcel {subject} has its label", _TRACK),
    "delivered": Letter("A parcel of order {order_number} was delivered", "The carrier says that it has arrived."),
    "cancelled": Letter("Your order {order_number} is cancelled", "None of it is made."),
    "cancellation_refused": Letter(
        "Part of order {order_number} can no longer be cancelled",
        "It is made and sent as ordered.\n\n{reason}",
    ),
    "edit_refused": Letter(
        "A change of order {order_number} came too late", "It is made and sent as it was: {subject}.\n\n{reason}"
    ),
    "claim_opened": Letter(
        "We have your claim about order {order_number}", "Claim {subject} has arrived and is being looked at."
    ),
    "claim_to_store": Letter(
        "Order {order_number}: claim {subject} was opened",
        "Its reason is {reason}. The order shows what was sent with it.",
    ),
    "return_opened": Letter(
        "Order {order_number}: parcel {parcel_id} came back",
        "What becomes of its goods is decided as return {subject}.",
    ),
    "claim_refund": Letter(
        "Your claim about order {order_number} was granted", "The money is given back by the way it was paid."
    ),
    "claim_reprint": Letter(
        "Your claim about order {order_number} was granted", "The goods are printed again and sent in a new parcel."
    ),
    "claim_reship": Letter("Order {order_number} is sent again", "What came back to us goes out in a new parcel."),
    "claim_granted": Letter("Order {order_number}: claim {subject} was settled by {outcome}", "{amount}"),
    "claim_refused": Letter("Your claim about order {order_number} was refused", "{detail}"),
    "claim_refused_store": Letter("Order {order_number}: claim {subject} was refused", "{detail}"),
    "exception_raised": Letter(
        "Order {order_number} needs a person: {subject}", "{detail}\n\nWhat to do: {what_to_do}"
    ),
}


ABOUT_PROOFS: Final = frozenset({"proof_ready", "proof_reminder", "proof_changes_requested"})
"""Templates of letters that carry a link to the proof."""


def letter(fact: NotificationRequested, name: str, proof_url: str = "") -> tuple[str, str]:
    """Subject and text of a notification; a template that is not known here is told by its name."""
    template = LETTERS.get(fact.template, Letter("Order {order_number}: {template}", "{detail}"))
    values = defaultdict(str, fact.facts)
    values.update(
        order_number=fact.order_number,
        subject=fact.subject,
        store=fact.store,
        template=fact.template.replace("_", " "),
        proof_url=proof_url,
    )
    greeting = f"Hello {name},\n\n" if name else "Hello,\n\n"
    subject = " ".join(template.subject.format_map(values).split())
    return subject, f"{greeting}{template.body.format_map(values).strip()}\n\n{fact.store}\n"

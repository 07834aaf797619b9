"""`printledger claim`: complain for a buyer, see which claims wait, and decide them."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from pydantic import ValidationError
from rich.console import Console

from api.claim_models import Reason
from api.models import RecipientIn
from events.identity import request_id
from events.order.claim_commands import DecideClaim, OpenClaim, ReportRefunded
from events.order.claims import REFUSAL_TEXTS, REFUSE
from events.order.state import Order
from events.order.values import LineUnits
from infra import bootstrap
from infra.claim_pages import claim_page, claims_page
from infra.commands.common import DataDir, Json, OrderNotFound, Tenant, content_of, print_json, running_settings_of
from infra.commands.telling import OUTCOME_SECONDS, By, OrderId, Said, Timeout, tell
from processors.personal import Recipient
from processors.ports import NamedError
from processors.uploads import UPLOAD_BYTES_MAX
from projections.claim_rows import ClaimsPage, ClaimView

TEXT_CHARACTERS_MAX = 2_000
UNITS_MAX = 1_000
ADDRESS_BYTES_MAX = 16_384
CLAIMS_SHOWN_MAX = 1_000
UNDECIDED = ("reviewing", "referred")
"""Stages of a claim that nobody has decided: the rules look at it, or a person does."""

Wish = Literal["refund", "reprint"]
Outcome = Literal["refund", "reprint", "reship", "keep", "refuse"]
WORD = re.compile(r"[a-z_]{1,40}")
REFERENCE = re.compile(r"[A-Za-z0-9._:#-]{1,100}")

ClaimId = Annotated[str, typer.Argument(help="The claim's number in the order, such as C1.")]
Why = Annotated[str, typer.Option("--why", help="Why, in a word such as within_rules; it is kept for ever.")]

claim_app = typer.Typer(help="Returns and complaints.", no_args_is_help=True)


class UnitsNotReadable(NamedError):
    """Units are numbers from 1, such as `--units 1,3`: one --units for each --line, or none for all of their units."""


class LineNotKnown(NamedError):
    """The order has no such line; `printledger order` shows which it has."""


class TextTooLong(NamedError):
    """What the buyer wrote may have 2,000 characters. Shorten it."""


class ClaimNotFound(NamedError):
    """The order has no such claim; `printledger claim list --order` shows which it has."""


class ReasonNotKnown(NamedError):
    """Whoever is refused is told why in words that are known."""


class NotAWord(NamedError):
    """Say why in a word of small letters and underscores, of at most 40 characters: it stands in facts for ever."""


class ReferenceNotUsable(NamedError):
    """A reference has 1 to 100 letters, digits and the signs . _ : # -, such as a transfer's number."""


class AddressNotReadable(NamedError):
    """An address is a JSON object with name, company, address1, address2, city, region, postal_code and country."""


class NoRefundWaiting(NamedError):
    """No money is waited for by this claim; `printledger claim show` says how far it is."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    claim_app.command("open")(open_claim)
    claim_app.command("list")(list_claims)
    claim_app.command("show")(show)
    claim_app.command("decide")(decide)
    claim_app.command("refunded")(refunded)
    app.add_typer(claim_app, name="claim")


def open_claim(
    order_id: OrderId,
    line: Annotated[list[str], typer.Option(help="The line's id; may be repeated.")],
    reason: Annotated[Reason, typer.Option(help="What is wrong.")],
    data: DataDir = None,
    tenant: Tenant = None,
    units: Annotated[
        list[str] | None, typer.Option(help="The line's units, such as 1,3 (default: all); one for each --line.")
    ] = None,
    wish: Annotated[Wish | None, typer.Option(help="What the buyer would like.")] = None,
    text: Annotated[str, typer.Option(help="What the buyer wrote, kept sealed; - reads standard input.")] = "",
    picture: Annotated[
        list[Path] | None, typer.Option(help="A picture of the goods, kept sealed; may be repeated.")
    ] = None,
    by: By = "support",
    timeout: Timeout = OUTCOME_SECONDS,
    as_json: Json = False,
) -> None:
    """Complain for a buyer about units that were sent. The claim rules decide it, or show it to a person."""
    settings = running_settings_of(data)
    whose, written = tenant or settings.tenants[0], _text(text)
    contents = [content_of(path, UPLOAD_BYTES_MAX) for path in picture or ()]

    def say(order: Order) -> Said:
        claimed = _lines(order, line, units or ())
        with bootstrap.claim_evidence(settings) as evidence:
            opened: OpenClaim = evidence.complaint(
                whose,
                order_id,
                lines=claimed,
                reason=reason,
                wish=wish or "",
                text=written,
                pictures=[evidence.keep(whose, order_id, content) for content in contents],
            )
        return Said(command=opened)

    tell(settings, whose, order_id, f"operator:{by}", say, seconds=timeout, as_json=as_json)


def list_claims(
    data: DataDir = None,
    tenant: Tenant = None,
    is_open: Annotated[bool, typer.Option("--open", help="Only those that nobody has decided yet.")] = False,
    stage: Annotated[str | None, typer.Option(help="Only those in this stage, such as referred or refunding.")] = None,
    order_id: Annotated[str | None, typer.Option("--order", help="Only those of this order.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=CLAIMS_SHOWN_MAX, help="How many, oldest first.")] = 200,
    as_json: Json = False,
) -> None:
    """List returns and complaints, oldest first: `--stage referred` are those that wait for a person."""
    if is_open and stage:
        raise typer.BadParameter("--open names two stages already: give it or --stage.")
    settings = running_settings_of(data)
    stages = UNDECIDED if is_open else (stage,)

    async def run() -> list[ClaimsPage]:
        async with bootstrap.read_models(settings) as reader:
            whose = tenant or settings.tenants[0]
            return [await reader.claims(whose, order_id=order_id, stage=one, limit=limit) for one in stages]

    pages = asyncio.run(run())
    found = sorted((claim for page in pages for claim in page.claims), key=lambda claim: claim.opened_at)[:limit]
    if as_json:
        print_json({"claims": [_shown(claim) for claim in found], "as_of": pages[0].as_of})
    else:
        Console().print(claims_page(found, pages[0].as_of))


def show(
    order_id: OrderId,
    claim_id: ClaimId,
    data: DataDir = None,
    tenant: Tenant = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="What the buyer wrote too, and links to the pictures.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a claim: its units, print runs and parcels, what was decided, and what partners answer for until when."""
    settings = running_settings_of(data)
    whose = tenant or settings.tenants[0]

    async def run() -> ClaimView:
        async with bootstrap.read_models(settings) as reader:
            if await reader.order(whose, order_id) is None:
                raise OrderNotFound
            page = await reader.claims(whose, order_id=order_id)
        found = next((claim for claim in page.claims if claim.claim_id == claim_id), None)
        if found is None:
            raise ClaimNotFound
        return found

    claim = asyncio.run(run())
    written, links = None, list[str]()
    if personal:
        with bootstrap.claim_evidence(settings) as evidence:
            written, links = evidence.text(whose, claim), evidence.picture_urls(whose, claim)
    if as_json:
        print_json(_shown(claim) | ({"text": written, "picture_urls": links} if personal else {}))
    else:
        Console().print(claim_page(claim, written, links))


def decide(
    order_id: OrderId,
    claim_id: ClaimId,
    outcome: Annotated[Outcome, typer.Argument(help="A complaint is not reshipped or kept, a return not refused.")],
    why: Why,
    data: DataDir = None,
    tenant: Tenant = None,
    amount_minor: Annotated[
        int, typer.Option(min=0, help="How much is given back, in minor units (default: all that the units cost).")
    ] = 0,
    address: Annotated[
        Path | None,
        typer.Option(help="For reship: a JSON file with name, address1, city, postal_code, country, … to send it to."),
    ] = None,
    by: By = "support",
    timeout: Timeout = OUTCOME_SECONDS,
    as_json: Json = False,
) -> None:
    """Decide a claim, once. A return that is sent again goes to the order's address, or to --address, kept sealed."""
    if outcome == REFUSE and why not in REFUSAL_TEXTS:
        raise ReasonNotKnown(f"{why}: {ReasonNotKnown.__doc__} Give one of {', '.join(REFUSAL_TEXTS)}.")
    if not WORD.fullmatch(why):
        raise NotAWord(f"{why[:40]}: {NotAWord.__doc__}")
    said = DecideClaim(claim_id=claim_id, outcome=outcome, reason=why, amount_minor=amount_minor)
    recipient = _recipient(address) if address else None
    settings = running_settings_of(data)
    whose = tenant or settings.tenants[0]

    def say(_: Order) -> Said:
        if recipient is None:
            return Said(command=said)
        with bootstrap.claim_evidence(settings) as evidence:
            return Said(command=evidence.sent_to(whose, order_id, said, recipient))

    tell(settings, whose, order_id, f"operator:{by}", say, seconds=timeout, as_json=as_json)


def refunded(
    order_id: OrderId,
    claim_id: ClaimId,
    reference: Annotated[str, typer.Option(help="By which the payment is found, such as a transfer's number.")],
    data: DataDir = None,
    tenant: Tenant = None,
    by: By = "support",
    timeout: Timeout = OUTCOME_SECONDS,
    as_json: Json = False,
) -> None:
    """Say that a claim's money was given back by hand: the payment system is not asked any more."""

    def say(order: Order) -> Said:
        claim = order.claims.get(claim_id)
        if claim is None:
            raise ClaimNotFound
        if claim.stage != "refunding":
            raise NoRefundWaiting
        answered = request_id(claim.effect_key, claim.attempt)
        return Said(command=ReportRefunded(request_id=answered, claim_id=claim_id, reference=reference))

    if not REFERENCE.fullmatch(reference):
        raise ReferenceNotUsable
    settings = running_settings_of(data)
    tell(settings, tenant, order_id, f"operator:{by}", say, seconds=timeout, as_json=as_json)


def _lines(order: Order, line_ids: Sequence[str], units: Sequence[str]) -> list[LineUnits]:
    """What is claimed; without units all that the lines have."""
    if unknown := [line_id for line_id in line_ids if line_id not in order.lines]:
        raise LineNotKnown(f"{unknown[0]}: {LineNotKnown.__doc__}")
    if not units:
        return [LineUnits(line_id=line_id, units=order.lines[line_id].live_units) for line_id in line_ids]
    if len(units) != len(line_ids):
        raise UnitsNotReadable
    return [LineUnits(line_id=line_id, units=_units(told)) for line_id, told in zip(line_ids, units, strict=True)]


def _units(told: str) -> tuple[int, ...]:
    try:
        units = {int(part) for part in told.split(",", UNITS_MAX)}
    except ValueError:
        raise UnitsNotReadable(f"{told[:40]}: {UnitsNotReadable.__doc__}") from None
    if not all(1 <= unit <= UNITS_MAX for unit in units):
        raise UnitsNotReadable(f"{told[:40]}: {UnitsNotReadable.__doc__}")
    return tuple(sorted(units))


def _recipient(path: Path) -> Recipient:
    """The address in a file, as `POST /v1/orders` takes one."""
    try:
        given = RecipientIn.model_validate_json(content_of(path, ADDRESS_BYTES_MAX))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, problem["loc"])) or "the file" for problem in error.errors())
        raise AddressNotReadable(f"{path}: {wrong}. {AddressNotReadable.__doc__}") from None
    return Recipient(**given.model_dump())


def _text(given: str) -> str:
    text = sys.stdin.read(TEXT_CHARACTERS_MAX + 2).removesuffix("\n") if given == "-" else given
    if len(text) > TEXT_CHARACTERS_MAX:
        raise TextTooLong
    return text


def _shown(claim: ClaimView) -> dict[str, Any]:
    """A claim without what is sealed."""
    fields: dict[str, Any] = msgspec.to_builtins(claim)
    return {name: value for name, value in fields.items() if name not in {"note", "pictures"}} | {
        "pictures": len(claim.pictures)
    }

"""`printledger dlq`: the dead letters that are kept, what one says, and sending them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from infra import bootstrap
from infra.commands.common import DataDir, Json, print_json, running_settings_of, second_of, time_of
from infra.dead_letter_desk import LETTERS_MAX, ChoiceUnclear, DeadLetterDesk, ReplayReport
from infra.topics import DEAD_LETTER_PREFIX
from processors.dead_letters import Choice, DeadLetter

NOT_ALL = 1

Topic = Annotated[str, typer.Option(help="Of this topic, such as pod.orders.intake.v1.")]
Reason = Annotated[str, typer.Option(help="Buried for this reason, such as DecisionFailed.")]
Since = Annotated[str, typer.Option(help="Buried since this date or time (UTC).")]

dlq_app = typer.Typer(help="Dead letters: records that could not be used, kept for 90 days.", no_args_is_help=True)


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """The newest letters of a choice, oldest first; how many there are, and how many of them nobody replayed."""

    letters: list[DeadLetter]
    found: int
    waiting: int


def register(app: typer.Typer) -> None:
    """Add the commands."""
    dlq_app.command("list")(list_letters)
    dlq_app.command("show")(show)
    dlq_app.command("replay")(replay)
    app.add_typer(dlq_app, name="dlq")


def list_letters(
    topic: Topic = "",
    reason: Reason = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, max=LETTERS_MAX, help="The newest so many.")] = 100,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show which records could not be used, why, and which of them were sent again."""
    choice = Choice(topic=_bare(topic), reason=reason, since=time_of(since, 0))
    with _desk(data) as desk:
        found = sorted(desk.letters(choice), key=lambda letter: letter.buried_at)
    waiting = sum(not letter.replayed_at for letter in found)
    page = LetterPage(letters=found[-limit:], found=len(found), waiting=waiting)
    if as_json:
        print_json(page)
        return
    if page.letters:
        Console().print(_table(page.letters))
    shown = f"; the newest {len(page.letters):,} are shown" if len(page.letters) < page.found else ""
    typer.echo(f"Dead letters: {page.found:,}, not replayed: {page.waiting:,}{shown}.")


def show(
    topic: Annotated[str, typer.Argument(help="The topic on which the record was.")],
    offset: Annotated[int, typer.Argument(min=0, help="The letter's offset, as `printledger dlq list` shows it.")],
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter: where its record was, why it failed, its key and headers. Its value stays sealed."""
    with _desk(data) as desk:
        found = desk.show(_bare(topic), offset)
    if as_json:
        print_json(found)
        return
    letter = found.letter
    replayed = f"replayed {second_of(letter.replayed_at)}" if letter.replayed_at else "not replayed"
    told = [
        ("record", f"{letter.topic}, partition {letter.source_partition}, offset {letter.source_offset}"),
        ("letter", f"dlq.{letter.topic}, offset {letter.offset}, buried {second_of(letter.buried_at)}, {replayed}"),
        ("reason", f"{letter.reason}: {letter.message}"),
        ("buried by", letter.buried_by),
        *([("was before", letter.replayed_from)] if letter.replayed_from else []),
        ("key", found.key),
        ("value", _told_of_value(letter)),
        *((f"header {name}", content) for name, content in found.headers),
    ]
    for name, content in told:
        typer.echo(f"{_plain(name)}: {_plain(content)}")
    for line in found.stacktrace.splitlines():
        typer.echo(f"    {_plain(line)}")


def replay(
    topic: Topic = "",
    reason: Reason = "",
    offset: Annotated[int | None, typer.Option(min=0, help="The one at this offset; needs --topic.")] = None,
    since: Since = "",
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LETTERS_MAX, help="At most so many.")] = LETTERS_MAX,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent again, and send nothing.")] = False,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send records that could not be used to their topics again, each once. Exit code 1 where one cannot be sent."""
    choice = Choice(topic=_bare(topic), reason=reason, offset=offset, since=time_of(since, 0))
    if every == bool(topic or reason or since or offset is not None):
        raise ChoiceUnclear
    with _desk(data) as desk:
        report = desk.replay(choice, limit=limit, dry_run=dry_run)
    if as_json:
        print_json(report)
    else:
        _tell(report)
    if report.unopened or report.not_whole:
        raise typer.Exit(NOT_ALL)


@contextmanager
def _desk(data: Path | None) -> Iterator[DeadLetterDesk]:
    """The desk; while it works a terminal shows how far it is, on standard error."""
    settings = running_settings_of(data)
    with (
        Console(stderr=True).status("looking for dead letters") as status,
        bootstrap.dead_letter_desk(settings, status.update) as desk,
    ):
        yield desk


def _table(letters: list[DeadLetter]) -> Table:
    table = Table(box=None)
    for heading in ("topic", "offset", "buried", "reason", "replayed"):
        # Where there is no room for all of it, reasons are folded: a topic or a number that is cut is of no use.
        justify: Literal["left", "right"] = "right" if heading == "offset" else "left"
        table.add_column(heading, justify=justify, no_wrap=heading != "reason", overflow="fold")
    for letter in letters:
        replayed = "yes" if letter.replayed_at else "no"
        reason = Text(_plain(letter.reason))
        table.add_row(Text(letter.topic), str(letter.offset), second_of(letter.buried_at), reason, replayed)
    return table


def _tell(report: ReplayReport) -> None:
    done = "Would be sent again" if report.dry_run else "Sent again"
    typer.echo(f"{done}: {report.replayed:,} of {report.chosen:,}, replayed before: {report.replayed_before:,}.")
    if report.left:
        typer.echo(f"Left: {report.left:,}. Run it again for them.")
    if report.unopened:
        why = "The key of their day has ended; ask their senders for them."
        typer.echo(f"Cannot be opened any more: {report.unopened:,}. {why}", err=True)
    if report.not_whole:
        why = "Their records were too large for a letter, and are not here; ask their senders for them."
        typer.echo(f"Cannot be sent again: {report.not_whole:,}. {why}", err=True)


def _told_of_value(letter: DeadLetter) -> str:
    size = decimal(letter.value_bytes)
    if not letter.left_out:
        return f"sealed, {size}"
    return f"{size}, too large for a letter. Left out: {letter.left_out}. Ask the sender for the record."


def _bare(topic: str) -> str:
    """The topic whose letters are meant, by whichever of the two names."""
    return topic.removeprefix(DEAD_LETTER_PREFIX)


def _plain(text: str) -> str:
    """The text without what would steer a terminal: keys, headers and messages are strangers' words."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)

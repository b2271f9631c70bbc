"""Options that several commands share, and how their text is read.

Owns the wording and the parsing. Never touches a store or a model.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from coldframe.cli.group import Invocation


class Kind(StrEnum):
    """What a file holds."""

    EVENTS = "events"
    ITEMS = "items"
    USERS = "users"


def _remember_json(ctx: typer.Context, value: bool) -> bool:
    if isinstance(ctx.obj, Invocation):
        ctx.obj.json = value
    return value


def _text(value: str) -> str:
    """Refuse an id that no store could hold."""
    if not value or not value.isprintable():
        raise typer.BadParameter("an id is non-empty text without control characters, in UTF-8")
    return value


def _moment(text: str | None) -> str | None:
    if text is not None:
        moment(text)
    return text


Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on stdout.", callback=_remember_json, is_eager=True)
]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="A user id; it need not be known.", callback=_text)]
ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="An item id.", callback=_text)]
BundleArgument = Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle id, as `models list` shows it.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", metavar="OURS=THEIRS,…", help="Which column of the file holds which of ours."),
]
Constant = Annotated[
    list[str] | None,
    typer.Option("--constant", metavar="OURS=VALUE,…", help="A column that the file lacks, the same in every row."),
]
Window = Annotated[
    int | None,
    typer.Option("--window", min=1, metavar="DAYS", help="Days of events to learn from.", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", callback=_moment, help="End of the window, ISO 8601 (default: the newest event)."
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="N", help="Seed of every random draw (default: training.seed).")
]
TimeBudget = Annotated[
    float | None,
    typer.Option(
        "--time-budget",
        min=0.01,
        metavar="MINUTES",
        help="What a training may take (default: training.time_budget_minutes).",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65_535, metavar="PORT", help="Port, 0: any free one (default: serving.port)."),
]
Host = Annotated[str | None, typer.Option("--host", metavar="HOST", help="Address (default: serving.host).")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=64, metavar="N", help="Processes that answer (default: serving.workers)."),
]
ExistingFile = Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True)]


def pairs(values: Iterable[str] | None, *, option: str) -> dict[str, str]:
    """Return `ours=theirs` texts as a dict; several may share one text, separated by commas.

    A comma inside a value is kept where no new `name=` follows it.

    >>> pairs(["user_id=Customer ID,item_id=Code", "timestamp=Date, local"], option="--columns")
    {'user_id': 'Customer ID', 'item_id': 'Code', 'timestamp': 'Date, local'}
    """
    found: dict[str, str] = {}
    for value in values or ():
        for part in re.split(r",(?=\s*\w+=)", value):
            name, equals, theirs = part.partition("=")
            if not equals or not name.strip() or not theirs:
                raise typer.BadParameter(f"{part!r} is not of the form name=value", param_hint=option)
            if name.strip() in found:
                raise typer.BadParameter(f"{name.strip()!r} is given twice", param_hint=option)
            found[name.strip()] = theirs
    return found


def names(text: str, *, option: str) -> tuple[str, ...]:
    """Return a comma-separated list as a tuple.

    >>> names("hybrid, popular", option="--models")
    ('hybrid', 'popular')
    """
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise typer.BadParameter(f"{text!r} has an empty name", param_hint=option)
    return found


def moment(text: str) -> datetime:
    """Return an ISO 8601 time in UTC; a time without a zone is UTC.

    >>> moment("2011-12-09").isoformat()
    '2011-12-09T00:00:00+00:00'
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 time such as 2011-12-09T12:00:00Z") from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)

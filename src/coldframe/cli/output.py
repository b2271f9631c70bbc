"""What a person or a script reads: results on stdout, progress and messages on stderr.

Owns the look of tables, JSON and errors. Never computes a result.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from coldframe.errors import ColdframeError

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Columns of a page that is not a terminal: a table in a file is never folded."""

StepProgress = Callable[[str, int, int | None], None]
"""Called with (step, done, total or None when unknown)."""


def emit(value: Any) -> None:
    """Write one result as JSON to stdout; a number that is not finite becomes null."""
    typer.echo(as_json(value))


def as_json(value: Any) -> str:
    """Return a value as indented JSON text."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def report_error(error: ColdframeError, *, as_json: bool) -> None:
    """Say on stderr what happened and what to do next."""
    if as_json:
        import msgspec

        body = {"code": error.code, "message": error.message, "remedy": error.remedy, "exit_code": error.exit_code}
        typer.echo(msgspec.json.encode({"error": body}).decode(), err=True)
        return
    typer.echo(f"error: {printable(error.message)}", err=True)
    if error.remedy:
        typer.echo(printable(error.remedy), err=True)


def say(message: str) -> None:
    """Tell a person something on stderr."""
    typer.echo(printable(message), err=True)


def line(text: str) -> None:
    """Write one line of a result to stdout."""
    typer.echo(printable(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table to stdout; columns whose every value is a number are aligned to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    body = [tuple(row) for row in rows]
    page = Table(
        box=box.SIMPLE_HEAD, title=Text(printable(title), style="bold") if title else None, title_justify="left"
    )
    for i, name in enumerate(columns):
        numeric = bool(body) and all(row[i] is None or isinstance(row[i], int | float) for row in body)
        page.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        page.add_row(*(Text(cell(value)) for value in row))
    _stdout().print(page)


def render(page: Any) -> None:
    """Print something that Rich can draw to stdout."""
    _stdout().print(page)


def facts(pairs: Mapping[str, object], *, title: str = "") -> None:
    """Print names and values, one a line, to stdout."""
    if title:
        line(title)
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        line(f"{name:<{width}}  {cell(value)}")


def cell(value: object) -> str:
    """Return a value as a table shows it.

    >>> [cell(x) for x in (None, True, 12345, 0.123456, "a", ["x", "y"])]
    ['–', 'yes', '12,345', '0.1235', 'a', 'x, y']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return ", ".join(cell(inner) for inner in value)
    return printable(str(value))


def printable(text: str) -> str:
    r"""Return text with control characters spelled out, so that data cannot steer a terminal.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    spelled = (c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return "".join(spelled)


@contextmanager
def progress_bar(*, quiet: bool = False) -> Generator[StepProgress]:
    """Yield a callback that draws one bar per named step on stderr, or one line per step where stderr is a file.

    `quiet` keeps those lines away too: with --json a script reads stderr.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines_per_step(quiet)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield show


def _lines_per_step(quiet: bool) -> StepProgress:
    seen: set[str] = set()

    def show(step: str, done: int, total: int | None) -> None:
        if step not in seen and not quiet:
            say(step)
        seen.add(step)

    return show


def _stdout() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)

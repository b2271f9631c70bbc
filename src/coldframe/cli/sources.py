"""Sources that are no file of this machine, as commands take them: a URL, and for a database which rows of it.

Owns the options and what must be installed for which kind of URL. Never reads a source itself.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.output import StepProgress, say
from coldframe.cli.project import require_extra
from coldframe.errors import InputError

if TYPE_CHECKING:
    from coldframe.sources.asked import Asked

Table = Annotated[
    str | None,
    typer.Option("--table", metavar="NAME", help="A database's table, for example shop.events.", show_default=False),
]
Query = Annotated[
    str | None,
    typer.Option("--query", metavar="SQL", help="A database's rows, instead of --table.", show_default=False),
]
EXTRAS = {"objects": "cloud", "postgresql": "postgresql", "bigquery": "bigquery"}
"""Kind of address → the extra that reads it."""


@contextmanager
def copied(
    url: str, folder: Path, asked: "Asked", show: StepProgress, *, rows_per_file: int | None = None
) -> Generator[list[tuple[str, Path]]]:
    """Yield the files of a URL, each with what it is called there, copied to a folder that is gone afterwards."""
    from coldframe.sources.address import Address

    address = Address(url)
    if address.kind == "objects":
        require_no_database(str(address), table=asked.table, query=asked.query, only_window=asked.start)
    require_extra(EXTRAS[address.kind])
    from coldframe.sources.reading import staged

    with staged(address, folder, asked, progress=show, rows_per_file=rows_per_file) as found:
        if found.read_at:
            say(f"{address} was read at {found.read_at} by a run that was cut short; these rows are used.")
        yield found.files


def require_no_database(source: str, **options: object) -> None:
    """Raise `InputError` for an option that says which rows of a database are meant, where there is none."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise InputError(f"{source} is no database, so {given[0]} says nothing.", remedy=f"Leave out {given[0]}.")

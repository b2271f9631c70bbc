"""Which file is which format: by its ending, and by nothing else.

Owns the list of endings. Never reads a value.
"""

from pathlib import Path
from typing import Literal

from coldframe.errors import InputError
from coldframe.events.csv_table import CsvTable
from coldframe.events.frame_table import ParquetTable
from coldframe.events.json_table import JsonTable
from coldframe.events.table import Table

Format = Literal["parquet", "csv", "jsonl"]
ENDINGS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""Ending → format, whatever its case."""


def file_format(path: Path) -> Format:
    """Return a file's format. Raises `InputError` for an ending that nobody knows.

    >>> file_format(Path("orders.CSV"))
    'csv'
    """
    found = ENDINGS.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"{path} is of no known format.", remedy=f"Save it as Parquet, CSV or JSON Lines: {', '.join(ENDINGS)}."
        )
    return found


def open_table(path: Path, *, source: str | None = None) -> Table:
    """Return a file as a table of rows; a copy says of itself what its `source` is called.

    Raises `InputError` when it cannot be read.
    """
    readers = {"parquet": ParquetTable, "csv": CsvTable, "jsonl": JsonTable}
    table = readers[file_format(path)](path)
    table.source = source or table.source
    return table

"""Files of events as Arrow batches with one set of columns; what cannot be used is counted by reason.

Owns where rows come from and which of them are events. Never weighs and never draws.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from coldframe.errors import InputError
from coldframe.events.columns import Selection, require, select
from coldframe.events.files import file_format
from coldframe.events.schema import FIRST_TIME_US, LAST_TIME_US
from coldframe.events.table import Columns

pc: Any = pyarrow.compute
Column = Any
"""An Arrow array; its stubs name its methods for some element types only."""
BATCH = 1 << 18
"""Rows read at a time."""
WANTED = ("event_id", "user_id", "session_id", "item_id", "event_type", "timestamp")
"""Columns that are read; `event_id` and `session_id` may be missing."""
REASONS = ("no user", "no item", "no event type", "no time", "before 1970", "after 2200", "after as_of")
"""Why a row is no event of this run."""


@dataclass
class Read:
    """What was read so far: rows, and rows that are no event of this run, by reason."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Read") -> None:
        """Count what somebody else read, too."""
        self.rows += other.rows
        self.rejected.update(other.rejected)


@dataclass(frozen=True)
class Batch:
    """Valid events as Arrow arrays of one length: `key` (event_id as text, or None), user, item and type as text or
    whole numbers, time int64 in µs.
    """

    key: Column | None
    user: Column
    item: Column
    event_type: Column
    time: Column

    def __len__(self) -> int:
        return len(self.time)


def event_files(source: str | Path) -> list[Path]:
    """Return the files of a source in order of name: one file, or every event file below a folder.

    Raises `InputError` when there is none.
    """
    path = Path(source)
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix in ENDINGS)
        if not found:
            raise InputError(f"{path} holds no event file.", remedy=f"Files end with {', '.join(ENDINGS)}.")
        return found
    if not path.is_file():
        raise InputError(f"There is no file {path}.", remedy="Name a file or a folder of events.")
    file_format(path)
    return [path]


ENDINGS = (".parquet", ".csv", ".jsonl", ".ndjson")


def n_rows(files: Sequence[Path]) -> int | None:
    """Return how many rows Parquet files say they hold; None where a file of another kind is among them."""
    if any(file_format(path) != "parquet" for path in files):
        return None
    return sum(_parquet(path).metadata.num_rows for path in files)


def batches(
    path: Path,
    *,
    as_of: int,
    read: Read,
    keys: bool = True,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
) -> Iterator[Batch]:
    """Yield the valid events of a file that happened before `as_of` (µs), and count the others in `read`.

    Without `keys` event ids are not read. `columns` maps our names to the file's, `constants` our names to what every
    row has. Raises `ColumnError` when a column is missing, `InputError` when the file cannot be read to its end.
    """
    try:
        table = _opened(path)
        chosen = _chosen(path, table, keys, columns, constants)
        for raw in _tables(path, table, chosen):
            yield _valid(_ours(raw, chosen), as_of, read)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        remedy = "Write the file again (the log is not changed by this), or leave it out."
        raise InputError(f"{path} cannot be read to its end: {_first_line(error)}", remedy=remedy) from error


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is no whole Parquet file: {_first_line(error)}", remedy="Write it again.") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _opened(path: Path) -> Any:
    kind = file_format(path)
    return _parquet(path) if kind == "parquet" else ds.dataset(path, format="csv" if kind == "csv" else "json")


def _chosen(
    path: Path, table: Any, keys: bool, columns: Mapping[str, str] | None, constants: Mapping[str, str] | None
) -> Selection:
    """Return which columns of a file are read. Raises `ColumnError` when one is missing."""
    names = table.schema_arrow.names if isinstance(table, pq.ParquetFile) else table.schema.names
    header = Columns(str(path), names)
    found = select(header, WANTED, columns=columns, constants=constants)
    require(header, found, ("item_id",), ("user_id", "session_id"), ("event_type",), ("timestamp",))
    theirs = {ours: name for ours, name in found.theirs.items() if keys or ours != "event_id"}
    return Selection(theirs, found.constants)


def _tables(path: Path, table: Any, chosen: Selection) -> Iterator[Any]:
    names = chosen.read
    if not isinstance(table, pq.ParquetFile):
        yield from table.to_batches(columns=names, batch_size=BATCH)
        return
    kinds = {name: table.schema_arrow.field(name).type for name in names}
    texts = [name for name, kind in kinds.items() if pa.types.is_string(kind) and name != chosen.theirs.get("event_id")]
    file = pq.ParquetFile(path, read_dictionary=texts)
    yield from file.iter_batches(batch_size=BATCH, columns=names)


def _ours(raw: Any, chosen: Selection) -> dict[str, Column]:
    """Return a batch's columns under our names."""
    theirs = dict(zip(raw.schema.names, raw.columns, strict=True))
    none = pa.array(np.zeros(raw.num_rows, np.int32))
    same = {ours: pa.DictionaryArray.from_arrays(none, pa.array([text])) for ours, text in chosen.constants.items()}
    return {ours: theirs[name] for ours, name in chosen.theirs.items()} | same


def _valid(columns: dict[str, Column], as_of: int, read: Read) -> Batch:
    user, item = _actor(columns), columns["item_id"]
    kind, time = columns["event_type"], _micros(columns["timestamp"])
    read.rows += len(time)
    wrong = (
        user.is_null(),
        item.is_null(),
        kind.is_null(),
        time.is_null(),
        pc.less(time, FIRST_TIME_US),
        pc.greater(time, LAST_TIME_US),
        pc.greater_equal(time, as_of),
    )
    bad = None
    for reason, mask in zip(REASONS, (one.fill_null(False) for one in wrong), strict=True):
        fresh = mask if bad is None else pc.and_not(mask, bad)
        if n := fresh.true_count:
            read.rejected[reason] += n
        bad = mask if bad is None else pc.or_(bad, mask)
    batch = Batch(columns.get("event_id"), user, item, kind, time)
    return batch if bad is None or not bad.true_count else _where(batch, pc.invert(bad))


def _where(batch: Batch, kept: Column) -> Batch:
    parts = (batch.key, batch.user, batch.item, batch.event_type, batch.time)
    return Batch(*(None if part is None else part.filter(kept) for part in parts))


def _actor(columns: dict[str, Column]) -> Column:
    """Return who did it: the user, or the session of a visitor without one."""
    user, session = columns.get("user_id"), columns.get("session_id")
    if session is None or user is None:
        return user if session is None else session
    if user.null_count == 0:
        return user
    return pc.coalesce(_plain(user), _plain(session))


def _plain(column: Column) -> Column:
    values = column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
    return values.cast(pa.string())


def _micros(time: Column) -> Column:
    """Return times in µs since 1970; numbers are taken as µs, text as ISO 8601."""
    if isinstance(time, pa.DictionaryArray):
        time = time.dictionary_decode()
    if pa.types.is_string(time.type) or pa.types.is_large_string(time.type):
        time = time.cast(pa.timestamp("us", "UTC"))
    if pa.types.is_timestamp(time.type):
        return time.cast(pa.timestamp("us", time.type.tz), safe=False).cast(pa.int64())
    return time.cast(pa.int64())

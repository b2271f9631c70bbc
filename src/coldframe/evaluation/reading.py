"""A frame that somebody published, as events: ids as text, and defaults for what a bare `user_id,item_id` file lacks.

Owns the defaults of an evaluation. Never reads a file: `events.reading` does, and renames columns.
"""

import polars as pl

from coldframe.errors import ColumnError, DataError
from coldframe.events.schema import EVENT_COLUMNS, TIME

BARE_EVENT_TYPE = "purchase"
"""What an event is where the file does not say: worth 1."""
_ROW = "row of the frame"


def complete_events(frame: pl.DataFrame, *, keep: str | None = None) -> pl.DataFrame:
    """Return the frame with exactly the columns of `EVENT_COLUMNS`, and `keep` when given.

    Needs `item_id` and one of `user_id` and `session_id`, else raises `ColumnError`; ids become text. A missing
    `event_type` is `purchase`, a missing `timestamp` the epoch for all rows (so nothing is older than anything else),
    a missing `event_id` says the row's number, in an order that text keeps; every other missing column is null. Of rows
    with one `event_id` the first counts. Raises `DataError` when only some rows have a time.

    >>> complete_events(pl.DataFrame({"user_id": [1], "item_id": [7]})).row(0)[:5]
    ('row-000000000000', '1', None, '7', 'purchase')
    """
    if "item_id" not in frame.columns or not {"user_id", "session_id"} & set(frame.columns):
        remedy = "Say which column is which: --columns user_id=…,item_id=…"
        raise ColumnError(f"Events need user_id and item_id; there are {', '.join(frame.columns)}.", remedy=remedy)
    if keep is not None and keep not in frame.columns:
        raise ColumnError(f"The events have no column {keep!r}.", remedy=f"They have: {', '.join(frame.columns)}.")
    if "timestamp" in frame.columns and 0 < frame["timestamp"].null_count() < frame.height:
        raise DataError("Some events have a time and others have none.", remedy="Give all files times, or none.")
    extra = [] if keep is None else [pl.col(keep).cast(pl.String)]
    numbered = frame.with_row_index(_ROW)
    complete = numbered.select(*(_column(frame, name) for name in EVENT_COLUMNS), *extra)
    return complete.unique("event_id", keep="first", maintain_order=True)


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return one of our columns, filled where there is a default."""
    kind = EVENT_COLUMNS[name]
    given = pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
    defaults = {
        "event_id": pl.format("row-{}", pl.col(_ROW).cast(pl.String).str.zfill(12)),
        "event_type": pl.lit(BARE_EVENT_TYPE),
        "timestamp": pl.lit(0).cast(TIME),
    }
    return pl.coalesce(given, defaults[name]).alias(name) if name in defaults else given

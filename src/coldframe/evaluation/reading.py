"""A frame that somebody published, as events: ids as text, and defaults for what a bare `user_id,item_id` file lacks.

Owns the defaults of an evaluation. Never renames a column: the import's `--columns` has done that before.
"""

import polars as pl

from coldframe.errors import ColumnError
from coldframe.events.schema import EVENT_COLUMNS, TIME

BARE_EVENT_TYPE = "purchase"
"""What an event is where the file does not say: worth 1."""


def complete_events(frame: pl.DataFrame, *, keep: str | None = None) -> pl.DataFrame:
    """Return the frame with exactly the columns of `EVENT_COLUMNS`, and `keep` when given.

    Needs `item_id` and one of `user_id` and `session_id`, else raises `ColumnError`; ids become text. A missing
    `event_type` is `purchase`, a missing `timestamp` the epoch for all rows (so nothing is older than anything else),
    a missing `event_id` the row's number; every other missing column is null.

    >>> complete_events(pl.DataFrame({"user_id": [1], "item_id": [7]})).row(0)[:5]
    ('0', '1', None, '7', 'purchase')
    """
    if "item_id" not in frame.columns or not {"user_id", "session_id"} & set(frame.columns):
        remedy = "Say which column is which: --columns user_id=…,item_id=…"
        raise ColumnError(f"Events need user_id and item_id; there are {', '.join(frame.columns)}.", remedy=remedy)
    if keep is not None and keep not in frame.columns:
        raise ColumnError(f"The events have no column {keep!r}.", remedy=f"They have: {', '.join(frame.columns)}.")
    extra = [] if keep is None else [pl.col(keep).cast(pl.String)]
    return frame.with_row_index("row").select(*(_column(frame, name) for name in EVENT_COLUMNS), *extra)


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    if name in frame.columns:
        return pl.col(name).cast(EVENT_COLUMNS[name])
    defaults = {
        "event_id": pl.col("row").cast(pl.String),
        "event_type": pl.lit(BARE_EVENT_TYPE),
        "timestamp": pl.lit(0).cast(TIME),
    }
    return defaults.get(name, pl.lit(None, dtype=EVENT_COLUMNS[name])).alias(name)

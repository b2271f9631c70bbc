"""The event log's columns, as files and frames carry them.

Owns names, types and the order of columns, nothing else.
"""

import polars as pl

TIME = pl.Datetime("us", "UTC")
"""Every time in the system: microseconds, UTC."""

EVENT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "event_id": pl.String,
    "user_id": pl.String,
    "session_id": pl.String,
    "item_id": pl.String,
    "event_type": pl.String,
    "timestamp": TIME,
    "value": pl.Float64,
    "recommendation_id": pl.String,
    "position": pl.Int32,
    "context": pl.String,
}
"""Column → type. `context` is a JSON object as text. Null where unknown; `event_id`, `item_id`, `event_type`
and `timestamp` are never null, nor are `user_id` and `session_id` both."""

ITEM_COLUMNS = (
    "item_id",
    "title",
    "text",
    "categories",
    "tags",
    "numeric",
    "embedding",
    "created_at",
    "expires_at",
    "available",
)
"""Columns of an item file; `categories`, `tags` and `embedding` are lists (or text split at `|`), `numeric` is a
struct or a JSON object; any other column is a numeric when its values are numbers and unread otherwise."""

USER_COLUMNS = ("user_id", "signed_up_at", "attributes")
"""Columns of a user file; `attributes` is a struct or a JSON object; any other column is one attribute."""

FIRST_TIME_US = 0
"""1970-01-01: an earlier timestamp is refused."""
LAST_TIME_US = 7_258_118_400_000_000
"""2200-01-01: a later timestamp is refused."""

"""Events as the sources of these tests hold them, and what the same events give when they lie in a file."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from coldframe.sources.address import Address
from coldframe.sources.asked import Asked
from coldframe.sources.reading import staged

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
KNOWN = ("event_id", "user_id", "session_id", "item_id", "event_type", "timestamp")


def events(n: int = 1_000) -> pl.DataFrame:
    """Events of the 100 days before `AS_OF` and of the day after it."""
    rows = [
        {
            "event_id": f"e{number}",
            "user_id": f"u{number % 37}",
            "item_id": f"i{number * number % 23}",
            "event_type": ("view", "click", "purchase")[number % 3],
            "timestamp": AS_OF - timedelta(days=100) + timedelta(days=101) * number / n,
        }
        for number in range(n)
    ]
    return pl.DataFrame(rows, schema_overrides={"timestamp": pl.Datetime("us", "UTC")})


def arrow(frame: pl.DataFrame) -> pa.Table:
    """Return a frame with the plain types that servers send."""
    table = frame.to_arrow()
    plain = [
        pa.string() if pa.types.is_large_string(one.type) or pa.types.is_string_view(one.type) else one.type
        for one in table.schema
    ]
    return table.cast(pa.schema(list(zip(table.column_names, plain, strict=True))))


def read(url: str, folder: Path, asked: Asked, **how: Any) -> pl.DataFrame:
    """Return all rows of a source as it is copied, in the order of the files."""
    progress: Callable[..., None] = how.pop("progress", lambda *_: None)
    with staged(Address(url), folder / "copy", asked, progress=progress, **how) as found:
        return pl.concat([pl.read_parquet(path) for _, path in found.files], how="vertical")

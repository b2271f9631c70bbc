"""What a store holds, as files that `store.importing` reads back.

Owns which rows go out. Never decides how a format spells them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from coldframe.events.files import file_format
from coldframe.events.frames import item_texts, users_frame
from coldframe.events.table import BATCH_ROWS
from coldframe.events.writing import write_csv, write_json_lines, write_parquet
from coldframe.store.importing import Kind
from coldframe.store.protocol import Store


def export_file(store: Store, kind: Kind, path: Path) -> int:
    """Write all events, items or users; the path's ending chooses the format. Return how many rows there are.

    The file appears whole or not at all. Raises `InputError` for an unknown ending or a place that cannot be written.
    """
    format_ = file_format(path)
    if format_ == "jsonl":
        return write_json_lines(_records(store, kind), path)
    frame = _frame(store, kind)
    return write_parquet(frame, path) if format_ == "parquet" else write_csv(frame.collect(), path)


def _frame(store: Store, kind: Kind) -> pl.LazyFrame:
    if kind == "events":
        return store.scan_events()
    return (item_texts(store.items()) if kind == "items" else users_frame(store.users())).lazy()


def _records(store: Store, kind: Kind) -> Iterator[Any]:
    if kind == "items":
        return store.items()
    return store.users() if kind == "users" else _events(store.scan_events().collect())


def _events(events: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for batch in events.iter_slices(BATCH_ROWS):
        for row in batch.iter_rows(named=True):
            known = {name: value for name, value in row.items() if value is not None}
            if "context" in known:
                known["context"] = msgspec.Raw(known["context"].encode())
            yield known

"""What travels between workers, as bytes: columns in Arrow's format, compressed; and errors, inside other texts.

Owns the form on the wire. Never keeps anything and never runs code that came along.
"""

import base64
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from coldframe import errors
from coldframe.errors import ColdframeError
from coldframe.shards.census import Counts, Distinct, Names
from coldframe.shards.encoded import EVENT, Events
from coldframe.shards.source import Column

_MARK = re.compile(r"coldframe:([A-Za-z0-9+/=]+):")


def packed(**columns: Any) -> bytes:
    """Return columns, each of a length of its own, as bytes.

    >>> unpacked(packed(a=np.arange(3), b=["x"]))["b"].to_pylist()
    ['x']
    """
    values = [pa.array(column) for column in columns.values()]
    lists = [pa.LargeListArray.from_arrays(pa.array([0, len(one)], pa.int64()), one) for one in values]
    batch: Any = pa.RecordBatch.from_arrays(lists, list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def unpacked(data: bytes) -> dict[str, Column]:
    """Return what was packed, as Arrow arrays."""
    batch = pa.ipc.open_stream(data).read_next_batch()
    columns: list[Any] = list(batch.columns)
    return {name: column.flatten() for name, column in zip(batch.schema.names, columns, strict=True)}


def numbers(data: bytes) -> dict[str, Any]:
    """Return packed numbers as NumPy arrays that may be written to."""
    return {name: column.to_numpy(zero_copy_only=False).copy() for name, column in unpacked(data).items()}


def bytes_of_events(events: Events) -> np.ndarray[Any, Any]:
    """Return events as a column of bytes."""
    return np.ascontiguousarray(events).view(np.uint8)


def events_of_bytes(column: np.ndarray[Any, Any]) -> Events:
    """Return the events that a column of bytes holds."""
    return column.view(EVENT)


def names_packed(names: Names) -> bytes:
    """Return names as bytes."""
    reasons = list(names.read.rejected)
    facts = np.array([names.n, names.read.rows, *(names.read.rejected[reason] for reason in reasons)], np.int64)
    texts = {"users": names.users.merged(), "items": names.items.merged()}
    return packed(**texts, reasons=pa.array(reasons, pa.string()), facts=facts)


def names_unpacked(data: bytes) -> Names:
    """Return the names that were packed."""
    columns, names = unpacked(data), Names()
    names.users, names.items = Distinct(columns["users"]), Distinct(columns["items"])
    names.n, names.read.rows, *rejected = columns["facts"].to_pylist()
    names.read.rejected.update(dict(zip(columns["reasons"].to_pylist(), rejected, strict=True)))
    return names


def counts_packed(counts: Counts) -> bytes:
    """Return counts as bytes; days without an event take next to no room."""
    return packed(by_day=counts.by_day.ravel(), liked=counts.liked, repeated=np.array([counts.repeated]))


def counts_unpacked(data: bytes) -> Counts:
    """Return the counts that were packed."""
    found = numbers(data)
    return Counts(found["by_day"].reshape(len(found["liked"]), -1), found["liked"], int(found["repeated"][0]))


class Told(RuntimeError):  # noqa: N818 - the name under which an engine's log shows it
    """An error of coldframe on its way through an engine that keeps nothing of an error but its text."""


@contextmanager
def telling() -> Generator[None]:
    """Turn an error of coldframe into one whose text `heard` understands."""
    try:
        yield
    except ColdframeError as error:
        body = msgspec.json.encode((type(error).__name__, error.message, error.remedy))
        raise Told(f"{error} [coldframe:{base64.b64encode(body).decode()}:]") from error


def heard(text: str) -> ColdframeError | None:
    """Return the error of coldframe that an engine's text tells of, or None."""
    if not (found := _MARK.search(text)):
        return None
    name, message, remedy = msgspec.json.decode(base64.b64decode(found[1]), type=tuple[str, str, str])
    kind = getattr(errors, name)
    return kind(message, remedy=remedy)

"""The index over sealed events: which ids are sealed, and each actor's history, newest first.

Owns the folders in `index/`. A run covers one or more segments and is made from them alone, so that it can be made
again. Ids and actors are found by a 128-bit hash in sorted arrays that the system maps into memory as needed.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from msgspec.structs import astuple
from numpy.typing import NDArray

from coldframe import disk
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.hashing import Digests, among, column_digests, order
from coldframe.store.sqlite.live import Row

_LETTERS = dict(zip(EVENT_COLUMNS, "abcdefghij", strict=True))


class _Line(msgspec.Struct, rename=_LETTERS, kw_only=True):
    """One line of `events.jsonl`: an event's columns, each under one letter, in the order of a `Row`."""

    event_id: str
    user_id: str | None = None
    session_id: str | None = None
    item_id: str
    event_type: str
    timestamp: int
    value: float | None = None
    recommendation_id: str | None = None
    position: int | None = None
    context: str | None = None


_DECODER = msgspec.json.Decoder(_Line)


class Run:
    """One folder of the index, mapped into memory; it stays readable after its files are removed."""

    def __init__(self, folder: Path) -> None:
        def mapped(name: str) -> NDArray[Any]:
            return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)

        self.ids: Digests = mapped("ids")
        self._actors, self._starts, self._ends = mapped("actors"), mapped("starts"), mapped("ends")
        self._ages, self._offsets = mapped("ages"), mapped("offsets")
        self._lines = np.memmap(folder / "events.jsonl", dtype=np.uint8, mode="r").view(np.ndarray)

    def contains(self, wanted: Digests) -> NDArray[np.bool_]:
        """Return which ids are in here, shape (n,)."""
        return among(self.ids, wanted)

    def holds(self, actors: Digests) -> NDArray[np.bool_]:
        """Return which actors have an event in here, shape (n,)."""
        return among(self._actors, actors)

    def newest(self, actor: Digests, limit: int, before: int) -> list[Row]:
        """Return an actor's newest rows with timestamp < before, newest first; `actor` is one hash, shape (1,)."""
        place = int(np.searchsorted(self._actors, actor)[0])
        if place == len(self._actors) or self._actors[place] != actor[0]:
            return []
        start, end = int(self._starts[place]), int(self._ends[place])
        start += int(np.searchsorted(self._ages[start:end], -before, side="right"))
        return self._rows(start, min(end, start + limit))

    def _rows(self, start: int, end: int) -> list[Row]:
        if start >= end:
            return []
        first, last = int(self._offsets[start]), int(self._offsets[end])
        return list(map(astuple, _DECODER.decode_lines(self._lines[first:last].tobytes())))  # type: ignore[arg-type]


def write(folder: Path, name: str, events: pl.DataFrame, ids: Digests) -> None:
    """Write a run durably; `events` are by (timestamp, event_id), `ids` the sorted hashes of their ids.

    The caller holds the lock and records it.
    """
    beside = folder / ".new"
    disk.remove(beside)
    beside.mkdir()
    actors = column_digests(events.select(pl.coalesce("user_id", "session_id")).to_series())
    places = events.height - 1 - order(actors[::-1])
    arrays = _by_actor(actors[places], events["timestamp"].to_physical().to_numpy()[places])
    arrays |= {"ids": ids, "offsets": _write_lines(beside / "events.jsonl", events, places)}
    for key, array in arrays.items():
        np.save(beside / f"{key}.npy", array, allow_pickle=False)
    for path in beside.iterdir():
        disk.sync(path)
    disk.sync(beside)
    disk.put_in_place(beside, folder / name)


def _by_actor(actors: Digests, times: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return `actors` (each hash once), the rows `starts` … `ends` of each, and the rows' negated times `ages`."""
    starts = np.flatnonzero(np.concatenate([[True], actors[1:] != actors[:-1]]))
    ends = np.append(starts[1:], len(actors))
    return {"actors": actors[starts], "starts": starts, "ends": ends, "ages": -times}


def _write_lines(path: Path, events: pl.DataFrame, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Write the rows at these places as lines of JSON; return where each begins, and the end: shape (n + 1,)."""
    known = [name for name in EVENT_COLUMNS if events[name].null_count() < events.height]
    lines = events.select(pl.col(name).to_physical().alias(_LETTERS[name]) for name in known)
    lines[places].write_ndjson(path)
    line_ends = np.flatnonzero(np.memmap(path, dtype=np.uint8, mode="r") == ord("\n")) + 1
    return np.concatenate([[0], line_ends]).astype(np.int64)

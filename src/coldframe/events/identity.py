"""The id of an event that came without one: what it says, and which of several that say the same it is.

Owns the derivation, which never changes: an event imported twice, from any file and in any order, has one id. Never
reads a file.

The content of an event is the UTF-8 text of user_id, session_id, item_id, event_type, timestamp (µs since 1970),
value (the IEEE 754 bits of the double as a signed integer), recommendation_id, position and context (JSON, names
sorted), in this order, joined by NUL, null as nothing. Its id is the BLAKE2b hash of that, 16 bytes, in hexadecimal;
the second event of a file with the same content gets "-2" after it, the third "-3".
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coldframe.hashing import column_digests

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]


class Occurrences:
    """How often each key was seen, for keys that come in batches: 16 bytes a key, in sorted runs that double."""

    def __init__(self) -> None:
        self._runs: list[tuple[Keys, Counts]] = []

    def earlier(self, keys: Keys) -> Counts:
        """Return how often each key was seen before its place, in this batch and all before; remember them.

        >>> seen = Occurrences()
        >>> seen.earlier(np.array([7, 8, 7], dtype=np.uint64)).tolist()
        [0, 0, 1]
        >>> seen.earlier(np.array([7], dtype=np.uint64)).tolist()
        [2]
        """
        order = np.argsort(keys, kind="stable")
        unique, starts, counts = _stretches(keys[order])
        within = np.arange(len(keys)) - np.repeat(starts, counts)
        found = np.empty(len(keys), dtype=np.int64)
        found[order] = within + np.repeat(self._seen(unique), counts)
        self._remember(unique, counts)
        return found

    def _seen(self, unique: Keys) -> Counts:
        total = np.zeros(len(unique), dtype=np.int64)
        for keys, counts in self._runs:
            at = np.minimum(np.searchsorted(keys, unique), len(keys) - 1)
            total += np.where(keys[at] == unique, counts[at], 0)
        return total

    def _remember(self, keys: Keys, counts: Counts) -> None:
        while self._runs and len(self._runs[-1][0]) <= 2 * len(keys):
            older_keys, older_counts = self._runs.pop()
            keys, counts = np.concatenate([older_keys, keys]), np.concatenate([older_counts, counts])
            order = np.argsort(keys, kind="stable")
            keys, starts, _ = _stretches(keys[order])
            counts = np.add.reduceat(counts[order], starts)
        if len(keys):
            self._runs.append((keys, counts))


def _stretches(ordered: Keys) -> tuple[Keys, NDArray[np.intp], Counts]:
    """Return each key of sorted ones once, where it begins, and how often it stands there."""
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(ordered)), dtype=bool), ordered[1:] != ordered[:-1]]))
    return ordered[starts], starts, np.diff(starts, append=len(ordered))


def with_event_ids(events: pl.DataFrame, seen: Occurrences) -> pl.DataFrame:
    """Return events (columns of `EVENT_COLUMNS`) with an id where they have none."""
    without = events["event_id"].is_null()
    if not without.any():
        return events
    digests = column_digests(_contents(events.filter(without)))
    numbers = seen.earlier(digests.view("<u8")[::2].astype(np.uint64))
    names = pl.DataFrame({"id": _hexadecimal(digests.tobytes()), "n": numbers})
    again = pl.concat_str("id", pl.lit("-"), (pl.col("n") + 1).cast(pl.String))
    derived = names.select(pl.when(pl.col("n") > 0).then(again).otherwise("id")).to_series()
    ids = events["event_id"].scatter(without.arg_true(), derived)
    return events.with_columns(ids.alias("event_id"))


def _hexadecimal(digests: bytes) -> pl.Series:
    return pl.Series(np.frombuffer(digests.hex().encode(), dtype="S32").tolist(), dtype=pl.Binary).cast(pl.String)


def _contents(events: pl.DataFrame) -> pl.Series:
    bits = pl.Series("value", (events["value"].to_numpy() + 0.0).view(np.int64)).set(events["value"].is_null(), None)
    fields = (
        *("user_id", "session_id", "item_id", "event_type"),
        pl.col("timestamp").dt.epoch("us").cast(pl.String),
        pl.lit(bits).cast(pl.String),
        "recommendation_id",
        pl.col("position").cast(pl.String),
        "context",
    )
    texts = [(pl.col(field) if isinstance(field, str) else field).fill_null("") for field in fields]
    return events.select(pl.concat_str(texts, separator="\x00")).to_series()

"""Events as numbers: rows of the vocabularies, a signed weight, and a key that tells one event from another.

Owns the record. Never decides which event counts, nor where it goes.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coldframe.dataset.draws import hash_ids
from coldframe.dataset.training_set import DAY_US
from coldframe.errors import InputError
from coldframe.shards.bits import mix_one
from coldframe.shards.plan import Plan
from coldframe.shards.sha256 import first_words
from coldframe.shards.source import Batch, Column

EVENT = np.dtype(
    [("time", "<i8"), ("key", "<u8"), ("user", "<i4"), ("item", "<i4"), ("weight", "<f4"), ("count", "<i4")]
)
"""One event, 32 bytes. `weight` is 0 where it makes no row and only says that the user met the item; `count` is how
many events of the user came before it, filled in by `settle`.
"""
Events = NDArray[np.void]


@dataclass(frozen=True)
class Vocabularies:
    """Every user and item with an event before the end of the window, text in order of id."""

    users: Column
    items: Column

    @cached_property
    def user_hash(self) -> NDArray[np.uint64]:
        """`hash_ids` of the users, uint64 [n_users]."""
        return first_words(*_text_buffers(self.users))

    @cached_property
    def item_hash(self) -> NDArray[np.uint64]:
        """`hash_ids` of the items, uint64 [n_items]."""
        return first_words(*_text_buffers(self.items))

    @cached_property
    def _lookups(self) -> "tuple[Lookup, Lookup]":
        return Lookup.of(self.users), Lookup.of(self.items)

    def encode(self, batch: Batch, plan: Plan) -> Events:
        """Return a batch's events as records, those before the window with weight 0.

        Raises `InputError` for an id that the vocabularies do not hold.
        """
        users, items = self._lookups
        user, item = users.rows(batch.user), items.rows(batch.item)
        if len(batch) and min(user.min(), item.min()) < 0:
            raise InputError(
                "The source names users or items that it did not name a moment ago: it changed while it was read.",
                remedy="Read a copy, or a folder that nothing is written to, and run again: nothing was published.",
            )
        time = batch.time.to_numpy(zero_copy_only=False)
        kinds = coded(batch.event_type)
        names = kinds.dictionary.cast(pa.string()).to_pylist()
        worth = np.array([plan.weight_of(name) for name in names], np.float32)
        rates = np.array([plan.decay_rate(name) for name in names])
        kind = kinds.indices.to_numpy(zero_copy_only=False)
        events = np.empty(len(batch), EVENT)
        events["time"], events["user"], events["item"], events["count"] = time, user, item, 0
        weight = worth[kind]
        if rates.any():
            weight = weight * np.exp2((time - plan.as_of) / DAY_US * rates[kind]).astype(np.float32)
        events["weight"] = np.where(time < plan.start, np.float32(0), weight)
        if batch.key is None:
            _content_keys(self.user_hash, self.item_hash, hash_ids(names), user, item, kind, time, events["key"])
        else:
            events["key"] = text_keys(batch.key)
        return events


@dataclass(frozen=True)
class Lookup:
    """Ids → rows by a hash under which no two of them are alike: `hashes` uint64 and `rows_at` int32 [size], open
    addresses, −1 where nobody is.
    """

    hashes: NDArray[np.uint64]
    rows_at: NDArray[np.int32]
    salt: int

    @staticmethod
    def of(ids: Column) -> "Lookup":
        """Return the lookup of distinct ids in order of row."""
        size = 1 << max(4, (2 * len(ids)).bit_length())
        for salt in count():
            hashes, rows = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
            if _place(text_keys(ids, salt), hashes, rows):
                return Lookup(hashes, rows, salt)
        raise AssertionError  # count() never ends

    def rows(self, ids: Column) -> NDArray[np.int32]:
        """Return the row of each id, int32 [n]; an id that has none gets −1."""
        column = coded(ids)
        found = np.empty(len(column.dictionary), np.int32)
        _find(text_keys(column.dictionary, self.salt), self.hashes, self.rows_at, found)
        return found[column.indices.to_numpy(zero_copy_only=False)]


def coded(column: Column) -> Column:
    """Return a column as codes of a dictionary, which may hold more than the rows say."""
    return column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()


def text_keys(texts: Column, salt: int = 0) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each text, or number as text."""
    keys = np.empty(len(texts), np.uint64)
    _text_keys(*_text_buffers(texts), np.uint64(salt), keys)
    return keys


def _text_buffers(keys: Column) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bytes of texts (or of numbers written as text), and where each begins and ends."""
    texts = keys.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", np.uint8), ends[:-1], ends[1:]


@numba.njit(cache=True, nogil=True)
def _text_keys(data, starts, ends, salt, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """FNV-1a over each text's bytes (Fowler, Noll and Vo), scrambled once."""
    for row in range(len(starts)):
        state = np.uint64(0xCBF29CE484222325) ^ salt
        for at in range(starts[row], ends[row]):
            state = (state ^ np.uint64(data[at])) * np.uint64(0x100000001B3)
        out[row] = mix_one(state)


@numba.njit(cache=True, nogil=True)
def _content_keys(user_hash, item_hash, kind_hash, user, item, kind, time, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """A key of what an event without an id says: two events that say the same are one."""
    for row in range(len(time)):
        state = mix_one(user_hash[user[row]]) ^ item_hash[item[row]]
        out[row] = mix_one(mix_one(mix_one(state) ^ kind_hash[kind[row]]) ^ np.uint64(time[row]))


@numba.njit(cache=True, nogil=True)
def _place(keys, hashes, rows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Fill the table; return False when two keys are alike."""
    last = np.uint64(len(rows) - 1)
    for row in range(len(keys)):
        place = keys[row] & last
        while rows[place] >= 0:
            if hashes[place] == keys[row]:
                return False
            place = (place + np.uint64(1)) & last
        hashes[place], rows[place] = keys[row], row
    return True


@numba.njit(cache=True, nogil=True)
def _find(keys, hashes, rows, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    last = np.uint64(len(rows) - 1)
    for at in range(len(keys)):
        place = keys[at] & last
        while rows[place] >= 0 and hashes[place] != keys[at]:
            place = (place + np.uint64(1)) & last
        out[at] = rows[place]

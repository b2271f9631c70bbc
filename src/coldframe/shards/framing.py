"""The inner loops: rows to framed records and back, in Numba.

Owns the bytes of a record: its length in 8 bytes little-endian, the masked CRC-32C of those, the message, the masked
CRC-32C of that. Rows are `words` uint64 [n_rows, n_features]; the arrays of a `Layout` say what stands between them.
Never allocates for the sake of what a file claims, and never raises: faults are answered as codes.
"""

import numba
import numpy as np

from coldframe.shards.crc32c import masked_crc32c
from coldframe.shards.message import SLOTS

WHOLE, CUT, BAD_LENGTH, BAD_MESSAGE, FOREIGN = range(5)
"""What is wrong with a record: nothing; the file ends in it; its length or its message fails its checksum; it is whole
but not spelt as `example` does."""

BEFORE, AFTER = 12, 4
"""Bytes of a record before and after its message."""

_FIELD = 0x0A
_NONE, _7, _LOW, _MORE = np.uint64(0), np.uint64(7), np.uint64(0x7F), np.uint64(0x80)


@numba.njit(cache=True, nogil=True)
def measure(words, floats, edges):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return the sizes of the values, uint8 [n_rows, n_features], of the features, int64 [n_rows], and of all records.

    Sizes are in bytes.
    """
    n_rows, n_features = words.shape
    sizes = np.empty((n_rows, n_features), np.uint8)
    bodies = np.empty(n_rows, np.int64)
    total = 0
    for row in range(n_rows):
        body = 0
        for k in range(n_features):
            size = 4 if floats[k] else _varint_size(words[row, k])
            sizes[row, k] = size
            slot = k * SLOTS + size
            body += edges[slot + 1] - edges[slot] + size
        bodies[row] = body
        total += BEFORE + 1 + _varint_size(np.uint64(body)) + body + AFTER
    return sizes, bodies, total


@numba.njit(cache=True, nogil=True)
def write(out, words, sizes, bodies, floats, heads, edges, tables):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Fill `out` uint8 [total] with the records that `measure` measured."""
    n_rows, n_features = words.shape
    start = 0
    for row in range(n_rows):
        body = np.uint64(bodies[row])
        at = start + BEFORE
        out[at] = _FIELD
        at = _put_varint(out, at + 1, body, _varint_size(body))
        for k in range(n_features):
            size = np.int64(sizes[row, k])
            slot = k * SLOTS + size
            for byte in range(edges[slot], edges[slot + 1]):
                out[at] = heads[byte]
                at += 1
            word = words[row, k]
            at = _put_fixed(out, at, word, size) if floats[k] else _put_varint(out, at, word, size)
        _put_fixed(out, start, np.uint64(at - start - BEFORE), 8)
        _put_fixed(out, start + 8, masked_crc32c(out, start, start + 8, tables), 4)
        start = _put_fixed(out, at, masked_crc32c(out, start + BEFORE, at, tables), 4)


@numba.njit(cache=True, nogil=True)
def verify(data, tables):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return a code, the number of whole records before the fault and where in `data` uint8 [n] it begins."""
    start, row = 0, 0
    while start < len(data):
        room = len(data) - start - BEFORE - AFTER
        if room < 0:
            return CUT, row, start
        if masked_crc32c(data, start, start + 8, tables) != _fixed(data, start + 8, 4):
            return BAD_LENGTH, row, start
        length = _fixed(data, start, 8)
        if length > np.uint64(room):
            return CUT, row, start
        stop = start + BEFORE + np.int64(length)
        if masked_crc32c(data, start + BEFORE, stop, tables) != _fixed(data, stop, 4):
            return BAD_MESSAGE, row, start
        start, row = stop + AFTER, row + 1
    return WHOLE, row, start


@numba.njit(cache=True, nogil=True)
def read(words, data, floats, around, heads, edges):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Fill `words` from the records of `data`, which `verify` found whole; return as `verify` does.

    Only the very bytes that `write` writes for some words are accepted.
    """
    start = 0
    for row in range(words.shape[0]):
        stop = start + BEFORE + np.int64(_fixed(data, start, 8))
        if not _read_message(words[row], data, start + BEFORE, stop, floats, around, heads, edges):
            return FOREIGN, row, start
        start = stop + AFTER
    return WHOLE, words.shape[0], start


@numba.njit(cache=True, nogil=True)
def _read_message(words, data, at, stop, floats, around, heads, edges):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    if at == stop or data[at] != _FIELD:
        return False
    body, at = _varint(data, at + 1, stop)
    if at < 0 or body != np.uint64(stop - at):
        return False
    for k in range(len(words)):
        entry, after = _varint(data, at + 1, stop)
        size = np.int64(entry) - around[k]
        if after < 0 or size < 1 or size >= SLOTS or (floats[k] and size != 4):
            return False
        slot = k * SLOTS + size
        head = edges[slot + 1] - edges[slot]
        if at + head + size > stop or not _same(data, at, heads, edges[slot], head):
            return False
        at += head
        words[k], after = (_fixed(data, at, 4), at + 4) if floats[k] else _varint(data, at, at + size)
        if after != at + size:
            return False
        at = after
    return at == stop


@numba.njit(cache=True, nogil=True)
def _same(left, i, right, j, length):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    unlike = np.uint8(0)
    for k in range(length):
        unlike |= left[i + k] ^ right[j + k]
    return unlike == 0


@numba.njit(cache=True, nogil=True)
def _varint_size(value):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    size = 1
    while value > _LOW:
        value >>= _7
        size += 1
    return size


@numba.njit(cache=True, nogil=True)
def _put_varint(out, at, value, size):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write a varint of `size` bytes and return where it ends."""
    for k in range(at, at + size - 1):
        out[k] = value & _LOW | _MORE
        value >>= _7
    out[at + size - 1] = value
    return at + size


@numba.njit(cache=True, nogil=True)
def _put_fixed(out, at, value, size):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the low `size` bytes of a value, the lowest first, and return where they end."""
    for k in range(size):
        out[at + k] = value >> np.uint64(8 * k) & np.uint64(0xFF)
    return at + size


@numba.njit(cache=True, nogil=True)
def _varint(data, at, stop):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Return the varint at `at` and where it ends: -1 unless that is by `stop` and in as few bytes as can be."""
    value, shift = np.uint64(0), np.uint64(0)
    for k in range(at, min(stop, at + SLOTS - 1)):
        byte = np.uint64(data[k])
        value |= (byte & _LOW) << shift
        if byte < _MORE:
            whole = value >> shift == byte and (byte > _NONE or k == at)
            return value, (k + 1 if whole else -1)
        shift += _7
    return value, -1


@numba.njit(cache=True, nogil=True)
def _fixed(data, at, size):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    value = np.uint64(0)
    for k in range(size):
        value |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return value

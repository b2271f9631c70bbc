"""What texts are known by where their order does not matter: 128 bits of BLAKE2b each, of one text or of a column.

Owns that hash, which lies in every store and in the ids of events that came without one: it never changes. Whole
columns go through `blake2b.c` where the install could build it, through the standard library otherwise, with the same
result.
"""

import ctypes
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Digests = NDArray[np.bytes_]
"""128-bit hashes, dtype S16; they compare and sort as bytes."""

FILE = Path(__file__).with_name("blake2b.shared")
"""What `hatch_build.py` makes of blake2b.c."""
SIZE = 16
"""Bytes a hash."""
MOST_BYTES = 1 << 30
"""Text that is put in one piece at most; a longer column is hashed in halves."""


def digests(texts: Iterable[str]) -> Digests:
    """Return the hash of each of a few texts, shape (n,).

    >>> digests(["ann"])[0].hex()
    'd8963d899008cf8c05369be7b9042715'
    """
    hashes = [blake2b(text.encode(), digest_size=SIZE).digest() for text in texts]
    return np.frombuffer(b"".join(hashes), dtype="S16")


def column_digests(texts: pl.Series) -> Digests:
    """Return the hash of each text of a column without nulls, shape (n,): what `digests` returns, sooner."""
    hash_all = compiled()
    if hash_all is None:
        return digests(texts)
    ends = np.cumsum(texts.str.len_bytes().to_numpy(), dtype=np.int64)
    if len(texts) > 1 and ends[-1] > MOST_BYTES:
        middle = len(texts) // 2
        return np.concatenate([column_digests(texts[:middle]), column_digests(texts[middle:])])
    data = texts.str.join("").item().encode()
    found = np.empty(len(texts), dtype="S16")
    hash_all(data, ends.ctypes.data, len(texts), found.ctypes.data)
    return found


FEW = 100
"""Times as many hashes as wanted ones from which they are looked up one by one, without reading all hashes."""


def order(hashes: Digests) -> NDArray[np.intp]:
    """Return the places that sort hashes, shape (n,); equal ones stay in the order they come.

    >>> order(np.array([b"b", b"a", b"b"], dtype="S16")).tolist()
    [1, 0, 2]
    """
    first, second = _words(hashes)
    places = np.argsort(first, kind="stable")
    sorted_first, sorted_second = first[places], second[places]
    like = sorted_first[1:] == sorted_first[:-1]
    if np.any(like & (sorted_second[1:] != sorted_second[:-1])):
        return np.lexsort((second, first))
    return places


def among(hashes: Digests, wanted: Digests) -> NDArray[np.bool_]:
    """Return which of the `wanted` are in the sorted `hashes`, shape (n,); soonest where the wanted are sorted too."""
    if len(hashes) == 0:
        return np.zeros(len(wanted), dtype=bool)
    if len(hashes) > FEW * len(wanted):
        return _among(hashes, wanted)
    first, wanted_first = _words(hashes)[0], _words(wanted)[0]
    places = np.minimum(np.searchsorted(first, wanted_first), len(hashes) - 1)
    found = hashes[places] == wanted
    unsure = (first[places] == wanted_first) & ~found
    if unsure.any():
        found[unsure] = _among(hashes, wanted[unsure])
    return found


def _among(hashes: Digests, wanted: Digests) -> NDArray[np.bool_]:
    places = np.searchsorted(hashes, wanted)
    return hashes[np.minimum(places, len(hashes) - 1)] == wanted


def _words(hashes: Digests) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the first and the second eight bytes of each as numbers that sort as the bytes do."""
    halves = np.ascontiguousarray(hashes).view(">u8")
    return halves[::2].astype(np.uint64), halves[1::2].astype(np.uint64)


@cache
def compiled() -> Callable[[bytes, int, int, int], None] | None:
    """Return the compiled hash of a column; None where it was not built."""
    if not FILE.exists():
        return None
    function = ctypes.CDLL(str(FILE)).cf_blake2b
    function.argtypes = (ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
    function.restype = None
    return function

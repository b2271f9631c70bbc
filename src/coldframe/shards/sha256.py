"""`dataset.draws.hash_ids` of texts in Arrow's memory, compiled: a million ids without an object for each.

Owns SHA-256 as FIPS 180-4 defines it, for texts of any length. A test holds it equal to the standard library's.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

_PRIMES = [number for number in range(2, 312) if all(number % other for other in range(2, number))]


def _cube_root(number: int) -> int:
    """Return the whole part of a cube root."""
    found = round(number ** (1 / 3))
    while found**3 > number:
        found -= 1
    while (found + 1) ** 3 <= number:
        found += 1
    return found


_START = np.array([math.isqrt(prime << 64) % 2**32 for prime in _PRIMES[:8]], np.uint32)
"""The first 32 bits after the point of the square roots of the first 8 primes (5.3.3)."""
_ROUNDS = np.array([_cube_root(prime << 96) % 2**32 for prime in _PRIMES[:64]], np.uint32)
"""The same of the cube roots of the first 64 (4.2.2)."""


def first_words(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the first eight bytes of the SHA-256 of each text as a big-endian number, uint64 [n].

    Text i is `data[starts[i]:ends[i]]`.
    """
    out = np.empty(len(starts), np.uint64)
    _hash_all(data, starts, ends, _START, _ROUNDS, out)
    return out


@numba.njit(cache=True, nogil=True)
def _hash_all(data, starts, ends, start, rounds, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    state, words = np.empty(8, np.uint32), np.empty(64, np.uint32)
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        state[:] = start
        for block in range((size + 72) // 64):
            _load(data, starts[row], size, 64 * block, words)
            _compress(state, words, rounds)
        out[row] = (np.uint64(state[0]) << np.uint64(32)) | np.uint64(state[1])


@numba.njit(cache=True, nogil=True)
def _load(data, start, size, begin, words):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Put 64 bytes of the padded message into the first 16 words: the text, a one bit, zeros, its length in bits."""
    for place in range(16):
        word = np.uint32(0)
        for at in range(begin + 4 * place, begin + 4 * place + 4):
            byte = np.uint32(0)
            if at < size:
                byte = np.uint32(data[start + at])
            elif at == size:
                byte = np.uint32(0x80)
            word = (word << np.uint32(8)) | byte
        words[place] = word
    if begin + 64 >= size + 9:
        words[14], words[15] = np.uint32((8 * size) >> 32), np.uint32(8 * size)


@numba.njit(cache=True, nogil=True)
def _turned(word, by):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return (word >> np.uint32(by)) | (word << np.uint32(32 - by))


@numba.njit(cache=True, nogil=True)
def _compress(state, words, rounds):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Take 16 words into the state (6.2.2)."""
    for at in range(16, 64):
        two, fifteen = words[at - 2], words[at - 15]
        low = _turned(fifteen, 7) ^ _turned(fifteen, 18) ^ (fifteen >> np.uint32(3))
        high = _turned(two, 17) ^ _turned(two, 19) ^ (two >> np.uint32(10))
        words[at] = np.uint32(words[at - 16] + low + words[at - 7] + high)
    a, b, c, d, e, f, g, h = state
    for at in range(64):
        chosen = (e & f) ^ (~e & g)
        most = (a & b) ^ (a & c) ^ (b & c)
        first = h + (_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)) + chosen + rounds[at] + words[at]
        second = (_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)) + most
        h, g, f, e, d, c, b, a = g, f, e, np.uint32(d + first), c, b, a, np.uint32(first + second)
    for at, value in enumerate((a, b, c, d, e, f, g, h)):
        state[at] += np.uint32(value)

"""Random numbers that are a function of what they are for: no state, no order, the same in every engine.

Owns the hash of an id, the key of an event and the draw under a counter, all of them arithmetic on unsigned 64-bit
integers that wrap around. A retried or repeated computation draws the same numbers; golden vectors in the tests let
another engine check itself. Never decides what a number is used for.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Times

Words = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 ÷ the golden ratio, odd: steps of a counter land far apart."""


def hash_ids(identifiers: Iterable[str]) -> Words:
    """Return 64 bits per id: the first eight bytes of the SHA-256 of its UTF-8, read as a big-endian number.

    >>> [hex(number) for number in hash_ids(["ann"])]
    ['0x49915e0d7d4b402e']
    """
    digests = b"".join(hashlib.sha256(identifier.encode()).digest()[:8] for identifier in identifiers)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def mix(numbers: Words) -> Words:
    """Return numbers scrambled one to one, each bit of the answer depending on every bit given.

    The finaliser of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014).

    >>> hex(mix(np.array([1], np.uint64))[0])
    '0x5692161d100b05e5'
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def event_keys(seed: int, user: Words, item: Words, timestamp: Times) -> Words:
    """Return a key per event from the seed, the hashes of its user and item and its time in µs; all length n_events.

    mix(mix(mix(mix(seed) ^ user) ^ item) ^ time). Events alike in all three have one key and so one set of draws.
    """
    start = mix(np.array([seed % 2**64], np.uint64))
    return mix(mix(mix(start ^ user) ^ item) ^ timestamp.view(np.uint64))


def draw(keys: Words, counter: Words) -> Words:
    """Return 64 random bits for each key under a counter: mix(key + counter × GOLDEN)."""
    return mix(keys + counter * GOLDEN)


def below(bits: Words, bound: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return the upper 32 bits as a number in 0 … bound − 1, bound ≤ 2^31: (bits >> 32) × bound >> 32.

    >>> below(np.array([0, 2**63, 2**64 - 1], np.uint64), 10).tolist()
    [0, 5, 9]
    """
    return ((bits >> np.uint64(32)) * np.asarray(bound, np.uint64) >> np.uint64(32)).astype(np.int64)


def share(bits: Words) -> NDArray[np.float64]:
    """Return the lower 32 bits as a number in [0, 1), independent of `below`.

    >>> share(np.array([2**31], np.uint64)).tolist()
    [0.5]
    """
    return (bits & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2**32

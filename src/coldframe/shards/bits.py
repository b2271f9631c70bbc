"""`dataset.draws` on one number at a time, compiled. Owns nothing: a test holds the two equal."""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def mix_one(number):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """The finaliser of `dataset.draws.mix` on one number."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def below_one(bits, bound):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return `dataset.draws.below` of one number."""
    return np.int64((bits >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32))

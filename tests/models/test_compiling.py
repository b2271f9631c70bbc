"""What compilers take is heard while they work, and only then."""

import jax
import numba
import numpy as np

from coldframe.models.compiled import compiling


def test_numba_is_heard_when_it_begins_and_once_only():
    told = []

    @numba.njit
    def twice(number):
        return 2 * number

    with compiling(lambda: told.append(1)) as wait:
        assert twice(2) == 4
        first, heard = wait.seconds, len(told)
        assert twice(3) == 6
    assert first > 0
    assert heard >= 1
    assert (wait.seconds, len(told)) == (first, heard)


def test_jax_is_summed_and_nothing_is_after_the_end():
    with compiling(lambda: None) as wait:
        jax.jit(lambda values: (values**3).sum())(np.ones(7, np.float32))
        assert wait.seconds > 0
    after = wait.seconds
    jax.jit(lambda values: (values**5).sum())(np.ones(9, np.float32))
    assert wait.seconds == after


def test_one_wait_within_another_hears_the_same():
    with compiling(lambda: None) as outer, compiling(lambda: None) as inner:
        jax.jit(lambda values: (values**7).sum())(np.ones(11, np.float32))
    assert inner.seconds == outer.seconds > 0

"""Entries of one byte: how far they may be from what they stand for, alone and summed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe.scoring.codes import AT_ONCE, FINEST, CodedRows


@given(st.integers(0, 10_000), st.floats(1e-6, 1e6))
def test_an_entry_is_off_by_at_most_half_a_step_of_its_root(seed, size):
    matrix = (np.random.default_rng(seed).normal(size=(3, 20)) ** 3 * size).astype(np.float32)
    coded = CodedRows.of(matrix)
    once = np.ones(1, np.float32)
    found = np.stack([coded.combine(np.array([row]), once) for row in range(3)])
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    step = 0.5 / FINEST
    allowed = largest * (2 * step * np.sqrt(np.abs(matrix) / largest) + step**2)
    assert (np.abs(found - matrix) <= allowed * 1.001).all()


def test_a_long_past_is_the_sum_of_its_rows():
    matrix = np.random.default_rng(1).normal(size=(3 * AT_ONCE, 5)).astype(np.float32)
    coded, rows = CodedRows.of(matrix), np.arange(3 * AT_ONCE - 7)
    weights = np.linspace(0, 1, len(rows)).astype(np.float32)
    alone = sum(coded.combine(rows[k : k + 1], weights[k : k + 1]) for k in range(len(rows)))
    assert coded.combine(rows, weights) == pytest.approx(alone, rel=1e-4, abs=1e-4)


def test_a_row_of_zeros_says_nothing():
    coded = CodedRows.of(np.zeros((2, 3), np.float32))
    assert coded.combine(np.array([0, 1]), np.ones(2, np.float32)).tolist() == [0, 0, 0]

"""A dense matrix in one byte per entry, for item-item models whose many small entries count together.

Owns the code. An entry is `scale[row] · c · |c|` with c in −127 … 127, so that small entries keep their digits beside
large ones of the same row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Floats, Rows

FINEST = 127
AT_ONCE = 64
"""Rows decoded together: a long past is summed in parts, so that it never needs a matrix of its own."""


@dataclass(frozen=True)
class CodedRows:
    """`codes` int8 [n_rows, n_columns], `scale` float32 [n_rows]."""

    codes: NDArray[np.int8]
    scale: Floats

    @staticmethod
    def of(matrix: Floats) -> "CodedRows":
        """Return the nearest code of every entry of a float32 matrix.

        >>> CodedRows.of(np.array([[4.0, 1.0, 0.0, -0.04]], np.float32)).codes.tolist()
        [[127, 64, 0, -13]]
        """
        codes = np.empty(matrix.shape, np.int8)
        scale = np.zeros(len(matrix), np.float32)
        for start in range(0, len(matrix), AT_ONCE):
            part = matrix[start : start + AT_ONCE]
            largest = np.abs(part).max(axis=1, initial=0)
            share = np.abs(part) / np.where(largest > 0, largest, 1)[:, None]
            codes[start : start + AT_ONCE] = np.sign(part) * np.rint(np.sqrt(share) * FINEST)
            scale[start : start + AT_ONCE] = largest / FINEST**2
        return CodedRows(codes, scale)

    def __len__(self) -> int:
        return len(self.codes)

    def combine(self, rows: Rows, weights: Floats) -> Floats:
        """Return Σ weights[k] · row(rows[k]), float32 [n_columns].

        >>> CodedRows.of(np.array([[2, 0], [0, 3]], np.float32)).combine(np.array([1]), np.array([10.0])).round(3)
        array([ 0., 30.], dtype=float32)
        """
        found = np.zeros(self.codes.shape[1], np.float32)
        for start in range(0, len(rows), AT_ONCE):
            chosen = rows[start : start + AT_ONCE]
            part = self.codes[chosen].astype(np.float32)
            part *= np.abs(part)
            found += (weights[start : start + AT_ONCE] * self.scale[chosen]).astype(np.float32) @ part
        return found

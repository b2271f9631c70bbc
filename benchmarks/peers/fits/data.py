"""The arrays of `folder.py`, read back in the peers' environment.

Owns their shapes on this side, and how events become a user-item matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

Csr = Any
"""`scipy.sparse.csr_matrix`, float32."""


@dataclass(frozen=True)
class Data:
    """What a peer may learn from; `folder.py` tells shapes and units."""

    user: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    timestamp: np.ndarray
    n_users: int
    n_items: int
    n_labels: int
    as_of: int
    threads: int
    item_features: Csr
    user_attributes: Csr

    def likes(self) -> Csr:
        """Return positive weights summed per user and item, float32 [n_users, n_items]."""
        return _summed(self.weight, self.user, self.item, (self.n_users, self.n_items))

    @property
    def is_trained(self) -> np.ndarray:
        """Which items anybody likes in training, bool [n_items]."""
        return np.bincount(self.item[self.weight > 0], minlength=self.n_items) > 0


@dataclass(frozen=True)
class Batch:
    """Some questions. `user` is a training row, −1 for somebody new; `attributes` is CSR [n, n_attributes]."""

    user: np.ndarray
    indptr: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    timestamp: np.ndarray
    attributes: Csr
    n_items: int

    def __len__(self) -> int:
        return len(self.user)

    def history(self, i: int) -> slice:
        """Return where the past of question i lies in `item`, `weight` and `timestamp`."""
        return slice(int(self.indptr[i]), int(self.indptr[i + 1]))

    def likes(self) -> Csr:
        """Return positive weights summed per question and item, float32 [n, n_items]."""
        row = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        return _summed(self.weight, row, self.item, (len(self), self.n_items))


Answer = Callable[[Batch], np.ndarray]
"""Questions → float32 [n, n_items], NaN where the peer cannot say."""


def read_training(folder: Path) -> Data:
    """Return what `write_training` wrote."""
    with np.load(folder / "train.npz") as arrays:
        told = {name: arrays[name] for name in arrays.files}
    sizes = {name: int(value) for name, value in told.items() if value.ndim == 0}
    matrices = {name: sp.load_npz(folder / f"{name}.npz").tocsr() for name in ("item_features", "user_attributes")}
    return Data(**told | sizes, **matrices)


def read_batch(path: Path, data: Data) -> Batch:
    """Return what `write_batch` wrote."""
    with np.load(path) as told:
        attribute, starts = told["attribute"], told["attribute_indptr"]
        shape = (len(told["user"]), data.user_attributes.shape[1])
        attributes = sp.csr_matrix((np.ones(len(attribute), np.float32), attribute, starts), shape=shape)
        names = ("user", "indptr", "item", "weight", "timestamp")
        return Batch(**{name: told[name] for name in names}, attributes=attributes, n_items=data.n_items)


def strengthened(likes: Csr, strength: str) -> Csr:
    """Return likes as confidences: `capped` at 1, or `log`, ln(1 + sum), for things that are had again and again."""
    out = likes.copy()
    out.data = np.minimum(out.data, 1) if strength == "capped" else np.log1p(out.data)
    return out


def _summed(weight: np.ndarray, row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> Csr:
    liked = weight > 0
    pairs = (weight[liked].astype(np.float32), (row[liked], column[liked]))
    return sp.coo_matrix(pairs, shape=shape).tocsr()

"""What a peer is told: arrays in a folder, written here and read by `fits/data.py` in the peers' environment.

Owns the files' names and shapes on this side:

    train.npz            user, item int32; weight float32; timestamp int64 (µs): [n_events], in order of time;
                         n_users, n_items, n_labels, as_of (µs), threads
    item_features.npz    CSR float32 [n_items, n_features]: TF-IDF, rows of length 1 or 0; the first n_labels columns
                         are categories and tags, the others hashed words
    user_attributes.npz  CSR float32 [n_users, n_attributes]: 1 where told
    batch.npz            user int32 [n], −1 unknown; indptr, item, weight, timestamp: the histories as CSR, oldest
                         first; attribute_indptr, attribute: what each user told
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from coldframe.dataset.training_set import Bags, TrainingSet
from coldframe.models.content_matrix import tf_idf
from coldframe.scoring.request import Request


def write_training(folder: Path, training_set: TrainingSet, *, threads: int) -> None:
    """Write all that a peer may learn from."""
    events, features = training_set.interactions, training_set.item_features
    np.savez(
        folder / "train.npz",
        user=events.user,
        item=events.item,
        weight=events.weight,
        timestamp=events.timestamp,
        n_users=training_set.n_users,
        n_items=training_set.n_items,
        n_labels=features.categories.n_features + features.tags.n_features,
        as_of=training_set.as_of,
        threads=threads,
    )
    sp.save_npz(folder / "item_features.npz", tf_idf(features))
    sp.save_npz(folder / "user_attributes.npz", _matrix(training_set.user_features.attributes))


def write_batch(path: Path, users: Sequence[int], requests: Sequence[Request]) -> None:
    """Write some questions: who asks (training rows, −1 unknown), with which past, and what is told of him."""
    histories = [request.history for request in requests]
    np.savez(
        path,
        user=np.array(users, np.int32),
        indptr=_starts([len(history) for history in histories]),
        item=np.concatenate([history.item for history in histories]),
        weight=np.concatenate([history.weight for history in histories]),
        timestamp=np.concatenate([history.timestamp for history in histories]),
        attribute_indptr=_starts([len(request.attributes) for request in requests]),
        attribute=np.concatenate([request.attributes for request in requests]),
    )


def _starts(sizes: Sequence[int]) -> Any:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _matrix(bags: Bags) -> Any:
    ones = np.ones(len(bags.indices), np.float32)
    return sp.csr_matrix((ones, bags.indices, bags.indptr), shape=(len(bags), bags.n_features))

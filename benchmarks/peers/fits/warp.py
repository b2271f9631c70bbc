"""LightFM with the WARP loss: an id, content and attributes, each with a vector; a row is the sum of its vectors.

It has no fold-in: a user of the training keeps the vector of his id whatever he did since. Ids that the training did
not teach are left out of the sum, so that somebody new is his attributes and a new item its content; without even
those the answer is NaN.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from fits.data import Answer, Batch, Csr, Data, strengthened
from lightfm import LightFM


def fit(data: Data, params: dict[str, Any]) -> Answer:
    """Return the fitted peer. `content` scales content and attributes beside the id, which weighs 1; 0 leaves them out.

    `alpha` is the L2 penalty of both sides; `epochs` passes over the likes, weighted by their strength.
    """
    content, alpha, epochs = params.pop("content"), params.pop("alpha"), params.pop("epochs")
    model = LightFM(**params, loss="warp", item_alpha=alpha, user_alpha=alpha, random_state=0)
    likes = strengthened(data.likes(), "log").tocoo()
    ones = sp.coo_matrix((np.ones_like(likes.data), (likes.row, likes.col)), shape=likes.shape)
    likes.data /= likes.data.mean()
    item_parts, user_parts = content * data.item_features, content * _unit_sum(data.user_attributes)
    model.fit(
        ones,
        sample_weight=likes,
        item_features=_with_ids(np.ones(data.n_items), item_parts),
        user_features=_with_ids(np.ones(data.n_users), user_parts),
        epochs=epochs,
        num_threads=data.threads,
    )
    trained = data.is_trained
    taught = np.bincount(likes.row, minlength=data.n_users) > 0
    bias, items = model.get_item_representations(_with_ids(trained.astype(np.float32), item_parts))
    silent = ~trained & (np.diff(item_parts.indptr) == 0 if content else True)

    def answer(batch: Batch) -> np.ndarray:
        known = (batch.user >= 0) & taught[batch.user]
        own = (known.astype(np.float32), (np.arange(len(batch)), batch.user % data.n_users))
        told = content * _unit_sum(batch.attributes)
        ids = sp.csr_matrix(own, shape=(len(batch), data.n_users))
        _, users = model.get_user_representations(sp.hstack([ids, told], format="csr"))
        scores = users @ items.T + bias
        scores[:, silent] = np.nan
        scores[~known & (np.diff(told.indptr) == 0 if content else True)] = np.nan
        return scores

    return answer


def _with_ids(ids: np.ndarray, features: Csr) -> Csr:
    """Return a column per row's own id, weighing `ids`, and the features beside them."""
    return sp.hstack([sp.diags(ids.astype(np.float32)), features], format="csr", dtype=np.float32)


def _unit_sum(attributes: Csr) -> Csr:
    """Return rows that sum to 1 (0 where nothing is told)."""
    sizes = np.maximum(np.diff(attributes.indptr), 1).astype(np.float32)
    return sp.csr_matrix(sp.diags(1 / sizes) @ attributes)

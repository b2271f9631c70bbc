"""RecTools' iALS with features: `ImplicitALSWrapperModel`, features fitted together with the latent factors.

A user's vector is [attributes, latent, answer to item features], an item's [answer to attributes, latent, features];
RecTools solves for all of it in turns and holds the given parts fixed. It knows only users and items of the training
(`recommends_for_warm = False`), and has no fold-in: a new item gets NaN, and a question's user gets what RecTools does
in its own last turn, implicit's solver over the item vectors with the given part put back; without a trained item in
his history he gets NaN.
"""

from typing import Any

import numpy as np
import pandas as pd
from fits.data import Answer, Batch, Csr, Data, strengthened
from implicit.als import AlternatingLeastSquares
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import ImplicitALSWrapperModel


def fit(data: Data, params: dict[str, Any]) -> Answer:
    """Return the fitted peer. `features` most frequent of content and of attributes; `biases` adds a constant to both.

    `strength` is that of `data.strengthened`, the other `params` are implicit's own.
    """
    strength, n_features, biases = params.pop("strength"), params.pop("features"), params.pop("biases")
    own = {"num_threads": data.threads, "random_state": 0, "use_gpu": False}
    told = _frequent(data.user_attributes, n_features)
    users = _flat(data.user_attributes[:, told], Columns.User, biases=biases)
    items = _flat(data.item_features[:, _frequent(data.item_features, n_features)], Columns.Item, biases=biases)
    dataset = Dataset.construct(
        _interactions(strengthened(data.likes(), strength)),
        user_features_df=users,
        cat_user_features=_categories(users),
        item_features_df=items,
        cat_item_features=_categories(items),
    )
    model = ImplicitALSWrapperModel(AlternatingLeastSquares(**params, **own), fit_features_together=True)
    model.fit(dataset)
    _, vectors = model.get_vectors()
    rows = dataset.item_id_map.convert_to_external(np.arange(len(vectors)))
    folder = AlternatingLeastSquares(**params | {"factors": vectors.shape[1]}, **own)
    folder.item_factors = vectors
    columns = _columns(dataset, told)

    def answer(batch: Batch) -> np.ndarray:
        past = strengthened(batch.likes(), strength)[:, rows]
        factors = folder.recalculate_user(np.arange(len(batch)), past)
        given = _given(batch.attributes, columns)
        factors[:, : given.shape[1]] = given
        scores = np.full((len(batch), data.n_items), np.nan, np.float32)
        scores[:, rows] = factors @ vectors.T
        scores[np.diff(past.indptr) == 0] = np.nan
        return scores

    return answer


def _interactions(likes: Csr) -> pd.DataFrame:
    pairs = likes.tocoo()
    return pd.DataFrame(
        {
            Columns.User: pairs.row,
            Columns.Item: pairs.col,
            Columns.Weight: pairs.data,
            Columns.Datetime: pd.Timestamp("2000-01-01"),
        }
    )


def _frequent(features: Csr, n: int) -> np.ndarray:
    """Return the n columns that most rows have; RecTools makes features dense."""
    carriers = np.bincount(features.indices, minlength=features.shape[1])
    return np.argsort(-carriers, kind="stable")[:n]


def _flat(features: Csr, column: str, *, biases: bool) -> pd.DataFrame | None:
    """Return RecTools' long form: (row, "told", column), and (row, "bias", 1) for every row; None for nothing."""
    pairs = features.tocoo()
    told = pd.DataFrame({column: pairs.row, "feature": "told", "value": pairs.col})
    bias = pd.DataFrame({column: np.arange(features.shape[0]), "feature": "bias", "value": 1})
    parts = [part for part in ([told, bias] if biases else [told]) if len(part)]
    return pd.concat(parts) if parts else None


def _categories(features: pd.DataFrame | None) -> list[str]:
    return [] if features is None or not (features["feature"] == "told").any() else ["told"]


def _columns(dataset: Dataset, told: np.ndarray) -> list[int | None]:
    """Return which attribute each given factor of a user is, None for the constant."""
    if dataset.user_features is None:
        return []
    names = dataset.user_features.names
    return [None if name[0] == "bias" else int(told[int(name[1])]) for name in names]


def _given(attributes: Csr, columns: list[int | None]) -> np.ndarray:
    """Return the fixed part of each user's vector, float32 [n, n_given]."""
    dense = attributes.toarray()
    parts = [np.ones(len(dense)) if column is None else dense[:, column] for column in columns]
    return np.stack(parts, axis=1).astype(np.float32) if parts else np.empty((len(dense), 0), np.float32)

"""implicit's Bayesian personalised ranking.

It has no fold-in: a user of the training keeps his vector whatever he did since, anybody else gets NaN.
"""

from typing import Any

import numpy as np
from fits.data import Answer, Batch, Data
from implicit.bpr import BayesianPersonalizedRanking


def fit(data: Data, params: dict[str, Any]) -> Answer:
    """Return the fitted peer; `params` are implicit's own."""
    model = BayesianPersonalizedRanking(**params, num_threads=data.threads, random_state=0, use_gpu=False)
    likes = data.likes()
    model.fit(likes, show_progress=False)
    taught, trained = np.diff(likes.indptr) > 0, data.is_trained

    def answer(batch: Batch) -> np.ndarray:
        scores = model.user_factors[batch.user] @ model.item_factors.T
        scores[:, ~trained] = np.nan
        scores[(batch.user < 0) | ~taught[batch.user]] = np.nan
        return scores

    return answer

"""implicit's alternating least squares.

Every question is answered by `recalculate_user` on its whole history, what came after the training included; a user
without a trained item in it gets NaN, as does an item that nobody likes in training.
"""

from typing import Any

import numpy as np
from fits.data import Answer, Batch, Data, strengthened
from implicit.als import AlternatingLeastSquares


def fit(data: Data, params: dict[str, Any]) -> Answer:
    """Return the fitted peer; `params` are implicit's own, and `strength` of `data.strengthened`."""
    strength = params.pop("strength")
    model = AlternatingLeastSquares(**params, num_threads=data.threads, random_state=0, use_gpu=False)
    model.fit(strengthened(data.likes(), strength), show_progress=False)
    trained = data.is_trained

    def answer(batch: Batch) -> np.ndarray:
        past = strengthened(batch.likes(), strength)
        vectors = model.recalculate_user(np.arange(len(batch)), past)
        scores = vectors @ model.item_factors.T
        scores[:, ~trained] = np.nan
        scores[past @ trained.astype(np.float32) == 0] = np.nan
        return scores

    return answer

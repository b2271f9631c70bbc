"""What several experts are made from, made once: the user-item matrix, its Gram matrix, content features, factors.

Owns the intermediate results of one training and keeps them only as long as it lasts. Decides nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.dataset.training_set import Bools, Floats, TrainingSet
from coldframe.models import content_matrix
from coldframe.models.als import Side, factorise
from coldframe.models.csr import Csr
from coldframe.models.gram import ItemGram, solve
from coldframe.models.neighbours import nearest
from coldframe.settings import Settings

Report = Callable[[str, int, int], None]
"""Called with (step, done, in all)."""


def quiet(step: str, done: int, total: int) -> None:
    """Report nothing."""
    del step, done, total


@dataclass(frozen=True)
class Workshop:
    """One training set with one tree of settings."""

    training_set: TrainingSet
    settings: Settings
    report: Report = quiet

    @cached_property
    def seen(self) -> Csr:
        """How much each user likes each item, 0 … 1, float32 [n_users, n_items]: positive weights summed, capped."""
        liked = self.training_set.interactions.where(self.training_set.interactions.weight > 0)
        shape = (self.training_set.n_users, self.training_set.n_items)
        summed = sp.coo_matrix((liked.weight, (liked.user, liked.item)), shape=shape).tocsr()
        summed.data = np.minimum(summed.data, np.float32(1))
        return summed

    @cached_property
    def counts(self) -> NDArray[np.int32]:
        """Events per item, int32 [n_items]."""
        return np.bincount(self.training_set.interactions.item, minlength=self.training_set.n_items).astype(np.int32)

    @cached_property
    def buyers(self) -> NDArray[np.int64]:
        """Users who like each item, [n_items]."""
        return np.bincount(self.seen.indices, minlength=self.training_set.n_items)

    @cached_property
    def is_warm(self) -> Bools:
        """Which items anybody likes, [n_items]."""
        return self.buyers > 0

    @cached_property
    def gram(self) -> ItemGram:
        """The user-weighted Gram matrix over warm items."""
        return ItemGram.of(self.seen, self.is_warm, self.settings.item_item.user_exponent, self.settings.item_item)

    @cached_property
    def features(self) -> Csr:
        """Content of each item, TF-IDF, rows of about length 1, or 0, float32 [n_items, n_features]."""
        exponent = self.settings.content.length_exponent
        return content_matrix.tf_idf(self.training_set.item_features, length_exponent=exponent)

    @cached_property
    def has_content(self) -> Bools:
        """Which items have a category, a tag or a word, [n_items]."""
        return np.diff(self.features.indptr) > 0

    @cached_property
    def alike(self) -> Csr:
        """Each item's most alike warm items by content, as many as any expert asks, float32 [n_items, n_items]."""
        rule = self.settings.item_item
        return nearest(self.features, self.is_warm, k=max(rule.content_neighbours, rule.regression_neighbours))

    @cached_property
    def item_item(self) -> Any:
        """EASE on likes over item rows, [n_items, n_items], dense or sparse: `fits.item_item.solve`."""
        return solve(self.gram, self.settings.item_item)

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """The factorisation of what users like of warm items: the users' side, and the warm items'."""
        rule = self.settings.collaborative
        return factorise(
            self.seen[:, np.flatnonzero(self.is_warm)],
            dim=rule.factors,
            alpha=rule.alpha,
            regularization=rule.regularization,
            epochs=rule.epochs,
            generator=generator(self.settings.training.seed, "collaborative"),
            progress=lambda done, total: self.report("factorise", done, total),
        )

    @cached_property
    def item_inputs(self) -> Floats:
        """Content and numerics of each item in few columns, float32 [n_items, width]: `content_matrix.condensed`."""
        draw = generator(self.settings.training.seed, "item inputs")
        return content_matrix.condensed(self.features, self.training_set.item_features.numeric, draw)

    @cached_property
    def is_described(self) -> Bools:
        """Which items anything is known of, numerics included, [n_items]."""
        return self.has_content | np.isfinite(self.training_set.item_features.numeric).any(axis=1)

    def user_weights(self, exponent: float) -> Floats:
        """Return d_u^−exponent per user, float32, 0 for users without likes."""
        degree = np.asarray(self.seen.sum(axis=1)).ravel()
        return np.where(degree > 0, np.maximum(degree, 1e-9) ** -exponent, 0).astype(np.float32)

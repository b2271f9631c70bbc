"""A bundle's model made to score items that came since its training; `newcomers` says by what.

Owns the longer arrays. The bundle stays as it is, and its experts are the same objects.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from coldframe.dataset.features import encode_items
from coldframe.dataset.training_set import Bags, ItemFeatures, Vocabulary
from coldframe.domain import Item
from coldframe.scoring.likeness import Likeness
from coldframe.scoring.newcomers import Heir, Newcomers
from coldframe.scoring.served import ServedModel

NEIGHBOURS = 10
"""Known items that a newcomer inherits from: they are asked about at every request."""
POWER = 2.0
"""Likeness counts as its square, as in `item_item.content_power`."""


def likeness_of(model: ServedModel) -> Likeness:
    """Return how new items are compared with those that somebody had when the model was trained."""
    return Likeness(model.item_features, model.item_counts > 0)


def with_newcomers(model: ServedModel, items: Sequence[Item], likeness: Likeness) -> ServedModel:
    """Return a bundle's model that also scores `items`, none of which it knows."""
    if not items:
        return model
    features = encode_items(
        items,
        category_names=model.category_names,
        tag_names=model.item_features.tag_names,
        numeric_names=model.item_features.numeric_names,
        text_buckets=model.item_features.words.n_features,
    )
    newcomers = Newcomers(len(model.items), likeness.nearest(features, k=NEIGHBOURS, power=POWER))
    hybrid = replace(
        model.hybrid,
        experts=tuple(Heir(expert, newcomers) for expert in model.hybrid.experts),
        fitted_counts=np.append(model.hybrid.fitted_counts, np.zeros(len(items), np.int32)),
    )
    names = Vocabulary(model.items.ids + tuple(item.item_id for item in items))
    return replace(model, items=names, item_features=_followed(model.item_features, features), hybrid=hybrid)


def _followed(first: ItemFeatures, then: ItemFeatures) -> ItemFeatures:
    return replace(
        first,
        categories=_both(first.categories, then.categories),
        tags=_both(first.tags, then.tags),
        words=_both(first.words, then.words),
        numeric=np.concatenate([first.numeric, then.numeric]),
        created_at=np.concatenate([first.created_at, then.created_at]),
    )


def _both(first: Bags, then: Bags) -> Bags:
    indptr = np.concatenate([first.indptr, then.indptr[1:] + first.indptr[-1]])
    return Bags(indptr, np.concatenate([first.indices, then.indices]), first.n_features)

"""A bundle's model made to score items that came since its training or were described anew; `newcomers` says by what.

Owns the longer arrays, and what counts as described anew. The bundle stays as it is, and its experts are the same
objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from coldframe.dataset.features import encode_items
from coldframe.dataset.training_set import ItemFeatures, Rows, Vocabulary
from coldframe.domain import Item
from coldframe.pacing import rested
from coldframe.scoring.likeness import Likeness
from coldframe.scoring.newcomers import Heir, Newcomers
from coldframe.scoring.served import ServedModel

NEIGHBOURS = 10
"""Known items that another inherits from: they are asked about at every request."""
POWER = 2.0
"""Likeness counts as its square, as in `item_item.content_power`."""
AT_ONCE = 32
"""Items compared without a pause."""
SAME = 0.8
"""An item whose description is at least so much like the one that was trained on is what it was."""


def likeness_of(model: ServedModel) -> Likeness:
    """Return how items are compared with those that somebody had when the model was trained."""
    return Likeness(model.item_features, model.item_counts > 0)


def described_anew(model: ServedModel, items: Sequence[Item], likeness: Likeness) -> dict[int, Item]:
    """Return those of some items, all known to a model, that are hardly what it was trained on any more, by row."""
    found = dict[int, Item]()
    for start in rested(range(0, len(items), AT_ONCE), 1):
        some = items[start : start + AT_ONCE]
        rows = model.items.rows(item.item_id for item in some)
        alike = likeness.to_itself(_encoded(model, some), rows)
        found |= {int(row): item for row, item, same in zip(rows, some, alike, strict=True) if same < SAME}
    return found


def with_newcomers(
    model: ServedModel, items: Sequence[Item], likeness: Likeness, edited: Mapping[int, Item] | None = None
) -> ServedModel:
    """Return a bundle's model that also scores `items`, none of which it knows, and `edited` ones, by row, as they are
    described now.
    """
    edited = dict(sorted((edited or {}).items()))
    if not items and not edited:
        return model
    rows = np.array([*edited], np.int32)
    features = _encoded(model, [*edited.values(), *items])
    besides = np.append(rows, np.full(len(items), -1, np.int32))
    near = likeness.nearest(features, k=NEIGHBOURS, power=POWER, besides=besides)
    newcomers = Newcomers(len(model.items), near, rows)
    hybrid = replace(
        model.hybrid,
        experts=tuple(Heir(expert, newcomers) for expert in model.hybrid.experts),
        fitted_counts=np.append(model.hybrid.fitted_counts, np.zeros(len(items), np.int32)),
    )
    names = Vocabulary(model.items.ids + tuple(item.item_id for item in items))
    return replace(model, items=names, item_features=_put(model.item_features, features, newcomers.rows), hybrid=hybrid)


def _encoded(model: ServedModel, items: Sequence[Item]) -> ItemFeatures:
    return encode_items(
        items,
        category_names=model.category_names,
        tag_names=model.item_features.tag_names,
        numeric_names=model.item_features.numeric_names,
        text_buckets=model.item_features.words.n_features,
    )


def _put(features: ItemFeatures, others: ItemFeatures, rows: Rows) -> ItemFeatures:
    """Return features with those of others at some rows, which may lie behind them."""
    n_items = max(len(features.created_at), int(rows.max(initial=-1)) + 1)
    numeric = np.full((n_items, features.numeric.shape[1]), np.nan, np.float32)
    created_at = np.empty(n_items, np.int64)
    numeric[: len(features.numeric)], created_at[: len(features.created_at)] = features.numeric, features.created_at
    numeric[rows], created_at[rows] = others.numeric, others.created_at
    return replace(
        features,
        categories=features.categories.put(rows, others.categories, n_items),
        tags=features.tags.put(rows, others.tags, n_items),
        words=features.words.put(rows, others.words, n_items),
        numeric=numeric,
        created_at=created_at,
    )

"""What is known of items and users besides their events, as arrays.

Owns how a description becomes feature rows, both when the names are learned (`fit_…`) and when they are given
(`encode_…`: a new item or user against a trained model). Never uses an id and never fits a model.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from coldframe.dataset.attributes import attribute_names, told
from coldframe.dataset.training_set import Bags, Floats, ItemFeatures, Times, UserFeatures, Vocabulary, micros
from coldframe.dataset.words import hashed_words
from coldframe.domain import Item, User


def fit_item_features(items: Sequence[Item], *, text_buckets: int) -> ItemFeatures:
    """Return the features of items, row i for `items[i]`, with the names found in them in order of the alphabet."""
    return encode_items(
        items,
        category_names=_names(item.categories for item in items),
        tag_names=_names(item.tags for item in items),
        numeric_names=_names(item.numeric for item in items),
        text_buckets=text_buckets,
    )


def encode_items(
    items: Sequence[Item],
    *,
    category_names: Sequence[str],
    tag_names: Sequence[str],
    numeric_names: Sequence[str],
    text_buckets: int,
) -> ItemFeatures:
    """Return the features of items over given names, row i for `items[i]`.

    A category, tag or numeric that the names lack is left out; a numeric that is missing, not finite or beyond
    float32 is NaN. Words are those of title and text.

    >>> mug = Item(item_id="new", title="Red mug", categories=("cups", "unheard of"), numeric={"price": 4.5})
    >>> names = {"category_names": ("cups", "plates"), "tag_names": (), "numeric_names": ("price", "height")}
    >>> features = encode_items([mug], **names, text_buckets=1024)
    >>> features.categories.row(0).tolist(), features.words.row(0).tolist(), features.numeric.tolist()
    ([0], [41, 911], [[4.5, nan]])
    """
    return ItemFeatures(
        categories=_bags([item.categories for item in items], category_names),
        tags=_bags([item.tags for item in items], tag_names),
        words=hashed_words([f"{item.title or ''} {item.text or ''}" for item in items], text_buckets),
        numeric=_numeric(items, Vocabulary(tuple(numeric_names))),
        created_at=_times(item.created_at for item in items),
        category_names=tuple(category_names),
        tag_names=tuple(tag_names),
        numeric_names=tuple(numeric_names),
    )


def fit_user_features(users: Sequence[User]) -> UserFeatures:
    """Return the features of users, row i for `users[i]`, with the attribute names found in them."""
    return encode_users(users, attribute_names=attribute_names(user.attributes for user in users))


def encode_users(users: Sequence[User], *, attribute_names: Sequence[str]) -> UserFeatures:
    """Return the features of users over given attribute names (`name=value`), row i for `users[i]`.

    >>> ann = User(user_id="new", attributes={"country": "France", "age": 37.0})
    >>> encode_users([ann], attribute_names=("age=30..40", "country=France")).attributes.row(0).tolist()
    [0, 1]
    """
    names = Vocabulary(tuple(attribute_names))
    return UserFeatures(
        attributes=_bags(
            [told(each, names.row_of) if (each := user.attributes) else () for user in users], attribute_names
        ),
        signed_up_at=_times(user.signed_up_at for user in users),
        attribute_names=names.ids,
    )


def _names(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for group in groups for name in group}))


def _bags(groups: Sequence[Iterable[str]], names: Sequence[str]) -> Bags:
    row_of = Vocabulary(tuple(names)).row_of
    pairs = [(row, row_of[name]) for row, group in enumerate(groups) for name in group if name in row_of]
    rows, features = np.array(pairs, np.int64).reshape(-1, 2).T
    return Bags.of(rows, features, n_rows=len(groups), n_features=len(names))


def _numeric(items: Sequence[Item], names: Vocabulary) -> Floats:
    values = np.full((len(items), len(names)), np.nan)
    for row, item in enumerate(items):
        for name, value in item.numeric.items():
            if name in names.row_of:
                values[row, names.row_of[name]] = value
    limit = float(np.finfo(np.float32).max)
    return np.where(np.abs(values) <= limit, values, np.nan).astype(np.float32)


def _times(moments: Iterable[datetime | None]) -> Times:
    return np.array([micros(moment) for moment in moments], np.int64)

"""What a list is besides right: varied, spread over the catalogue, not only the best-known items.

Owns coverage, concentration, tail share and category diversity. Never looks at what a user wanted.

Shapes, everywhere: `ranked` is int32 [n_requests, length], item rows best first, −1 where there is no (known) item;
only the first `k` positions count, all of them when `k` is None.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coldframe.dataset.training_set import Bags, Rows
from coldframe.errors import InputError
from coldframe.metrics.interval import Doubles, Totals


def exposure(ranked: Rows, n_items: int, k: int | None = None) -> NDArray[np.int64]:
    """Return how many positions each item got, int64 [n_items]. Raises `InputError` for a row ≥ n_items.

    >>> exposure(np.array([[0, 1], [0, -1]], np.int32), n_items=3).tolist()
    [2, 1, 0]
    """
    shown = ranked[:, :k]
    shown = shown[shown >= 0]
    if shown.size and int(shown.max()) >= n_items:
        raise InputError(f"Item row {int(shown.max())} is not below n_items = {n_items}.", remedy="Pass all items.")
    return np.bincount(shown, minlength=n_items)


def catalogue_coverage(ranked: Rows, n_items: int, k: int | None = None) -> float:
    """Return the share of the catalogue that is on at least one list: distinct items / n_items; NaN without items.

    >>> catalogue_coverage(np.array([[0, 1], [0, 2]], np.int32), n_items=4)
    0.75
    """
    return coverage(exposure(ranked, n_items, k))


def coverage(counts: Totals) -> float:
    """Return the share of counts above 0; NaN for no counts.

    >>> coverage(np.array([2, 0, 1, 1]))
    0.75
    """
    return float((counts > 0).mean()) if len(counts) else float("nan")


def exposure_gini(ranked: Rows, n_items: int, k: int | None = None) -> float:
    """Return the Gini coefficient of exposure over the whole catalogue, items never shown included.

    0: every item shown equally often; (n − 1) / n: one item has it all; NaN when nothing was shown.

    >>> exposure_gini(np.array([[3, 2], [3, -1], [3, -1]], np.int32), n_items=4)
    0.625
    """
    return gini(exposure(ranked, n_items, k))


def gini(counts: Totals) -> float:
    """Return the Gini coefficient of non-negative counts x: Σ (2i − n − 1) xᵢ / (n Σ xᵢ), x ascending, i = 1 … n.

    0, 0, 1, 3: (−3·0 − 1·0 + 1·1 + 3·3) / (4 · 4) = 0.625. NaN when all are 0.

    >>> gini(np.array([3, 0, 1, 0]))
    0.625
    """
    n, total = len(counts), float(counts.sum())
    if total == 0:
        return float("nan")
    return float(np.arange(1 - n, n, 2) @ np.sort(counts)) / (n * total)


def tail_share(ranked: Rows, popularity: ArrayLike, k: int | None = None, *, head: float = 0.2) -> Doubles:
    """Return, per list, the share of its items outside the head of the catalogue; NaN for an empty list.

    The head are the ⌈head · n_items⌉ items with the largest `popularity` [n_items] and all that tie with the last of
    them. With the popularities 9, 5, 1, 1, 1 and head 0.2 only the first item is head.

    >>> tail_share(np.array([[0, 1], [2, -1]], np.int32), [9, 5, 1, 1, 1]).tolist()
    [0.5, 1.0]
    """
    counts = np.asarray(popularity, dtype=np.float64)
    if not 0 < head <= 1:
        raise InputError(f"The head cannot be {head} of the catalogue.", remedy="Pass a share above 0, at most 1.")
    shown = ranked[:, :k]
    if len(counts) == 0:
        return np.full(len(shown), np.nan)
    threshold = np.sort(counts)[-int(np.ceil(head * len(counts)))]
    tail = (counts < threshold)[shown] & (shown >= 0)
    return _ratio(tail.sum(axis=1), (shown >= 0).sum(axis=1))


def category_diversity(ranked: Rows, categories: Bags, k: int = 10) -> Doubles:
    """Return, per list, the seed article's score: distinct categories in the first k ÷ all categories.

    `categories` holds the categories of each item; `n_features` of it is "all". An item without a category counts as
    no category (the article counted "none" as one). With more than k categories the score cannot reach 1: see
    `normalised_category_diversity`. NaN for an empty list or without any category.

    Items of categories 0, 0, 1 of 4: 2 / 4.

    >>> bags = Bags(np.array([0, 1, 2, 3]), np.array([0, 0, 1], np.int32), n_features=4)
    >>> category_diversity(np.array([[0, 1, 2]], np.int32), bags).tolist()
    [0.5]
    """
    return _diversity(ranked, categories, k, categories.n_features)


def normalised_category_diversity(ranked: Rows, categories: Bags, k: int = 10) -> Doubles:
    """Return, per list, distinct categories in the first k ÷ min(k, all categories), at most 1.

    1 says "as varied as k items of one category each can be", however many categories there are. Items with several
    categories could exceed that, hence the bound. NaN as in `category_diversity`.

    >>> bags = Bags(np.array([0, 1, 2, 3]), np.array([0, 0, 1], np.int32), n_features=40)
    >>> normalised_category_diversity(np.array([[0, 1, 2]], np.int32), bags, k=10).tolist()
    [0.2]
    """
    return np.minimum(_diversity(ranked, categories, k, min(k, categories.n_features)), 1.0)


def top_share(ranked: Rows, categories: Bags, k: int | None = None, *, top: int = 2) -> float:
    """Return the share of all positions that the `top` most shown categories hold; NaN when nothing was shown.

    The article's alarm: "80 % of recommendations from two categories when you have 15". See `category_exposure` for
    items with several categories or none.

    >>> bags = Bags(np.array([0, 1, 2, 3, 3]), np.array([0, 1, 2], np.int32), n_features=3)
    >>> round(top_share(np.array([[0, 1], [0, 2], [0, 3]], np.int32), bags), 4)
    0.6667
    """
    return concentration(category_exposure(ranked, categories, k), top=top)


def category_exposure(ranked: Rows, categories: Bags, k: int | None = None) -> Doubles:
    """Return how many positions each category got, float64 [n_categories + 1], the last: items without a category.

    A position of an item with several categories is split evenly among them, so that everything adds up to the
    number of positions.

    >>> bags = Bags(np.array([0, 2, 2]), np.array([0, 1], np.int32), n_features=2)
    >>> category_exposure(np.array([[0, 1], [0, -1]], np.int32), bags).tolist()
    [1.0, 1.0, 1.0]
    """
    shown = ranked[:, :k]
    _, category, share = _slots(shown, categories)
    held = np.bincount(category, share, categories.n_features)
    bare = np.diff(categories.indptr)[shown[shown >= 0]] == 0
    return np.append(held, float(bare.sum()))


def concentration(held: Totals, *, top: int = 2) -> float:
    """Return what the `top` largest categories of a `category_exposure` have of all positions; NaN of none.

    >>> concentration(np.array([5.0, 1.0, 3.0, 1.0]))
    0.8
    """
    total = float(held.sum())
    return float(np.sort(held[:-1])[::-1][:top].sum()) / total if total > 0 else float("nan")


def _diversity(ranked: Rows, categories: Bags, k: int, denominator: int) -> Doubles:
    shown = ranked[:, :k]
    request, category, _ = _slots(shown, categories)
    pairs = np.unique(request * max(1, categories.n_features) + category)
    distinct = np.bincount(pairs // max(1, categories.n_features), minlength=len(shown))
    empty = ~(shown >= 0).any(axis=1)
    return np.where(empty, np.nan, _ratio(distinct, np.full(len(shown), denominator)))


def _slots(shown: Rows, categories: Bags) -> tuple[NDArray[np.int64], NDArray[np.int64], Doubles]:
    """Return one entry per (position, category of its item): list, category and 1 / categories of the item."""
    request, position = np.nonzero(shown >= 0)
    item = shown[request, position]
    sizes = np.diff(categories.indptr)[item]
    ends = np.cumsum(sizes)
    offset = np.arange(int(sizes.sum())) - np.repeat(ends - sizes, sizes)
    category = categories.indices[np.repeat(categories.indptr[item], sizes) + offset]
    return np.repeat(request, sizes), category.astype(np.int64), np.repeat(1.0 / np.maximum(sizes, 1), sizes)


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> Doubles:
    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), np.nan)

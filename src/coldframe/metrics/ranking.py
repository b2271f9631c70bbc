"""How good an ordered list is, one value per request first; averaging is `bootstrap.bootstrap_mean`.

Owns the definitions of NDCG, recall, precision, hit rate, reciprocal rank and average precision. Never ranks anything
and never averages.

Shapes, everywhere: `ranked` is int32 [n_requests, length], item rows best first, −1 where a list is shorter;
`relevant` is one set of item rows per request; a result is float64 [n_requests], NaN where nothing is relevant.
An item that a list repeats counts at its first position only. `k` is at most `length`.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bools, Rows
from coldframe.errors import InputError
from coldframe.metrics.interval import Doubles


class Ragged(NamedTuple):
    """Sets of item rows, one after the other: request i has `items[indptr[i]:indptr[i + 1]]`."""

    indptr: NDArray[np.int64]
    items: Rows


Relevant = Ragged | Sequence[Sequence[int] | NDArray[np.integer]]
"""The relevant items of each request, as one ragged array or as a sequence of arrays."""


class _Judged(NamedTuple):
    """Which positions are right [n_requests, length] and how many items are relevant [n_requests] (NaN for none)."""

    hits: Bools
    n_relevant: Doubles


def hits(ranked: Rows, relevant: Relevant) -> Bools:
    """Return whether each position holds a relevant item, as a mask shaped like `ranked`.

    >>> hits(np.array([[4, 2, 7], [1, 0, -1]], np.int32), [[7, 4], []]).tolist()
    [[True, False, True], [False, False, False]]
    """
    return _judge(ranked, relevant).hits


def ndcg_at_k(ranked: Rows, relevant: Relevant, k: int) -> Doubles:
    """Return the normalised discounted cumulative gain of the first k, binary gains (Järvelin & Kekäläinen 2002).

    DCG = Σ hit(i) / log2(i + 1) over positions i = 1 … k, divided by the DCG of a perfect list: ones at the first
    min(k, n_relevant) positions.

    Hit at position 2 of 2, two relevant: (1 / log2 3) / (1 + 1 / log2 3) = 0.6309 / 1.6309 = 0.3869.

    >>> ndcg_at_k(np.array([[5, 1]], np.int32), [[1, 2]], k=2).round(4).tolist()
    [0.3869]
    """
    return _ndcg(_judge(ranked, relevant), k)


def recall_at_k(ranked: Rows, relevant: Relevant, k: int) -> Doubles:
    """Return the share of the relevant items that the first k hold: hits / n_relevant.

    It cannot reach 1 where more than k items are relevant.

    >>> recall_at_k(np.array([[5, 1, 2]], np.int32), [[1, 2, 3]], k=2).round(4).tolist()
    [0.3333]
    """
    return _recall(_judge(ranked, relevant), k)


def precision_at_k(ranked: Rows, relevant: Relevant, k: int) -> Doubles:
    """Return the share of the first k positions that are right: hits / k, also where a list is shorter than k.

    >>> precision_at_k(np.array([[5, 1, -1, -1]], np.int32), [[1, 2]], k=4).tolist()
    [0.25]
    """
    return _precision(_judge(ranked, relevant), k)


def hit_rate_at_k(ranked: Rows, relevant: Relevant, k: int) -> Doubles:
    """Return 1 where at least one of the first k is relevant, else 0.

    >>> hit_rate_at_k(np.array([[5, 1], [5, 6]], np.int32), [[1], [1]], k=2).tolist()
    [1.0, 0.0]
    """
    return _hit_rate(_judge(ranked, relevant), k)


def mrr_at_k(ranked: Rows, relevant: Relevant, k: int) -> Doubles:
    """Return the reciprocal rank of the first relevant item among the first k, 0 where there is none.

    >>> mrr_at_k(np.array([[5, 6, 1]], np.int32), [[1]], k=3).round(4).tolist()
    [0.3333]
    """
    return _mrr(_judge(ranked, relevant), k)


def average_precision_at_k(ranked: Rows, relevant: Relevant, k: int) -> Doubles:
    """Return the mean, over the min(k, n_relevant) best possible hits, of the precision at each hit; a miss adds 0.

    Hits at positions 1 and 3 of 3, two relevant: (1/1 + 2/3) / 2 = 0.8333.

    >>> average_precision_at_k(np.array([[1, 5, 2]], np.int32), [[1, 2]], k=3).round(4).tolist()
    [0.8333]
    """
    return _average_precision(_judge(ranked, relevant), k)


def per_request(
    ranked: Rows, relevant: Relevant, *, metrics: Sequence[str] = ("ndcg", "recall"), ks: Sequence[int] = (10, 20)
) -> dict[str, Doubles]:
    """Return several metrics at several cut-offs as `{"ndcg@10": values, …}`, looking every item up once.

    Names: ndcg, recall, precision, hit_rate, mrr, map. Raises `InputError` for another.

    >>> values = per_request(np.array([[5, 1]], np.int32), [[1]], metrics=["hit_rate", "mrr"], ks=[1, 2])
    >>> {name: value.tolist() for name, value in values.items()}
    {'hit_rate@1': [0.0], 'hit_rate@2': [1.0], 'mrr@1': [0.0], 'mrr@2': [0.5]}
    """
    unknown = sorted(set(metrics) - set(_METRICS))
    if unknown:
        raise InputError(f"No such metric: {', '.join(unknown)}.", remedy=f"Known: {', '.join(_METRICS)}.")
    judged = _judge(ranked, relevant)
    return {f"{name}@{k}": _METRICS[name](judged, k) for name in metrics for k in ks}


def _judge(ranked: Rows, relevant: Relevant) -> _Judged:
    if ranked.ndim != 2:
        raise InputError(f"ranked has {ranked.ndim} dimensions.", remedy="Pass [n_requests, length].")
    request, items = _flat(relevant)
    n_requests = len(ranked)
    if request.n != n_requests:
        raise InputError(
            f"There are {n_requests} lists and {request.n} relevant sets.", remedy="Pass one set per request."
        )
    stride = 1 + max(int(items.max(initial=0)), int(ranked.max(initial=0)))
    wanted = np.unique(request.of_item * stride + items)
    keys = np.arange(n_requests)[:, None] * stride + ranked
    found = _member(keys, wanted) & (ranked >= 0)
    n_relevant = np.bincount(wanted // stride, minlength=n_requests).astype(np.float64)
    n_relevant[n_relevant == 0] = np.nan
    return _Judged(_first_only(found, keys), n_relevant)


class _Owner(NamedTuple):
    """How many requests there are and to which each relevant item belongs."""

    n: int
    of_item: NDArray[np.int64]


def _flat(relevant: Relevant) -> tuple[_Owner, NDArray[np.int64]]:
    if isinstance(relevant, Ragged):
        sizes, items = np.diff(relevant.indptr), relevant.items.astype(np.int64)
    else:
        sizes = np.array([len(one) for one in relevant], dtype=np.int64)
        parts = [np.asarray(one, dtype=np.int64) for one in relevant]
        items = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if items.min(initial=0) < 0:
        raise InputError("A relevant item has a negative row.", remedy="Drop or map the items nobody knows first.")
    return _Owner(len(sizes), np.repeat(np.arange(len(sizes)), sizes)), items


def _member(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> Bools:
    if len(wanted) == 0:
        return np.zeros(keys.shape, dtype=np.bool_)
    place = np.searchsorted(wanted, keys).clip(max=len(wanted) - 1)
    return wanted[place] == keys


def _first_only(found: Bools, keys: NDArray[np.int64]) -> Bools:
    """Keep each hit at its first position: a list that repeats an item earns it once."""
    flat = np.flatnonzero(found)
    _, first = np.unique(keys.ravel()[flat], return_index=True)
    kept = np.zeros(found.size, dtype=np.bool_)
    kept[flat[first]] = True
    return kept.reshape(found.shape)


def _first(judged: _Judged, k: int) -> Bools:
    length = judged.hits.shape[1]
    if not 1 <= k <= length:
        raise InputError(
            f"k = {k}, but the lists have {length} positions.", remedy="Rank at least k items, pad with −1."
        )
    return judged.hits[:, :k]


def _defined(values: Doubles, judged: _Judged) -> Doubles:
    return np.where(np.isnan(judged.n_relevant), np.nan, values)


def _ndcg(judged: _Judged, k: int) -> Doubles:
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    best = np.nan_to_num(judged.n_relevant).clip(max=k).astype(np.int64)
    return (_first(judged, k) @ discount) / ideal[best]


def _recall(judged: _Judged, k: int) -> Doubles:
    return _first(judged, k).sum(axis=1) / judged.n_relevant


def _precision(judged: _Judged, k: int) -> Doubles:
    return _defined(_first(judged, k).sum(axis=1) / k, judged)


def _hit_rate(judged: _Judged, k: int) -> Doubles:
    return _defined(np.minimum(_first(judged, k).sum(axis=1), 1.0), judged)


def _mrr(judged: _Judged, k: int) -> Doubles:
    first = _first(judged, k)
    reciprocal: Doubles = first * (1.0 / np.arange(1, k + 1))
    return _defined(reciprocal.max(axis=1, initial=0.0), judged)


def _average_precision(judged: _Judged, k: int) -> Doubles:
    first = _first(judged, k)
    precision = np.cumsum(first, axis=1) / np.arange(1, k + 1)
    return (precision * first).sum(axis=1) / np.minimum(judged.n_relevant, k)


_METRICS: MappingProxyType[str, Callable[[_Judged, int], Doubles]] = MappingProxyType(
    {
        "ndcg": _ndcg,
        "recall": _recall,
        "precision": _precision,
        "hit_rate": _hit_rate,
        "mrr": _mrr,
        "map": _average_precision,
    }
)

"""Which peers there are, and which settings of each are tried.

Owns the search space. The first of each list is the library's own default or what its documentation recommends.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

Params = dict[str, Any]

TRIES = 12
"""Settings drawn from each grid, the first one included."""

_ALS = {
    "factors": [100, 32, 64, 128, 256],
    "regularization": [0.01, 0.1, 1.0, 10.0, 60.0],
    "alpha": [1.0, 5.0, 20.0, 40.0],
    "iterations": [15],
    "strength": ["capped", "log"],
}
GRIDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "implicit-als": _ALS,
    "implicit-bpr": {
        "factors": [100, 32, 64],
        "learning_rate": [0.01, 0.05, 0.1],
        "regularization": [0.01, 0.001, 0.05],
        "iterations": [100, 300],
    },
    "lightfm": {
        "no_components": [64, 32, 128],
        "epochs": [30, 10, 60],
        "learning_rate": [0.05, 0.02],
        "alpha": [1e-6, 0.0, 1e-5],
        "max_sampled": [10, 30],
        "content": [1.0, 0.3, 0.0],
    },
    "rectools-ials": _ALS | {"features": [128, 32, 0], "biases": [True, False], "factors": [64, 32, 128]},
}
"""Peer → parameter → values; `content` and `features` of 0 mean none, so that content is used only where it helps."""

_BASE = ["collaborative", "item_based", "popular"]
_CONTENT = ["collaborative", "item_based", "content_fallback", "popular"]
_FUSED = {"collaborative": 1.0, "item_based": 1.0, "content_fallback": 0.3, "popular": 0.3}
_CURVES = [
    {"models": models, "blending": {"enabled": True, **curve}}
    for models in (_BASE, _CONTENT)
    for curve in (
        {"curve": "sigmoid"},
        {"curve": "sigmoid", "midpoint": 2.0},
        {"curve": "sigmoid", "midpoint": 10.0, "steepness": 0.5},
        {"curve": "linear"},
        {"curve": "linear", "saturate_at": 3.0},
    )
]
RECIPES: Mapping[str, Sequence[Params]] = {
    "cicerone": [
        {"models": _BASE},
        {"models": _BASE, "half_life_days": 3650.0},
        {"models": _CONTENT},
        {"models": ["item_based", "collaborative", "popular"]},
        {"models": ["item_based", "popular"]},
        {"models": _BASE, "weights": {name: _FUSED[name] for name in _BASE}},
        {"models": _CONTENT, "weights": _FUSED},
        *_CURVES[:5],
    ],
    "cicerone-curve": _CURVES,
}
"""Peer → whole recipes, tried in this order.

Cicerone's `als` fails where a thing of the catalogue has no event yet (it is asked about things that it has no vector
for), and its `ease` is dense in items: neither is tried.
"""

PEERS = (*GRIDS, *RECIPES)


def tries(peer: str, seed: int) -> list[Params]:
    """Return the settings to try, the default first: all of a list of recipes, or a seeded draw from a grid.

    >>> len(tries("lightfm", 0)), tries("lightfm", 0)[0]["no_components"]
    (12, 64)
    """
    if peer in RECIPES:
        return list(RECIPES[peer])
    grid = GRIDS[peer]
    everything = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    drawn = np.random.default_rng(seed).permutation(np.arange(1, len(everything)))[: TRIES - 1]
    return [everything[0], *(everything[place] for place in drawn)]

"""Boosted trees for the mixer: LightGBM grows them, plain arrays score them.

LambdaRank (Burges 2010) over each request's candidates. Owns the growing and the translation to `scoring.mixing.Trees`.
"""

from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from coldframe.clock import generator
from coldframe.models.drawn import Candidates
from coldframe.scoring.mixing import Trees
from coldframe.settings import TrainingSettings

ROUNDS = 120
PATIENCE = 10


class Columns(NamedTuple):
    """Lessons as LightGBM takes them."""

    values: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def grow_trees(
    train: Candidates, check: Candidates | None, settings: TrainingSettings, *, rounds: int = ROUNDS
) -> tuple[Trees, int]:
    """Return the trees that are best on the whole lists of `check`, and how many rounds that took.

    Without `check` they are grown for `rounds` rounds.
    """
    learn = _columns(train, *train.thinned(generator(settings.seed, "trees")))
    rules = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "learning_rate": 0.1,
        "num_leaves": 15,
        "max_bin": 63,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "lambdarank_truncation_level": 20,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": settings.threads,
        "seed": settings.seed % 2**31,
        "verbosity": -1,
    }
    learning = lightgbm.Dataset(learn.values, learn.labels, group=learn.groups)
    watched: dict[str, Any] = {}
    if check is not None:
        watch = _columns(check, slice(None), np.diff(check.starts))
        watching = lightgbm.Dataset(watch.values, watch.labels, group=watch.groups, reference=learning)
        watched = {"valid_sets": [watching], "callbacks": [lightgbm.early_stopping(PATIENCE, verbose=False)]}
    booster = lightgbm.train(rules, learning, num_boost_round=rounds, **watched)
    best = booster.best_iteration or booster.current_iteration()
    return as_arrays(booster.dump_model(num_iteration=best)), best


def as_arrays(model: dict[str, Any]) -> Trees:
    """Return a dumped LightGBM model as flat nodes."""
    nodes: list[tuple[int, float, int, int, float]] = []
    depths: list[int] = [1]

    def add(node: dict[str, Any], depth: int) -> int:
        place = len(nodes)
        depths.append(depth)
        if "leaf_value" in node:
            nodes.append((0, 0.0, place, place, float(node["leaf_value"])))
            return place
        nodes.append((0, 0.0, 0, 0, 0.0))
        left, right = add(node["left_child"], depth + 1), add(node["right_child"], depth + 1)
        nodes[place] = (int(node["split_feature"]), float(node["threshold"]), left, right, 0.0)
        return place

    roots = [add(tree["tree_structure"], 0) for tree in model["tree_info"]]
    feature, threshold, left, right, value = (np.array(column) for column in zip(*nodes, strict=True))
    return Trees(
        roots=np.array(roots, np.int32),
        feature=feature.astype(np.int32),
        threshold=threshold.astype(np.float64),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        value=value.astype(np.float64),
        depth=max(depths),
    )


def _columns(lessons: Candidates, rows: NDArray[np.int64] | slice, groups: NDArray[np.int64]) -> Columns:
    values = np.concatenate([lessons.features[rows], lessons.context[rows]], axis=1)
    return Columns(values, lessons.is_right[rows].astype(np.int32), groups)

"""Likes that trainers are timed on: a made world with planted tastes, and gowalla. Each with a tenth held out.

Owns the worlds, their split and the recall of factors on it. Trains nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from datasets import DATA

SIZES = {"small": (100_000, 10_000, 2_000_000), "full": (500_000, 50_000, 19_500_000)}
"""Users, items and events that are drawn, of which about three quarters are pairs drawn for the first time."""

HELD_OUT = 0.1
ASKED = 5_000
"""Users whose held-out items are looked for."""

TASTES, NOISE, SEED = 4, 0.15, 20_261_126


@dataclass(frozen=True)
class Likes:
    """What is trained on and what is held out, weights 1, both float32 [n_users, n_items]."""

    name: str
    train: Any
    held_out: Any


def generated(size: str) -> Likes:
    """Draw a world: clusters of about 100 items, items by Zipf, users by a lognormal, four tastes each, 15 % noise."""
    n_users, n_items, events = SIZES[size]
    draw = np.random.default_rng(SEED)
    activity = draw.lognormal(0, 0.9, n_users)
    user = np.repeat(np.arange(n_users), draw.poisson(activity * events / activity.sum()))
    reach = np.concatenate([[0], np.cumsum(1 / (draw.permutation(n_items) + 10.0) ** 0.8)])
    bounds = reach[np.linspace(0, n_items, n_items // 100 + 1).astype(np.int64)]
    tastes = draw.integers(0, len(bounds) - 1, (n_users, TASTES))
    shares = draw.dirichlet(np.ones(TASTES), n_users).cumsum(axis=1)[:, :-1].astype(np.float32)
    taste = tastes[user, (draw.random(len(user), np.float32)[:, None] > shares[user]).sum(axis=1)]
    place = bounds[taste] + draw.random(len(user)) * (bounds[taste + 1] - bounds[taste])
    place = np.where(draw.random(len(user)) < NOISE, draw.random(len(user)) * reach[-1], place)
    item = np.minimum(np.searchsorted(reach, place, side="right") - 1, n_items - 1)
    return _split(f"generated ({size})", user, item)


def gowalla() -> Likes | None:
    """Return gowalla's published files together; None where they are not."""
    files = [DATA / "gowalla" / f"{part}.parquet" for part in ("train", "test")]
    if not all(file.exists() for file in files):
        return None
    pairs = pl.concat([pl.read_parquet(file, columns=["user_id", "item_id"]) for file in files])
    user, item = (pairs[name].cast(pl.String).rank("dense").to_numpy() - 1 for name in ("user_id", "item_id"))
    return _split("gowalla", user.astype(np.int64), item.astype(np.int64))


def _split(name: str, user: Any, item: Any) -> Likes:
    shape = (int(user.max()) + 1, int(item.max()) + 1)
    pair = np.unique(user * np.int64(shape[1]) + item)
    held = np.random.default_rng(SEED).random(len(pair)) < HELD_OUT
    parts = (
        sp.csr_matrix((np.ones(len(part), np.float32), (part // shape[1], part % shape[1])), shape=shape)
        for part in (pair[~held], pair[held])
    )
    return Likes(name, *parts)


def recall_at_20(likes: Likes, users: Any, items: Any, bias: Any) -> float:
    """Return the mean share of a user's held-out items among his 20 best of what he has not seen.

    Scores are users @ items.T + `bias`; asked are 5,000 users with something held out, always the same.
    """
    able = np.flatnonzero(np.diff(likes.held_out.indptr))
    asked = np.sort(np.random.default_rng(SEED).choice(able, min(ASKED, len(able)), replace=False))
    shares = []
    for part in np.array_split(asked, -(-len(asked) // 500)):
        scores = users[part] @ items.T + bias
        seen = likes.train[part].tocoo()
        scores[seen.row, seen.col] = -np.inf
        best = np.argpartition(-scores, 20, axis=1)[:, :20]
        for row, found in zip(part, best, strict=True):
            wanted = likes.held_out.indices[likes.held_out.indptr[row] : likes.held_out.indptr[row + 1]]
            shares.append(np.isin(wanted, found).mean())
    return float(np.mean(shares))

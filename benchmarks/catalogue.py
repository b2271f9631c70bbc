"""A large catalogue with a trained model's arrays, made: what a server and its peers are timed on.

Vectors have a decaying spectrum: direction j of 128 has a variance of 1 ÷ j, turned at random, and lengths are
log-normal. Users' tastes are drawn alike, and they took what suits them best of some thousands. Three experts:
factorisation with biases, content, popularity; the form is a fixed blend of their raw scores, so that anybody can
compute the same over all items.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from coldframe.bundle.registry import Registry
from coldframe.dataset.training_set import DAY_US, Bags, ItemFeatures, Vocabulary
from coldframe.scoring.experts import Collaborative, Content, Popularity
from coldframe.scoring.hybrid import Hybrid, Retriever
from coldframe.scoring.mixing import Blend, Calibration
from coldframe.scoring.packing import NULLABLE, pack
from coldframe.scoring.profile import Recall
from coldframe.scoring.served import ServedModel
from coldframe.settings import Settings
from coldframe.store.importing import import_frame
from coldframe.store.sqlite import SQLiteStore

DIM, N_USERS, SEEN = 128, 500, 100
WEIGHTS = (1.0, 0.6, 0.4)
"""Of collaborative, content and popularity in the blend, on calibrated scores."""


@dataclass(frozen=True)
class Catalogue:
    """Arrays of a model and of users: `users` [N_USERS, dim] twice and `seen` int32 [N_USERS, SEEN] for the peers."""

    collaborative: np.ndarray
    bias: np.ndarray
    content: np.ndarray
    popularity: np.ndarray
    seen: np.ndarray

    @property
    def n_items(self) -> int:
        """Rows."""
        return len(self.bias)


def made(n_items: int, *, seed: int = 1, decay: float = 0.5) -> Catalogue:
    """Return a catalogue of float32 arrays; direction j has deviation j ** −decay, 0 for isotropic vectors."""
    draw = np.random.default_rng(seed)
    axes = np.linalg.qr(draw.standard_normal((DIM, DIM)))[0].astype(np.float32)
    lengths = np.exp(0.3 * draw.standard_normal(n_items, dtype=np.float32))[:, None]
    content = turned(draw, axes, n_items, decay)
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    popularity = np.log1p(1e5 / (1 + draw.permutation(n_items))).astype(np.float32)
    collaborative = np.float32(0.1) * turned(draw, axes, n_items, decay) * lengths
    return Catalogue(
        collaborative,
        np.float32(0.02) * popularity,
        content,
        popularity,
        np.stack([_liked(draw, collaborative, taste) for taste in turned(draw, axes, N_USERS, decay)]),
    )


def _liked(draw: np.random.Generator, vectors: np.ndarray, taste: np.ndarray) -> np.ndarray:
    """Return the rows that somebody of this taste took, of 4,000 he came upon."""
    met = draw.choice(len(vectors), min(4_000, len(vectors)), replace=False)
    best = np.argpartition(-(vectors[met] @ taste), SEEN)[:SEEN]
    return np.sort(met[best]).astype(np.int32)


def turned(draw: np.random.Generator, axes: np.ndarray, n: int, decay: float) -> np.ndarray:
    """Return vectors float32 [n, DIM] with a decaying spectrum along axes."""
    deviation = np.arange(1, DIM + 1, dtype=np.float32) ** np.float32(-decay)
    return np.ascontiguousarray((draw.standard_normal((n, DIM), dtype=np.float32) * deviation) @ axes)


def model_of(catalogue: Catalogue, as_of: int) -> ServedModel:
    """Return the model that serves a catalogue."""
    n, everything = catalogue.n_items, np.ones(catalogue.n_items, np.bool_)
    vectors = catalogue.collaborative
    experts = (
        Collaborative(
            name="collaborative",
            family="collaborative",
            vectors=vectors,
            bias=catalogue.bias,
            gram=vectors.T @ vectors,
            pull=vectors.T @ catalogue.bias,
            can_score=everything,
            alpha=40.0,
            regularization=0.001,
            recall=Recall(),
        ),
        Content("content", "content", catalogue.content, np.zeros((0, DIM), np.float32), 1.0, everything, Recall()),
        Popularity("popular-ever", "popular", catalogue.popularity),
    )
    counts = np.expm1(catalogue.popularity).astype(np.int32)
    nothing = Bags.empty(n)
    features = ItemFeatures(nothing, nothing, nothing, np.zeros((n, 0), np.float32), np.zeros(n, np.int64))
    weights = np.zeros(9, np.float32)
    weights[::3] = WEIGHTS
    hybrid = Hybrid(experts, Blend(weights), Calibration(np.ones(3, np.float32)), Retriever(100, 25), counts)
    items = Vocabulary(tuple(f"item-{row:07d}" for row in range(n)))
    return ServedModel(items, (), features, hybrid, "exclude", as_of)


def publish(catalogue: Catalogue, folder: Path) -> None:
    """Write the bundle and the users' pasts into a data folder."""
    now = datetime.now(UTC)
    as_of = int(now.timestamp()) * 1_000_000
    registry = Registry(folder / "bundles")
    arrays, meta = pack(model_of(catalogue, as_of))
    registry.promote(registry.publish(arrays, meta, created_at=now, nullable=NULLABLE))
    store = SQLiteStore(folder, Settings().store)
    import_frame(store, "events", events(catalogue, as_of))
    store.close()


def events(catalogue: Catalogue, as_of: int) -> pl.DataFrame:
    """Return one purchase of every seen item, in the 30 days before `as_of` (µs)."""
    user, place = np.divmod(np.arange(catalogue.seen.size), SEEN)
    ages = (place + 1) * (30 * DAY_US // (SEEN + 1))
    return pl.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(user))],
            "user_id": [f"user-{number}" for number in user],
            "item_id": [f"item-{row:07d}" for row in catalogue.seen.ravel()],
            "event_type": ["purchase"] * len(user),
            "timestamp": pl.Series(as_of - ages).cast(pl.Datetime("us", "UTC")),
        }
    )

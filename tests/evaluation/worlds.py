"""Small worlds for the evaluation's tests: event frames, a training set over them, scorers whose answer is known."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from coldframe.dataset.training_set import (
    NEVER,
    Bags,
    Interactions,
    ItemFeatures,
    TrainingSet,
    UserFeatures,
    Vocabulary,
    micros,
)
from coldframe.evaluation import Split, complete_events

START = datetime(2024, 1, 1, tzinfo=UTC)
WEIGHTS = {"purchase": 1.0, "click": 0.3, "rating_1": -0.5}


def at(minutes):
    return START + timedelta(minutes=minutes)


def events(*rows, keep=None):
    """Rows of (user, item, minute[, event type[, kept column]])."""
    frame = {"user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows]}
    frame["timestamp"] = [at(row[2]) for row in rows]
    frame["event_type"] = [row[3] if len(row) > 3 else "purchase" for row in rows]
    if keep:
        frame[keep] = [row[4] for row in rows]
    schema = {"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Datetime("us", "UTC")}
    return complete_events(pl.DataFrame(frame, schema_overrides=schema), keep=keep)


def bare(*pairs):
    """Rows of (user, item) and nothing else."""
    schema = {"user_id": pl.String, "item_id": pl.String}
    return complete_events(pl.DataFrame(pairs, schema=schema, orient="row"))


def weigh(frame):
    return frame["event_type"].replace_strict(WEIGHTS, default=0.1).to_numpy().astype(np.float32)


def training_set(split: Split) -> TrainingSet:
    """The rows of a split, without any library under test."""
    items = Vocabulary(tuple(sorted(item.item_id for item in split.items)))
    actors = split.train.select(pl.coalesce("user_id", "session_id"))["user_id"]
    users = Vocabulary(tuple(sorted({*actors.to_list(), *(user.user_id for user in split.users)})))
    frame = split.train.sort("timestamp", maintain_order=True)
    seen = Interactions(
        users.rows(frame.select(pl.coalesce("user_id", "session_id"))["user_id"].to_list()),
        items.rows(frame["item_id"].to_list()),
        weigh(frame),
        frame["timestamp"].dt.epoch("us").to_numpy().astype(np.int64),
    )
    return TrainingSet(
        users, items, seen, _item_features(split, items), _user_features(split, users), micros(split.as_of)
    )


def plan(split, sampling=None):
    return split.plan(training_set(split), weigh, sampling)


def questions(made):
    """Cases in words: (user, view, minute, history ids, candidate ids, right ids)."""
    ids = made.training_set.items.ids
    return [
        (
            case.user_id,
            case.view,
            (case.request.now - micros(START)) / 60e6,
            [ids[row] for row in case.request.history.item],
            [ids[row] for row in np.flatnonzero(case.request.allowed)],
            [ids[row] for row in case.relevant],
        )
        for case in made.cases
    ]


@dataclass(frozen=True)
class Fixed:
    """The same scores for everybody."""

    scores: np.ndarray
    name: str = "fixed"

    def score(self, request):
        return self.scores


class Watching:
    """A scorer that keeps what it was asked."""

    name = "watching"

    def __init__(self, n_items):
        self.n_items, self.requests = n_items, []

    def score(self, request):
        self.requests.append(request)
        return np.zeros(self.n_items, np.float32)


class Oracle:
    """Knows the right answers of one view by user and moment."""

    name = "oracle"

    def __init__(self, made, view="overall"):
        self.n_items = made.training_set.n_items
        self.answers = {self._key(case.request): case.relevant for case in made.cases if case.view == view}

    @staticmethod
    def _key(request):
        return request.now, request.history.item.tobytes()

    def score(self, request):
        scores = np.zeros(self.n_items, np.float32)
        scores[self.answers.get(self._key(request), [])] = 1
        return scores


def _item_features(split, items):
    known = {item.item_id: item for item in split.items}
    names = sorted({name for item in split.items for name in item.categories})
    rows = [[names.index(name) for name in known[one].categories] for one in items.ids]
    created = [known[one].created_at for one in items.ids]
    none = Bags(np.zeros(len(items) + 1, np.int64), np.empty(0, np.int32), 0)
    return ItemFeatures(
        _bags(rows, len(names)),
        none,
        none,
        np.empty((len(items), 0), np.float32),
        np.array([NEVER if moment is None else micros(moment) for moment in created], np.int64),
        tuple(names),
    )


def _user_features(split, users):
    known = {user.user_id: user for user in split.users}
    told = [{} if one not in known else known[one].attributes for one in users.ids]
    names = sorted({f"{name}={value}" for one in told for name, value in one.items()})
    rows = [[names.index(f"{name}={value}") for name, value in one.items()] for one in told]
    signed = [known[one].signed_up_at if one in known else None for one in users.ids]
    times = np.array([NEVER if moment is None else micros(moment) for moment in signed], np.int64)
    return UserFeatures(_bags(rows, len(names)), times, tuple(names))


def _bags(rows, n_features):
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Bags(indptr, np.array([index for row in rows for index in row], np.int32), n_features)

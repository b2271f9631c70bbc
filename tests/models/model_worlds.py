"""Small worlds as the models' tests write them: rows of (user, item, day[, type]), and questions in words."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from coldframe.dataset.build import build_training_set
from coldframe.dataset.training_set import DAY_US, micros
from coldframe.domain import Item, User
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.models.workshop import Workshop
from coldframe.scoring.request import History, Request
from coldframe.testing.shop import quick_settings

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = quick_settings()


@dataclass(frozen=True)
class Named:
    """An expert by name and family: lessons already hold what it says."""

    name: str
    family: str


def at(day):
    return START + timedelta(days=day)


def log(rows):
    full = [
        {
            "event_id": f"e{number:06d}",
            "user_id": row[0],
            "item_id": row[1],
            "timestamp": at(row[2]),
            "event_type": row[3] if len(row) > 3 else "purchase",
        }
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=EVENT_COLUMNS)


def training_set(rows, items=(), users=(), *, settings=SETTINGS, as_of=None):
    end = None if as_of is None else at(as_of)
    return build_training_set(log(rows), items, users, settings, as_of=end)


def workshop(rows, items=(), users=(), *, settings=SETTINGS, as_of=None):
    return Workshop(training_set(rows, items, users, settings=settings, as_of=as_of), settings)


def item(name, *words, **numeric):
    return Item(item_id=name, categories=words[:1], title=" ".join(words), numeric=numeric)


def user(name, **attributes):
    return User(user_id=name, attributes=attributes)


def ask(known, *history, day=None, attributes=(), counts=None):
    """A question of somebody who took `history`, one item a day up to the day before `day` (default: the end)."""
    now = known.as_of if day is None else micros(at(day))
    rows = known.items.rows(history)
    assert (rows >= 0).all()
    ages = np.arange(len(rows), 0, -1) * DAY_US
    names = known.user_features.attribute_names
    told = np.array([names.index(each) for each in attributes], np.int32)
    past = History(rows, np.ones(len(rows), np.float32), now - ages)
    request = Request(past, now, attributes=told)
    return request if counts is None else replace(request, item_counts=np.asarray(counts, np.int32))


def scores(expert, known, *history, **more):
    """Scores by item id; what the expert cannot say is left out."""
    found = expert.score(ask(known, *history, **more))
    return {name: float(score) for name, score in zip(known.items.ids, found, strict=True) if not np.isnan(score)}


def ranked(expert, known, *history, **more):
    """Item ids, best first, without those of the history."""
    said = scores(expert, known, *history, **more)
    return sorted(said.keys() - set(history), key=lambda name: -said[name])

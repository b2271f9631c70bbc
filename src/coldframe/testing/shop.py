"""A small generated shop: new users and new items keep arriving, and everybody has a favourite shelf.

Owns its rules, which a test can rely on: a user's country says which shelf he likes best, four purchases in five are
from that shelf, and an item's words and category tell its shelf. One seed gives one shop; it asks no clock.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from coldframe.clock import generator
from coldframe.dataset.build import build_training_set
from coldframe.dataset.training_set import TrainingSet
from coldframe.domain import Item, User
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.settings import Settings

OPENING = datetime(2026, 1, 1, tzinfo=UTC)
SHELVES = ("lamps", "mugs", "plants", "knives", "rugs")
COUNTRIES = ("NL", "PT", "FI", "IE", "MT")
"""The country at place k likes the shelf at place k."""
FAITHFUL = 0.8
"""Chance that an event is on the user's favourite shelf."""
KINDS = ("view", "click", "purchase", "rating_1")
KIND_CHANCES = (0.35, 0.25, 0.38, 0.02)


@dataclass(frozen=True)
class Shop:
    """Events (columns of `EVENT_COLUMNS`, in order of time), the catalogue and the customers."""

    events: pl.DataFrame
    items: tuple[Item, ...]
    users: tuple[User, ...]

    def training_set(self, settings: Settings | None = None) -> TrainingSet:
        """Return everything in the shop as one training set."""
        return build_training_set(self.events, self.items, self.users, settings or Settings())


def shop(*, n_users: int = 300, n_items: int = 120, days: int = 60, visits: int = 4, seed: int = 1) -> Shop:
    """Return a shop in which a third of the users and items are there from the start and the others arrive evenly.

    Each user makes about `visits` visits of three events; an item is on sale from its arrival. The same arguments give
    the same shop.
    """
    draw = generator(seed, "shop")
    opened = np.maximum(0, draw.uniform(-days / 2, days, n_items))
    joined = np.maximum(0, draw.uniform(-days / 2, days * 0.95, n_users))
    shelf, taste = np.arange(n_items) % len(SHELVES), np.arange(n_users) % len(SHELVES)
    appeal = draw.gamma(1.0, size=n_items)
    rows = [
        row
        for user in range(n_users)
        for moment in np.sort(draw.uniform(joined[user], days, 1 + draw.poisson(visits - 1)))
        for row in _visit(user, float(moment), opened, np.where(shelf == taste[user], 1.0, 0.0), appeal, draw)
    ]
    items = tuple(_item(number, int(shelf[number]), float(opened[number]), draw) for number in range(n_items))
    users = tuple(_user(number, int(taste[number]), float(joined[number])) for number in range(n_users))
    return Shop(_frame(rows), items, users)


def _visit(
    user: int,
    moment: float,
    opened: np.ndarray,
    liked: np.ndarray,
    appeal: np.ndarray,
    draw: np.random.Generator,
) -> list[tuple[int, int, float, str]]:
    """Return three events a few minutes apart: (user, item, day, type)."""
    on_sale = opened <= moment
    favourite, other = liked * appeal * on_sale, (1 - liked) * appeal * on_sale
    chance = FAITHFUL * _normal(favourite) + (1 - FAITHFUL) * _normal(other)
    if not chance.sum():
        return []
    taken = draw.choice(len(opened), 3, p=_normal(chance))
    kinds = draw.choice(KINDS, 3, p=KIND_CHANCES)
    return [
        (user, int(item), moment + step / 400, str(kind))
        for step, (item, kind) in enumerate(zip(taken, kinds, strict=True))
    ]


def _normal(weights: np.ndarray) -> np.ndarray:
    return weights / max(float(weights.sum()), 1e-12)


def _frame(rows: list[tuple[int, int, float, str]]) -> pl.DataFrame:
    records = [
        {
            "event_id": f"e{number:05d}",
            "user_id": f"u{user:03d}",
            "item_id": f"i{item:03d}",
            "event_type": kind,
            "timestamp": OPENING + timedelta(days=day),
        }
        for number, (user, item, day, kind) in enumerate(sorted(rows, key=lambda row: row[2]))
    ]
    return pl.DataFrame(records, schema=EVENT_COLUMNS)


def _item(number: int, shelf: int, opened: float, draw: np.random.Generator) -> Item:
    name = SHELVES[shelf]
    return Item(
        item_id=f"i{number:03d}",
        title=f"{name} number {number % 7}",
        text=f"made for those who like {name}, style {name}{number % 4}",
        categories=(name,),
        tags=(f"{name}-{number % 3}",),
        numeric={"price": float(np.round(np.exp(draw.normal(shelf, 0.3)), 2))},
        created_at=OPENING + timedelta(days=opened),
    )


def _user(number: int, taste: int, joined: float) -> User:
    return User(
        user_id=f"u{number:03d}",
        signed_up_at=OPENING + timedelta(days=joined),
        attributes={"country": COUNTRIES[taste]},
    )


def quick_settings(**sections: dict[str, Any]) -> Settings:
    """Return settings under which a training takes seconds; `mixer={"form": "gate"}` changes some of them.

    They make models small, never simple: every step of a training still happens.
    """
    small: dict[str, dict[str, Any]] = {
        "collaborative": {"factors": 8, "epochs": 3},
        "content": {"hidden": 16, "dim": 8, "epochs": 2},
        "mixer": {"hidden": 8, "epochs": 3, "max_requests": 80, "candidates": 15},
        "training": {"threads": 1},
    }
    settings = Settings()
    for section in small.keys() | sections.keys():
        values = small.get(section, {}) | sections.get(section, {})
        settings = replace(settings, **{section: replace(getattr(settings, section), **values)})
    return settings

"""Worlds that no shop should have: training works or says in words why not, and every answer stays finite."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from model_worlds import SETTINGS, at, item, training_set, user
from msgspec.structs import replace as with_fields

from coldframe.bundle import open_bundle, write_bundle
from coldframe.errors import DataError, SettingsError
from coldframe.models import train_hybrid
from coldframe.models.recommender import served
from coldframe.scoring.packing import NULLABLE, pack, unpack
from coldframe.scoring.request import History, Request
from coldframe.testing.shop import quick_settings

ITEMS = "abcdefgh"
USERS = [f"u{n}" for n in range(12)]


@dataclass
class World:
    """Twelve users, eight items, three purchases each over three weeks, unless a test says otherwise."""

    rows: list = field(
        default_factory=lambda: [
            (user, ITEMS[(n + 3 * turn) % 8], 2 * n + turn / 2) for n, user in enumerate(USERS) for turn in range(3)
        ]
    )
    items: list = field(
        default_factory=lambda: [
            item(name, "even" if n % 2 else "odd", f"word{n}", price=float(n)) for n, name in enumerate(ITEMS)
        ]
    )
    users: list = field(
        default_factory=lambda: [user(name, country="NL" if n % 2 else "PT") for n, name in enumerate(USERS)]
    )


def constant_features():
    return World(items=[item(name, "all", "the", "same", price=1.0) for name in ITEMS])


def one_category():
    return World(items=[item(name, "all") for name in ITEMS])


def a_user_of_100_000_events():
    heavy = [("robot", ITEMS[n % 8], n / 5_000) for n in range(100_000)]
    return World(rows=[*World().rows, *heavy])


def an_item_of_everybody():
    return World(rows=[*World().rows, *((user, "star", 3 * n / 2) for n, user in enumerate(USERS))])


def empty_texts():
    return World(items=[with_fields(item(name), title="", text="  ") for name in ITEMS])


def no_numbers():
    return World(items=[item(name, "x", weight=float("nan"), size=1e308) for name in ITEMS])


def a_catalogue_twice():
    return World(items=[*World().items, *World().items])


def rows_twice():
    return World(rows=[*World().rows, *World().rows])


def one_moment():
    return World(rows=[(user, name, 1) for user, name, _ in World().rows])


def nearly_one_moment():
    return World(rows=[*((user, name, 1) for user, name, _ in World().rows), ("u3", "a", 9)])


def one_user():
    return World(rows=[("u0", name, n) for n, name in enumerate(ITEMS)], users=[user("u0")])


def two_items():
    return World(rows=[(user, "ab"[n % 2], n) for n, user in enumerate(USERS)], items=[item("a"), item("b")])


def one_item():
    return World(rows=[(user, "a", n) for n, user in enumerate(USERS)], items=[item("a", "x")])


def one_event():
    return World(rows=[("u0", "a", 1)], items=[], users=[])


def no_content():
    return World(items=[])


def no_attributes():
    return World(users=[])


def strange_ids():
    return World(
        rows=[(f"u\u0000{n}", name, n) for n, name in enumerate(["é", "🙂", " ", "a\nb", "x" * 500])],
        items=[],
        users=[],
    )


def everything_is_new_later():
    late = [(f"late{n}", f"new{n}", 30 + n) for n in range(8)]
    return World(rows=[*World().rows, *late], items=[*World().items, *(item(f"new{n}", "odd") for n in range(8))])


def mostly_disliked():
    return World(rows=[*((user, name, day, "rating_1") for user, name, day in World().rows), ("u1", "a", 4)])


WORLDS = (
    World,
    constant_features,
    one_category,
    a_user_of_100_000_events,
    an_item_of_everybody,
    empty_texts,
    no_numbers,
    a_catalogue_twice,
    rows_twice,
    one_moment,
    nearly_one_moment,
    one_user,
    two_items,
    one_item,
    one_event,
    no_content,
    no_attributes,
    strange_ids,
    everything_is_new_later,
    mostly_disliked,
)


def fitted(world, settings=SETTINGS):
    known = training_set(world.rows, world.items, world.users, settings=settings)
    return known, served(known, train_hybrid(known, settings))


def askers(known):
    """Strangers, everybody's newest, those with long and unhappy pasts."""
    now, n = known.as_of, known.n_items
    everything = np.arange(n, dtype=np.int32)
    attributes = np.arange(known.user_features.attributes.n_features, dtype=np.int32)
    for weight in (1.0, -0.5):
        past = History(everything, np.full(n, weight, np.float32), np.full(n, now - 5))
        yield Request(past, now, attributes=attributes)
    yield Request(now=now)
    yield Request(now=now, signed_up_at=now, attributes=attributes, item_counts=np.zeros(n, np.int32))


def check(model, known):
    for request in askers(known):
        answer = model.answer(request, 5)
        assert len(answer.items) == min(5, known.n_items)
        assert np.isfinite(answer.scores).all()
        assert answer.shares.sum(axis=1) == pytest.approx(np.ones(len(answer.items)), abs=1e-4)
        why = model.reasons(request, int(answer.items[0]))
        assert np.isfinite([why.score, *why.scores.values(), *why.weights.values(), *why.shares.values()]).all()
        assert np.isfinite(why.similarity).all()
    rows, likeness = model.similar(0, 3)
    assert len(rows) == min(3, known.n_items - 1)
    assert np.isfinite(likeness).all()


@pytest.mark.parametrize("make", WORLDS, ids=lambda make: make.__name__)
def test_training_and_answers_stay_finite(make, tmp_path):
    known, model = fitted(make())
    check(model, known)
    opened = open_bundle(tmp_path / write_bundle(tmp_path, *pack(model), nullable=NULLABLE))
    check(unpack(opened.arrays, opened.meta), known)


@pytest.mark.parametrize("kind", ["rating_1", "rating_2"])
def test_nothing_can_be_learned_from_dislikes_alone(kind):
    with pytest.raises(DataError, match="likes anything"):
        training_set([(user, name, day, kind) for user, name, day in World().rows])


def test_nothing_can_be_learned_from_nothing():
    with pytest.raises(DataError, match="no event"):
        training_set([])


@pytest.mark.parametrize(
    ("experts", "said"), [(["item-item"], "popular-ever"), (["popular-ever", "magic"], "'magic', which is no expert")]
)
def test_experts_that_cannot_make_a_hybrid_are_refused_in_words(experts, said):
    with pytest.raises(SettingsError, match=said):
        fitted(World(), quick_settings(mixer={"experts": experts}))


def test_the_end_of_the_log_may_be_long_ago():
    known = training_set(World().rows, World().items, World().users, as_of=400)
    check(served(known, train_hybrid(known, SETTINGS)), known)
    assert at(400).year == 2027

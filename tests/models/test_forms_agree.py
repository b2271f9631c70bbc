"""What is fitted is what serves: the mixer's forms in JAX and in LightGBM against their NumPy twins."""

import lightgbm
import numpy as np
import pytest

from coldframe.clock import generator
from coldframe.models import learned, networks
from coldframe.models.drawn import Candidates
from coldframe.models.grown import as_arrays, grow_trees
from coldframe.models.learned import NETWORKS
from coldframe.models.lessons import Lesson, Lessons
from coldframe.scoring.mixing import CONTEXT, Calibration, Evidence
from coldframe.scoring.mixing.evidence import PER_EXPERT
from coldframe.testing.shop import quick_settings

N, N_EXPERTS = 50, 4
SETTINGS = quick_settings()
RULES = {"objective": "regression", "num_leaves": 12, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}


def random_evidence(draw, n=N):
    features = draw.normal(size=(n, N_EXPERTS * PER_EXPERT)).astype(np.float32)
    context = np.log1p(draw.integers(0, 40, size=(n, len(CONTEXT)))).astype(np.float32)
    return Evidence(np.arange(n, dtype=np.int32), features, context)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_serves_what_it_was_fitted_as(name):
    draw = generator(4, name)
    start = networks._start(name, N_EXPERTS * PER_EXPERT, SETTINGS.mixer, draw)
    parameters = {
        field: (value + 0.3 * draw.normal(size=value.shape)).astype(np.float32) for field, value in start.items()
    }
    seen = random_evidence(draw)
    fitted = networks._forward(name, 0.3)(parameters, seen.features[None], seen.context[None], None)
    assert networks._form(name, parameters).combine(seen) == pytest.approx(np.asarray(fitted)[0], abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_trees_serve_what_lightgbm_says(seed):
    draw = np.random.default_rng(seed)
    seen = random_evidence(draw, 400)
    seen.features[:, 2] = 0
    columns = np.concatenate([seen.features, seen.context], axis=1)
    target = columns[:, 0] * (columns[:, 5] > 0.2) + np.abs(columns[:, -1]) + draw.normal(size=400)
    booster = lightgbm.train(RULES, lightgbm.Dataset(columns, target), num_boost_round=20)
    trees = as_arrays(booster.dump_model())
    assert trees.combine(seen) == pytest.approx(booster.predict(columns), abs=1e-5)
    edge = trees.threshold[trees.left != np.arange(len(trees.left))]
    edge = edge[np.abs(edge) > 1e-30]  # LightGBM's own zero, which no feature is near but 0 itself
    on_the_edge = seen._replace(features=np.resize(edge, seen.features.shape).astype(np.float32))
    columns = np.concatenate([on_the_edge.features, on_the_edge.context], axis=1)
    assert trees.combine(on_the_edge) == pytest.approx(booster.predict(columns), abs=1e-5)


def lessons(n, *, learnable, seed=1, width=40):
    """Lessons whose right answer has the highest first column, or nothing that tells it."""
    draw = np.random.default_rng(seed)
    made = []
    for user in range(n):
        features = draw.normal(size=(width, N_EXPERTS * PER_EXPERT)).astype(np.float32)
        if not learnable:
            features[:] = 1
        right = features[:, 0].argmax() if learnable else draw.integers(0, width)
        evidence = Evidence(np.arange(width, dtype=np.int32), features, np.zeros((width, len(CONTEXT)), np.float32))
        made.append(Lesson(evidence, np.arange(width) == right, 1, 0, user))
    return Lessons(tuple(made), Calibration(np.ones(N_EXPERTS, np.float32)))


def candidates(n, **how):
    return Candidates.of(lessons(n, **how))


def places(form, fresh):
    """Where a form puts the right answer of each lesson."""
    scored = [(form.combine(lesson.evidence), lesson.is_right.argmax()) for lesson in fresh.lessons]
    return np.array([(own > own[right]).sum() for own, right in scored])


def test_trees_find_what_there_is_to_find():
    train, check = candidates(40, learnable=True), candidates(20, learnable=True, seed=2)
    trees, _ = grow_trees(train, check, SETTINGS.training)
    assert np.median(places(trees, lessons(20, learnable=True, seed=3))) <= 2


def test_trees_grow_where_there_is_nothing_to_tell_answers_apart():
    trees, _ = grow_trees(candidates(20, learnable=False), candidates(10, learnable=False), SETTINGS.training)
    assert np.ptp(trees.combine(random_evidence(np.random.default_rng(1)))) == 0


@pytest.mark.parametrize("name", ["blend", "gate"])
@pytest.mark.parametrize("width", [40, 400])
def test_a_network_finds_what_there_is_to_find(name, width):
    train, check = (candidates(n, learnable=True, seed=n, width=width) for n in (40, 20))
    settings = quick_settings(mixer={"epochs": 60, "learning_rate": 0.05}).mixer
    form, _ = networks.fit_network(name, train, check, settings, generator(1, name))
    assert np.mean(places(form, lessons(20, learnable=True, seed=3, width=width)) == 0) > 0.5


@pytest.mark.parametrize("name", ["blend", "gate"])
def test_a_network_stays_finite_where_there_is_nothing_to_tell_answers_apart(name):
    train, check = candidates(40, learnable=False), candidates(20, learnable=False, seed=2)
    form, _ = networks.fit_network(
        name, train, check, quick_settings(mixer={"learning_rate": 0.05}).mixer, generator(1, name)
    )
    assert np.isfinite(form.combine(random_evidence(np.random.default_rng(1)))).all()


def test_what_is_kept_is_a_mean_of_the_steps():
    train, start = (
        candidates(40, learnable=True),
        networks._start("blend", N_EXPERTS * PER_EXPERT, SETTINGS.mixer, None),
    )
    optimizer, step, _ = networks._compiled("blend", 0.0, 0.05)
    batch = networks._fields(train.drawn(np.arange(40), np.random.default_rng(1)))
    moved, _, mean = step(start, optimizer.init(start), start, 0.75, batch, None)
    assert not np.allclose(moved["weights"], start["weights"])
    expected = 0.75 * start["weights"] + 0.25 * np.asarray(moved["weights"])
    assert np.asarray(mean["weights"]) == pytest.approx(expected, abs=1e-6)


def test_a_form_is_fitted_for_good_once(monkeypatch):
    fitted = []

    def fit(name, *_):
        fitted.append(name)
        return networks._form("blend", {"weights": np.ones(N_EXPERTS * PER_EXPERT)}), 1

    monkeypatch.setattr(learned, "fit_network", fit)
    good = learned.ForGood(lessons(20, learnable=True), dict.fromkeys(learned.LEARNED, 2), SETTINGS)
    assert good.fit(["mean", "popular-ever"]).keys() == {"mean"}
    assert good.fit(learned.LEARNED).keys() == set(learned.LEARNED)
    assert sorted(fitted) == sorted(NETWORKS)

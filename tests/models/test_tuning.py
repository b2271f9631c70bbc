"""The search for settings: it keeps what is better on later events, says why, and stops when its time is up."""

from itertools import count

import pytest

from coldframe.models import tuning
from coldframe.models.tuning import mean_ndcg, tune
from coldframe.scoring.experts import Popularity
from coldframe.settings import with_value
from coldframe.testing.shop import quick_settings, shop

GRID = {"repeat": {"repeat.half_life_days": (5.0, 60.0)}, "item-item": {"item_item.ridge": (0.5, 1_000.0)}}


@pytest.fixture(scope="module")
def known():
    return shop(n_users=120, n_items=60, days=40).training_set()


def search(known, monkeypatch, settings=None, **more):
    monkeypatch.setattr(tuning, "GRID", GRID)
    asked = {"budget_seconds": 60.0, "progress": lambda step, done, total: None} | more
    return tune(known, settings or quick_settings(), **asked)


def test_a_setting_that_ruins_an_expert_is_mended(known, monkeypatch):
    ruined = with_value(quick_settings(), "item_item.ridge", 10_000.0)
    tuned = search(known, monkeypatch, ruined)
    assert tuned.settings.item_item.ridge == 0.5
    assert tuned.changed["item_item.ridge"] == 0.5
    assert "later events" in tuned.evidence["item_item.ridge"]


def test_what_is_kept_is_never_worse_than_what_was_set(known, monkeypatch):
    tuned = search(known, monkeypatch)
    for expert in GRID:
        own = [trial for trial in tuned.trials if trial.expert == expert]
        kept = [trial.ndcg for trial in own if trial.kept]
        assert kept == sorted(kept)
        assert all(trial.ndcg <= kept[-1] for trial in own)


def test_it_stops_when_its_time_is_up(known, monkeypatch):
    seconds = count()
    tuned = search(known, monkeypatch, budget_seconds=2.0, stopwatch=lambda: float(next(seconds)))
    assert len(tuned.trials) < sum(len(values) for rules in GRID.values() for values in rules.values())


def test_an_oracle_has_an_ndcg_of_one(known):
    questions = tuning._later(known, quick_settings()).questions[:5]
    import numpy as np

    for question in questions:
        amount = np.zeros(known.n_items, np.float32)
        amount[question.relevant] = 1
        assert mean_ndcg(Popularity("oracle", "popular", amount), [question]) == pytest.approx(1)

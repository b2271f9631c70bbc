"""What a prior is worth, where it is known how the vectors were made."""

import numpy as np
import pytest

from coldframe.models.shrinkage import WORTH, learn_prior


def made(*, worth, n=4_000, dim=6, seed=0):
    """Rows drawn around features · weights with variance 1, measured with variance `worth` ÷ events, in two halves."""
    draw = np.random.default_rng(seed)
    features, events = draw.normal(size=(n, 3)), draw.integers(2, 40, n) * 2
    weights = draw.normal(size=(3, dim))
    true = features @ weights + 0.7 + draw.normal(size=(n, dim))
    halves = [true + draw.normal(size=(n, dim)) * np.sqrt(2 * worth / events)[:, None] for _ in range(2)]
    return features, weights, true, halves, events


@pytest.mark.parametrize("worth", [1.0, 8.0, 40.0])
def test_the_halves_tell_what_a_prior_is_worth(worth):
    features, weights, _, halves, events = made(worth=worth)
    prior = learn_prior(features, sum(halves) / 2, tuple(halves), events, metric=np.eye(6))
    assert prior.worth == pytest.approx(worth, rel=0.15)
    assert np.abs(prior.weights - weights).max() < 0.15
    assert np.abs(prior.mean - 0.7).max() < 0.15


def test_a_row_without_events_stands_where_it_is_expected():
    features, _, _, halves, events = made(worth=5.0)
    own = sum(halves) / 2
    prior = learn_prior(features, own, tuple(halves), events, metric=np.eye(6))
    nothing = prior.posterior(features, np.zeros_like(own), np.zeros(len(own)))
    assert nothing == pytest.approx(prior.expected(features), abs=1e-5)
    many = prior.posterior(features, own, np.full(len(own), 1e7))
    assert many == pytest.approx(own, abs=1e-3)


def test_noise_alone_is_worth_no_more_than_the_most_and_agreement_no_less_than_the_least():
    draw = np.random.default_rng(1)
    noise, events = draw.normal(size=(2, 500, 4)), np.full(500, 10)
    features = np.zeros((500, 0))
    vague = learn_prior(features, noise.mean(axis=0), tuple(noise), events, metric=np.eye(4))
    assert vague.worth == WORTH[1]
    sure = learn_prior(features, noise[0], (noise[0], noise[0]), events, metric=np.eye(4))
    assert sure.worth == WORTH[0]


def test_what_scores_do_not_see_is_no_noise():
    features, _, _, halves, events = made(worth=4.0)
    blind = [
        np.column_stack([half, np.random.default_rng(i).normal(0, 99, len(half))]) for i, half in enumerate(halves)
    ]
    metric = np.diag([1.0] * 6 + [0.0])
    prior = learn_prior(features, sum(blind) / 2, tuple(blind), events, metric=metric)
    assert prior.worth == pytest.approx(4.0, rel=0.2)

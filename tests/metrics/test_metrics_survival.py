"""Kaplan-Meier against lifelines and against the truth of worlds that we made."""

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times, restricted_mean_survival_time

from coldframe.clock import generator
from coldframe.errors import InputError
from coldframe.metrics import kaplan_meier

LIVES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=60)


def fitted(durations, observed):
    return KaplanMeierFitter().fit(durations, observed)


@given(LIVES)
def test_the_curve_and_its_counts_are_those_of_lifelines(lives):
    durations, observed = (np.array(column) for column in zip(*lives, strict=True))
    curve, theirs = kaplan_meier(durations, observed), fitted(durations, observed)
    np.testing.assert_allclose(curve.survival, theirs.survival_function_at_times(curve.times), atol=1e-12)
    table = theirs.event_table.loc[curve.times]
    np.testing.assert_array_equal(curve.events, table["observed"])
    late = curve.times > 0  # lifelines lets nobody enter before 0, so its row for 0 counts differently
    np.testing.assert_array_equal(curve.at_risk[late], table["at_risk"][late])


@given(LIVES)
def test_the_band_is_that_of_lifelines_wherever_something_but_not_everything_happened(lives):
    durations, observed = (np.array(column) for column in zip(*lives, strict=True))
    curve, theirs = kaplan_meier(durations, observed), fitted(durations, observed)
    inner = (curve.survival > 1e-9) & (curve.survival < 1)
    band = theirs.confidence_interval_.loc[curve.times].to_numpy()
    np.testing.assert_allclose(np.column_stack([curve.low, curve.high])[inner], band[inner], atol=1e-9)


@given(LIVES)
def test_the_band_holds_the_curve_and_the_curve_only_falls(lives):
    curve = kaplan_meier(*zip(*lives, strict=True))
    assert np.all(np.diff(curve.survival) <= 0)
    assert np.all((curve.low >= 0) & (curve.low <= curve.survival + 1e-12))
    assert np.all((curve.high <= 1) & (curve.high >= curve.survival - 1e-12))


@given(LIVES, st.randoms())
def test_the_order_of_people_does_not_matter(lives, shuffler):
    shuffled = lives.copy()
    shuffler.shuffle(shuffled)
    one, other = (kaplan_meier(*zip(*given, strict=True)) for given in (lives, shuffled))
    np.testing.assert_array_equal(one.survival, other.survival)


def people(n, seed="people"):
    random = generator(0, seed)
    waiting, followed = random.exponential(10.0, n), random.uniform(0, 60, n)
    return np.minimum(waiting, followed), waiting <= followed


def test_median_and_restricted_mean_are_those_of_lifelines():
    durations, observed = people(300)
    curve, theirs = kaplan_meier(durations, observed), fitted(durations, observed)
    median, mean = curve.median(), curve.restricted_mean(30)
    assert median.value == theirs.median_survival_time_
    bounds = median_survival_times(theirs.confidence_interval_).to_numpy()[0]
    assert (median.low, median.high) == tuple(bounds)
    assert mean.value == pytest.approx(restricted_mean_survival_time(theirs, t=30))


def test_censoring_is_not_mistaken_for_speed():
    durations, observed = people(20_000)
    curve = kaplan_meier(durations, observed)
    assert curve.median().value == pytest.approx(10 * np.log(2), rel=0.04)
    assert curve.restricted_mean(30).value == pytest.approx(10 * (1 - np.exp(-3)), rel=0.03)
    assert durations[observed].mean() < 0.87 * 10  # the raw mean over converters is wrong


def test_the_interval_of_the_restricted_mean_holds_the_truth_95_times_of_100():
    truth = 10 * (1 - np.exp(-2))
    means = [kaplan_meier(*people(80, f"world {i}")).restricted_mean(20) for i in range(300)]
    assert 0.91 <= np.mean([mean.low <= truth <= mean.high for mean in means]) <= 0.98


def test_the_interval_of_the_median_holds_the_truth_95_times_of_100():
    medians = [kaplan_meier(*people(80, f"world {i}")).median() for i in range(300)]
    assert 0.91 <= np.mean([m.low <= 10 * np.log(2) <= m.high for m in medians]) <= 0.99


def test_nobody():
    curve = kaplan_meier([], [])
    assert curve.n == 0
    assert curve.followed_for == 0
    assert isnan(curve.median().value)
    assert isnan(curve.restricted_mean(30).value)


def test_all_still_waiting():
    curve = kaplan_meier([3.0, 40.0, 50.0], [False, False, False])
    assert curve.survival.tolist() == [1.0, 1.0, 1.0]
    assert (curve.median().value, curve.median().high) == (inf, inf)
    assert curve.restricted_mean(30).value == 30
    assert curve.low[0] == pytest.approx(0.025 ** (1 / 3))


def test_all_at_once_at_zero():
    curve = kaplan_meier([0, 0, 0], [True, True, True])
    assert curve.survival.tolist() == [0.0]
    assert curve.median().value == 0
    assert curve.restricted_mean(30).value == 0
    assert curve.high[0] == pytest.approx(1 - 0.025 ** (1 / 3))


def test_in_a_tie_the_event_comes_before_the_censoring():
    assert kaplan_meier([2, 2], [True, False]).survival.tolist() == [0.5]


def test_a_horizon_nobody_reached_has_no_mean_unless_all_converted():
    assert isnan(kaplan_meier([1, 5], [True, False]).restricted_mean(6).value)
    assert kaplan_meier([1, 5], [True, True]).restricted_mean(6).value == 3


@pytest.mark.parametrize("durations", [[-1.0], [np.nan], [np.inf]])
def test_impossible_durations_are_refused(durations):
    with pytest.raises(InputError, match="negative or not finite"):
        kaplan_meier(durations, [True])


def test_mismatched_lengths_and_an_empty_horizon_are_refused():
    with pytest.raises(InputError, match="do not match"):
        kaplan_meier([1.0, 2.0], [True])
    with pytest.raises(InputError, match="horizon of 0"):
        kaplan_meier([1.0], [True]).restricted_mean(0)

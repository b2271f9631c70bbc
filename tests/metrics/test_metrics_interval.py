"""Intervals: right centre, right width, whole users drawn together, the same seed the same answer."""

import time
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from coldframe.clock import generator
from coldframe.errors import InputError
from coldframe.metrics import (
    Resamples,
    beyond,
    bootstrap,
    bootstrap_mean,
    interval,
    jackknife,
    paired_bootstrap,
    wilson,
)

VALUES = hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-5, 5))


def seeded(name: str = "test") -> np.random.Generator:
    return generator(0, name)


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    values = seeded("values").normal(3.0, 2.0, 4000)
    estimate = bootstrap_mean(values, generator=seeded())
    assert estimate.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(4000)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(half, rel=0.08)
    assert estimate.n == 4000


def test_copies_of_one_value_per_user_add_no_certainty():
    per_user = seeded("values").random(500)
    once = bootstrap_mean(per_user, generator=seeded())
    copied = bootstrap_mean(np.repeat(per_user, 9), np.repeat(np.arange(500), 9), generator=seeded())
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    naive = bootstrap_mean(np.repeat(per_user, 9), generator=seeded())
    assert naive.high - naive.low < 0.5 * (once.high - once.low)


def test_a_95_percent_interval_holds_the_truth_95_times_of_100():
    random = seeded("worlds")
    held = 0
    for _ in range(400):
        sizes = random.integers(1, 6, 80)
        tastes = np.repeat(random.beta(2, 3, 80), sizes)
        clicks = random.random(len(tastes)) < tastes
        estimate = bootstrap_mean(clicks, np.repeat(np.arange(80), sizes), generator=random, draws=400)
        held += estimate.low <= 0.4 <= estimate.high
    assert 0.91 <= held / 400 <= 0.98


@given(VALUES)
def test_the_interval_brackets_what_can_be(values):
    estimate = bootstrap_mean(values, generator=seeded(), draws=50)
    slack = 1e-9
    assert values.min() - slack <= estimate.low <= estimate.high <= values.max() + slack


def test_text_labels_and_numbers_cluster_alike():
    values = seeded("values").random(60)
    numbers = np.repeat(np.arange(20), 3)
    text = [f"user {n:02d}" for n in numbers]
    assert bootstrap_mean(values, text, generator=seeded()) == bootstrap_mean(values, numbers, generator=seeded())


def test_many_units_are_pooled_without_changing_the_width(monkeypatch):
    values = seeded("values").exponential(size=4000)
    whole = bootstrap_mean(values, generator=seeded())
    monkeypatch.setattr(bootstrap, "MAX_UNITS", 1000)
    pooled = bootstrap_mean(values, generator=seeded())
    assert pooled.value == whole.value
    assert pooled.high - pooled.low == pytest.approx(whole.high - whole.low, rel=0.12)


@pytest.mark.parametrize(
    ("values", "clusters", "n"), [([], None, 0), ([float("nan")], None, 0), ([2.0], None, 1), ([2.0, 2.0], [7, 7], 2)]
)
def test_too_little_has_no_interval(values, clusters, n):
    estimate = bootstrap_mean(values, clusters, generator=seeded())
    assert estimate.n == n
    assert isnan(estimate.low)
    assert isnan(estimate.high)
    assert isnan(estimate.value) == (n == 0)


@given(st.data())
def test_shared_draws_are_the_same_draws(data):
    """A row of many is the row alone: what else is measured changes no interval."""
    a = data.draw(VALUES)
    b = data.draw(hnp.arrays(np.float64, len(a), elements=st.floats(-5, 5)))
    users = np.arange(len(a)) // 2
    together = Resamples.draw(users, generator=seeded(), draws=60)
    alone = bootstrap_mean(b, users, generator=seeded(), draws=60)
    found = together.means(np.stack([a, b]))[1]
    assert (found.value, found.low, found.high) == pytest.approx((alone.value, alone.low, alone.high), nan_ok=True)
    pair = together.comparisons(np.stack([a, b]), np.stack([a, a]))[1]
    one = paired_bootstrap(b, a, users, generator=seeded(), draws=60)
    assert pair.p_value == one.p_value or isnan(one.p_value)
    assert pair.difference.low == pytest.approx(one.difference.low, nan_ok=True)


def test_values_known_of_few_units_are_averaged_over_those():
    values = np.full((1, 50), np.nan)
    values[0, :3] = 0.0, 0.5, 1.0
    found = Resamples.draw(np.arange(50), generator=seeded()).means(values)[0]
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.0, 1.0, 3)
    values[0, 1:] = np.nan
    assert isnan(Resamples.draw(np.arange(50), generator=seeded()).means(values)[0].low)


def test_lengths_must_match():
    with pytest.raises(InputError, match="2 values and 1 clusters"):
        bootstrap_mean([1.0, 2.0], ["a"], generator=seeded())
    with pytest.raises(InputError, match="cannot be paired"):
        paired_bootstrap([1.0, 2.0], [1.0], generator=seeded())
    with pytest.raises(InputError, match="2 clusters"):
        Resamples.draw([1, 2], generator=seeded()).means(np.zeros((1, 3)))
    with pytest.raises(InputError, match="level"):
        wilson(1, 2, level=1.0)


def test_seven_thousand_values_a_thousand_times_is_quick():
    values = seeded("values").random(7000)
    began = time.process_time()
    bootstrap_mean(values, np.arange(7000), generator=seeded())
    assert time.process_time() - began < 1.5  # 0.1 s alone on a core; a busy machine spins


def test_pairing_sees_a_small_gain_that_two_intervals_hide():
    random = seeded("pairs")
    base = random.random(400)
    result = paired_bootstrap(base + random.normal(0.02, 0.05, 400), base, generator=seeded())
    assert 0.01 < result.difference.low < result.difference.value < result.difference.high < 0.03
    assert result.relative.value == pytest.approx(result.difference.value / base.mean())
    assert result.a - result.b == pytest.approx(result.difference.value)
    assert result.p_value < 0.01


@given(VALUES)
def test_a_model_does_not_differ_from_itself(values):
    result = paired_bootstrap(values, values, generator=seeded(), draws=50)
    assert (result.difference.value, result.difference.low, result.difference.high) == (0, 0, 0)
    assert result.p_value == 1


@given(st.data())
def test_swapping_the_sides_turns_the_sign(data):
    a = data.draw(VALUES)
    b = data.draw(hnp.arrays(np.float64, len(a), elements=st.floats(-5, 5)))
    there, back = (paired_bootstrap(x, y, generator=seeded(), draws=60) for x, y in ((a, b), (b, a)))
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert there.p_value == back.p_value


def test_pairs_with_an_undefined_side_are_left_out():
    result = paired_bootstrap([1.0, np.nan, 3.0], [0.0, 5.0, np.nan], generator=seeded())
    assert result.difference.value == 1
    assert result.difference.n == 1
    assert isnan(result.difference.low)
    assert isnan(result.p_value)


def test_a_gain_over_nothing_has_no_relative_size():
    result = paired_bootstrap([1.0, 1.0], [0.0, 0.0], generator=seeded())
    assert result.difference.value == 1
    assert isnan(result.relative.value)
    assert isnan(result.relative.low)


def test_noise_is_called_a_gain_one_time_in_twenty():
    random = seeded("noise")
    small = [
        paired_bootstrap(random.normal(size=60), random.normal(size=60), generator=random, draws=300).p_value < 0.05
        for _ in range(400)
    ]
    assert 0.02 <= np.mean(small) <= 0.10


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_published_values(successes, n, low, high):
    estimate = wilson(successes, n)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_nothing_and_of_nonsense():
    assert isnan(wilson(0, 0).value)
    with pytest.raises(InputError, match="3 successes of 2"):
        wilson(3, 2)


def test_the_jackknife_of_a_mean_is_the_textbook_standard_error():
    values = seeded("values").random(100)

    def total(kept):
        return np.array([values[kept].sum(), kept.sum()])

    estimate = jackknife(total, lambda sums: sums[0] / sums[1], np.arange(100), generator=seeded())
    half = interval.normal_quantile(0.95) * values.std(ddof=1) / 10
    assert (estimate.high - estimate.low) / 2 == pytest.approx(half)
    assert estimate.value == pytest.approx(values.mean())


@pytest.mark.parametrize("statistic", [beyond.coverage, beyond.gini])
def test_the_jackknife_knows_how_much_coverage_and_gini_scatter_and_errs_to_the_wide_side(statistic):
    n_items, n_lists = 120, 60
    random = seeded("worlds")
    chances = 1.0 / np.arange(1, n_items + 1)
    chances /= chances.sum()
    worlds = [random.choice(n_items, (n_lists, 5), p=chances).astype(np.int32) for _ in range(150)]
    estimates = [
        jackknife(lambda kept, w=w: beyond.exposure(w[kept], n_items), statistic, range(n_lists), generator=random)
        for w in worlds
    ]
    scatter = np.std([e.value for e in estimates])
    said = np.mean([(e.high - e.low) / 2 for e in estimates]) / 1.96
    assert 0.9 * scatter < said < 1.4 * scatter


def test_the_jackknife_of_copies_is_that_of_the_users():
    shown = seeded("lists").integers(0, 40, (30, 3)).astype(np.int32)
    one, copied = (
        jackknife(lambda kept, w=w: beyond.exposure(w[kept], 40), beyond.coverage, users, generator=seeded())
        for w, users in ((shown, np.arange(30)), (np.repeat(shown, 4, axis=0), np.repeat(np.arange(30), 4)))
    )
    assert (one.low, one.high) == pytest.approx((copied.low, copied.high))


def first_alone(kept):
    return np.array([float(kept[:1].sum())])


def test_the_jackknife_stays_within_bounds_and_says_when_it_cannot_say():
    two = jackknife(first_alone, float_of, ["a", "b"], generator=seeded(), level=0.99, bounds=(0.0, 1.0))
    assert (two.value, two.low, two.high) == (1.0, 0.0, 1.0)
    assert isnan(jackknife(first_alone, float_of, ["a", "a"], generator=seeded()).low)
    assert isnan(jackknife(first_alone, lambda total: float("nan"), ["a", "b"], generator=seeded()).high)
    assert jackknife(first_alone, float_of, [], generator=seeded()).n == 0


def float_of(total):
    return float(total[0])

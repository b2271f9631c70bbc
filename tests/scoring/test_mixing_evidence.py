"""What the mixer sees, against columns worked out by hand; and what each expert's part of a score is."""

import numpy as np
import pytest

from coldframe.dataset.training_set import DAY_US, NEVER
from coldframe.scoring.experts import Popularity
from coldframe.scoring.hybrid import Hybrid, Retriever, shares
from coldframe.scoring.mixing import (
    CONTEXT,
    Blend,
    Bucket,
    Calibration,
    CountCurve,
    Gate,
    Mean,
    Network,
    Single,
    Softmax,
    Switch,
    gather,
    occluded,
)
from coldframe.scoring.mixing.evidence import PER_EXPERT, raw_scores
from coldframe.scoring.mixing.forms import N_BUCKETS
from coldframe.scoring.request import History, Request

NAN = np.nan
SCORES = np.array([[4.0, 2.0, 9.0, 2.0, NAN], [NAN, NAN, 1.0, NAN, NAN], [NAN] * 5], np.float32)
"""What three experts say of five items; the third says nothing."""
ITEMS = np.array([0, 1, 3, 4], np.int32)
SCALE = Calibration(np.array([2.0, 1.0, 1.0], np.float32))
FITTED = np.array([0, 1, 100, 6, 50], np.int32)
NOW = 10 * DAY_US
ASKED = Request(
    History(np.array([3, 3], np.int32), np.ones(2, np.float32), np.array([1, 2])),
    NOW,
    signed_up_at=3 * DAY_US,
    item_counts=np.array([2, 1, 100, 6, 50], np.int32),
)


def evidence(request=ASKED, items=ITEMS):
    return gather(SCORES[:, items], items, request, FITTED, SCALE)


def column(name, request=ASKED):
    return evidence(request).context[:, CONTEXT.index(name)].tolist()


def test_scores_are_on_one_scale_and_missing_is_flagged_and_zero():
    features = evidence().features
    assert features[:, 0].tolist() == [2, 1, 1, 0]
    assert features[:, 2].tolist() == [0, 0, 0, 1]
    assert features[:, PER_EXPERT].tolist() == [0, 0, 0, 0]
    assert features[:, PER_EXPERT + 2].tolist() == [1, 1, 1, 1]


def test_ranks_are_among_the_candidates_with_ties_in_the_middle_and_missing_last():
    ranks = np.expm1(-evidence().features[:, 1])
    assert ranks == pytest.approx([0, 1.5, 1.5, 4], abs=1e-5)


def test_an_expert_that_says_nothing_puts_everything_last():
    features = evidence().features[:, 2 * PER_EXPERT :]
    assert np.expm1(-features[:, 1]) == pytest.approx([4] * 4, abs=1e-5)


def test_what_was_missing_can_be_read_back():
    raw = raw_scores(evidence())
    assert np.array_equal(raw[:, 0], [2, 1, 1, NAN], equal_nan=True)
    assert np.isnan(raw[:, 1:]).all()


def test_warmth_is_as_of_the_request():
    assert column("user_interaction_count") == pytest.approx([np.log(3)] * 4)
    assert column("user_is_new") == [0] * 4
    assert column("days_since_signup") == pytest.approx([np.log(8)] * 4)
    assert column("signup_unknown") == [0] * 4
    assert column("item_interaction_count") == pytest.approx(np.log1p([2, 1, 6, 50]).tolist())
    assert column("item_is_new") == [0, 0, 0, 0]
    assert column("item_count_when_fitted") == pytest.approx(np.log1p([0, 1, 6, 50]).tolist())
    assert column("item_new_when_fitted") == [1, 0, 0, 0]
    assert column("already_had") == [0, 0, 1, 0]
    assert column("times_had") == pytest.approx([0, 0, np.log(3), 0])
    assert column("days_since_had") == pytest.approx([0, 0, np.log(11), 0])
    assert column("days_since_last_event") == pytest.approx([np.log(11)] * 4)


def test_a_stranger_is_new_and_his_sign_up_is_not_known():
    stranger = Request(now=NOW)
    assert column("user_is_new", stranger) == [1] * 4
    assert column("days_since_signup", stranger) == [0] * 4
    assert column("signup_unknown", stranger) == [1] * 4
    assert column("item_interaction_count", stranger) == column("item_count_when_fitted", stranger)


@pytest.mark.parametrize(("signed_up_at", "days"), [(NOW, 0), (NOW + DAY_US, 0), (NOW - 5 * DAY_US, 5)])
def test_days_since_sign_up_are_never_negative(signed_up_at, days):
    assert column("days_since_signup", Request(now=NOW, signed_up_at=signed_up_at)) == pytest.approx(
        [np.log1p(days)] * 4
    )


def test_a_request_without_a_moment_knows_no_days():
    assert column("signup_unknown", Request(now=NEVER, signed_up_at=5)) == [1] * 4


# forms

DRAW = np.random.default_rng(3)
N_FEATURES = 3 * PER_EXPERT


def some(*shape):
    return DRAW.normal(size=shape).astype(np.float32)


FIRST = np.array([1, 0, 0], np.float32)
GATE = Gate(some(N_FEATURES), some(len(CONTEXT), 4), some(4), some(4, N_FEATURES + 1), some(N_FEATURES + 1))
FORMS = {
    "blend": Blend(some(N_FEATURES)),
    "bucket": Bucket(some(N_BUCKETS, N_FEATURES + 1), some(N_BUCKETS, N_FEATURES + 1)),
    "gate": GATE,
    "network": Network(some(N_FEATURES), some(N_FEATURES + len(CONTEXT), 4), some(4), some(4, 4), some(4), some(4)),
    "softmax": Softmax(some(len(CONTEXT), 4), some(4), some(4, 3), some(3)),
    "single": Single(1, 0),
    "switch": Switch(FIRST, cold=1, new_user=0, fallback=0, cold_count=5, cold_scale=0.5),
    "curve": CountCurve(FIRST, cold=1, new_user=0, fallback=0, middle=1.0, width=0.5),
    "mean": Mean(GATE, Blend(some(N_FEATURES)), 2.0, 0.5),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_scores_each_candidate_by_itself_whatever_its_place(form):
    shown, turned = form.combine(evidence()), form.combine(evidence(items=ITEMS[::-1]))
    assert shown.shape == (4,)
    assert turned[::-1] == pytest.approx(shown, abs=1e-5)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_has_nothing_to_say_of_no_candidates(form):
    assert form.combine(evidence(items=ITEMS[:0])).shape == (0,)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_hiding_an_expert_that_is_silent_changes_nothing(form):
    assert np.array_equal(form.combine(occluded(evidence(), 2, len(evidence().items))), form.combine(evidence()))


def test_hiding_an_expert_is_as_if_it_were_silent():
    silent = SCORES.copy()
    silent[0] = NAN
    hidden = occluded(evidence(), 0, len(evidence().items))
    assert np.array_equal(hidden.features, gather(silent[:, ITEMS], ITEMS, ASKED, FITTED, SCALE).features)
    assert not np.array_equal(hidden.features, evidence().features)


def test_one_expert_alone_is_followed_by_the_fallback():
    scores = np.array([[NAN, 5, NAN, 1], [1, 2, 3, 4]], np.float32)
    seen = gather(scores, np.arange(4), Request(), np.zeros(4, np.int32), Calibration(np.ones(2, np.float32)))
    assert np.argsort(-Single(0, 1).combine(seen)).tolist() == [1, 3, 2, 0]


def test_a_switch_goes_by_the_user_then_by_the_item():
    scores = np.array([[1, 2], [30, 40], [700, 800]], np.float32)
    unit = Calibration(np.ones(3, np.float32))
    switch = Switch(FIRST, cold=1, new_user=2, fallback=2, cold_count=5, cold_scale=0.5)
    fitted = np.array([5, 6], np.int32)
    known = gather(scores, np.arange(2), ASKED, fitted, unit)
    stranger = gather(scores, np.arange(2), Request(), fitted, unit)
    assert switch.combine(known).tolist() == [15, 2]
    assert switch.combine(stranger).tolist() == [700, 800]


def test_a_count_curve_trusts_the_warm_expert_more_the_warmer_an_item_is():
    scores = np.array([[1, 1, 1], [0, 0, 0], [7, 8, 9]], np.float32)
    fitted = np.array([0, 10, 1_000], np.int32)
    curve = CountCurve(FIRST, cold=1, new_user=2, fallback=2, middle=float(np.log(11)), width=0.5)
    seen = gather(scores, np.arange(3), ASKED, fitted, Calibration(np.ones(3, np.float32)))
    cold, middle, warm = curve.combine(seen)
    assert middle == pytest.approx(0.5, abs=0.01)
    assert cold < 0.02 < 0.98 < warm


def test_a_mean_weighs_its_two_forms_alike_on_their_own_scales():
    large = Blend(np.float32(1000) * some(N_FEATURES))
    small = Blend(large.weights / np.float32(1e6))
    opposite = Blend(-small.weights)
    assert Mean(large, opposite, 1e6, 1.0).combine(evidence()) == pytest.approx(np.zeros(4), abs=1e-4)
    assert np.argmax(Mean(large, small, 1e6, 1.0).combine(evidence())) == np.argmax(large.combine(evidence()))


# shares


@pytest.mark.parametrize(
    ("contributions", "right"),
    [
        ([3, -1, 1], [0.75, 0, 0.25]),
        ([-1, -3, 0], [0.25, 0.75, 0]),
        ([0, 0, 0], [1 / 3, 1 / 3, 1 / 3]),
        ([1e-30, 0, 0], [1, 0, 0]),
        ([1e30, 1e30, -1e30], [0.5, 0.5, 0]),
    ],
)
def test_shares_by_hand(contributions, right):
    assert shares(np.array([contributions], np.float32))[0] == pytest.approx(right)


def test_shares_are_never_negative_and_sum_to_one():
    found = shares(DRAW.normal(size=(500, 7)).astype(np.float32))
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(500), abs=1e-5)


def test_a_part_of_a_score_is_what_it_would_lose_and_a_silent_expert_has_none():
    experts = tuple(Popularity(name, "popular", amount) for name, amount in zip("abc", SCORES, strict=True))
    weights = np.zeros(N_FEATURES, np.float32)
    weights[::PER_EXPERT] = 1
    hybrid = Hybrid(experts, Blend(weights), SCALE, Retriever(5, 1), FITTED)
    mixed = hybrid.mix(ASKED)
    assert mixed.evidence.items.tolist() == [0, 1, 2, 3]
    assert mixed.scores.tolist() == [2, 1, 5.5, 1]
    assert hybrid.contributions(mixed, np.array([2, 0])).tolist() == [[4.5, 1, 0], [2, 0, 0]]
    assert np.array_equal(hybrid.score(ASKED), [2, 1, 5.5, 1, NAN], equal_nan=True)

"""Which form serves: never one that something simpler beats, in worlds where it is known which is best."""

from functools import cache

import numpy as np
import pytest
from model_worlds import Named

from coldframe.models.choosing import Asked, choose
from coldframe.models.contenders import ndcg, singles, tuned
from coldframe.models.learned import LEARNED
from coldframe.models.lessons import Lesson, Lessons
from coldframe.models.selection import select
from coldframe.models.workshop import quiet
from coldframe.scoring.experts import Popularity
from coldframe.scoring.mixing import Calibration, Single, gather
from coldframe.scoring.request import History, Request
from coldframe.testing.shop import quick_settings

N_ITEMS = 30
SETTINGS = quick_settings(mixer={"epochs": 10})
FITTED = np.full(N_ITEMS, 10, np.int32)
NOW = 10**12


EXPERTS = (
    Named("left", "collaborative"),
    Named("right", "collaborative"),
    Popularity("popular-ever", "popular", np.zeros(N_ITEMS, np.float32)),
)


def lesson(scores, right, *, history=5, user=0):
    past = History(np.arange(history, dtype=np.int32), np.ones(history, np.float32), np.arange(history) + 1)
    items = np.arange(N_ITEMS, dtype=np.int32)
    unit = Calibration(np.ones(len(scores), np.float32))
    evidence = gather(np.asarray(scores, np.float32), items, Request(past, NOW), FITTED, unit)
    return Lesson(evidence, np.isin(items, right), len(right), history, user)


def lessons(n, answer, *, seed=1):
    """n lessons; `answer(moment, scores)` may change the experts' scores and returns the right row and the history."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(n):
        scores = draw.normal(size=(3, N_ITEMS)).astype(np.float32)
        right, history = answer(number / n, scores)
        made.append(lesson(scores, [right], history=history, user=number))
    return Lessons(tuple(made), Calibration(np.ones(3, np.float32)))


def mixing_helps(moment, scores):
    """Regulars want what left says and right denies, the others what both say."""
    regular = round(moment * 1_000) % 2 == 0
    return int((scores[0] - scores[1] if regular else scores[0] + scores[1]).argmax()), 40 if regular else 5


def left_becomes_an_oracle(moment, scores):
    """Until the check begins the left expert is always wrong, from then on always right."""
    right = int(scores[1].argmax())
    scores[0, right] = -5.0 if moment < 1 - SETTINGS.mixer.check else 9.0
    scores[1] = np.roll(scores[1], 1) if moment >= 1 - SETTINGS.mixer.check else scores[1]
    return right, 5


@cache
def where_mixing_helps():
    return select(EXPERTS, lessons(80, mixing_helps), SETTINGS, quiet)


def test_a_mixer_serves_where_mixing_helps():
    chosen = where_mixing_helps()
    assert for_known(chosen) in LEARNED
    assert "is the mixer" in chosen.reason
    assert max(chosen.scores[name].value for name in ("left", "right")) < chosen.scores[for_known(chosen)].value


def for_known(chosen):
    """What serves users with history; the rest of the name says what serves the others."""
    return chosen.name.partition(",")[0]


def everybody(bucket):
    """A lesson each for as many users."""
    return Asked(bucket, np.arange(len(bucket)))


def test_the_lessons_of_one_user_are_one():
    """Forty lessons with as large a lead: of forty users that is beyond doubt, of two who disagree it is not."""
    values = {"left": np.tile([0.45, 0.25], 20), "gate": np.full(40, 0.3)}
    simple, bucket = {"left": Single(0, 0)}, np.full(40, 3)
    assert choose(values, everybody(bucket), simple, "auto").serves[3] == "left"
    assert choose(values, Asked(bucket, np.tile([0, 1], 20)), simple, "auto").serves[3] == "gate"


def test_users_without_history_get_popularity_where_it_is_ahead_beyond_noise():
    bucket = np.where(np.arange(80) < 40, 0, 3)
    values = {name: np.full(80, score) for name, score in (("popular-month", 0.2), ("trending", 0.1), ("gate", 0.3))}
    simple = {"popular-month": Single(0, 0), "trending": Single(1, 0)}
    values["gate"][:40] = np.tile([0.0, 0.39], 20)
    assert choose(values, everybody(bucket), simple, "auto").serves == ("gate",) * 4
    values["gate"][:40] = np.tile([0.1, 0.2], 20)
    choice = choose(values, everybody(bucket), simple, "auto")
    assert choice.serves == ("popular-month", "gate", "gate", "gate")
    assert "popular-month (0.2000) is ahead of gate (0.1500)" in choice.reason


def test_where_nearly_no_user_without_history_was_seen_they_get_recent_popularity():
    bucket = np.where(np.arange(80) < 4, 0, 3)
    values = {"popular-month": np.full(80, 0.1), "gate": np.full(80, 0.3)}
    choice = choose(values, everybody(bucket), {"popular-month": Single(0, 0)}, "auto")
    assert choice.serves == ("popular-month", "gate", "gate", "gate")
    assert "too few to compare" in choice.reason


def test_a_bucket_of_users_is_served_by_what_is_better_for_it_beyond_doubt():
    bucket = np.repeat([1, 2, 3], 40)
    values = {"left": np.full(120, 0.2), "gate": np.full(120, 0.3)}
    values["left"][:40] = np.tile([0.3, 0.5], 20)
    choice = choose(values, everybody(bucket), {"left": Single(0, 0)}, "auto")
    assert choice.serves == ("gate", "left", "gate", "gate")
    assert choice.name == "gate, left for 1-5 events"
    assert "left is better beyond doubt" in choice.reason
    values["left"][:40] = np.tile([0.0, 0.7], 20)
    assert choose(values, everybody(bucket), {"left": Single(0, 0)}, "auto").serves == ("gate",) * 4


def test_an_expert_serves_where_it_alone_is_best_and_the_reason_says_so():
    chosen = select(EXPERTS, lessons(80, left_becomes_an_oracle), SETTINGS, quiet)
    assert (for_known(chosen), chosen.form.many) == ("left", Single(0, 2))
    assert chosen.scores["left"].value == 1
    assert "left alone does better" in chosen.reason


def test_every_form_is_compared_on_the_check_part():
    chosen = where_mixing_helps()
    assert set(chosen.forms) == {"left", "right", "popular-ever", "switch", "count-curve", *LEARNED}
    assert set(chosen.scores) >= set(chosen.forms)
    assert chosen.n_checked == 24
    assert chosen.candidate_recall == 1


def test_a_form_that_is_asked_for_serves():
    settings = quick_settings(mixer={"epochs": 10, "form": "softmax"})
    chosen = select(EXPERTS, lessons(80, mixing_helps), settings, quiet)
    assert chosen.name == "softmax"
    assert "asks for it" in chosen.reason


@pytest.mark.parametrize("n", [0, 1, 19])
def test_with_few_lessons_popularity_serves_and_the_reason_says_so(n):
    chosen = select(EXPERTS, lessons(n, mixing_helps), SETTINGS, quiet)
    assert (chosen.name, chosen.form, chosen.n_checked) == ("popular-ever", Single(2, 2), 0)
    assert f"{n} later requests are too few" in chosen.reason


def unreachable(n):
    """Lessons whose right answer no expert ever retrieves."""
    made = lessons(n, mixing_helps)
    missed = (Lesson(each.evidence, np.zeros(N_ITEMS, np.bool_), 1, 5, 0) for each in made.lessons)
    return Lessons(tuple(missed), made.calibration)


@pytest.mark.parametrize("form", ["auto", "gate"])
def test_where_no_right_answer_is_ever_a_candidate_something_simple_serves(form):
    chosen = select(EXPERTS, unreachable(40), quick_settings(mixer={"form": form}), quiet)
    assert for_known(chosen) in {"left", "right", "popular-ever"}
    assert chosen.reason


# contenders


def families():
    return (Named("warm", "collaborative"), Named("cold", "content"), Named("alike", "popular"), EXPERTS[2])


def learned_where(place):
    """Lessons of four experts where one of them knows the answer."""
    draw = np.random.default_rng(2)
    scores = [draw.normal(size=(4, N_ITEMS)).astype(np.float32) for _ in range(10)]
    made = [lesson(own, [int(own[place].argmax())]) for own in scores]
    return Lessons(tuple(made), Calibration(np.ones(4, np.float32)))


def test_a_switch_for_new_users_has_an_answer_where_its_popularity_is_silent():
    for form in tuned(families(), learned_where(2)).values():
        assert (form.new_user, form.fallback) == (2, 3)
        assert np.isfinite(form.combine(lesson(np.full((4, N_ITEMS), np.nan), [1], history=0).evidence)).all()


def test_the_warm_side_of_a_switch_takes_in_whoever_makes_it_better():
    known = learned_where(2)
    switch = tuned(families(), known)["switch"]
    assert switch.warm[2] > switch.warm[1] == 0
    assert ndcg(switch, known).mean() > ndcg(singles(families())["warm"], known).mean()


def test_there_is_no_switch_without_a_warm_side():
    assert tuned(families()[1:], lessons(5, mixing_helps)) == {}


@pytest.mark.parametrize(
    ("right", "value"),
    [([29], 1), ([28], 1 / np.log2(3)), ([29, 27], (1 + 0.5) / (1 + 1 / np.log2(3))), ([0], 0), ([29, 99], 0.6131)],
)
def test_ndcg_by_hand(right, value):
    """Item 29 is first, 28 second …; 99 is right but no candidate."""
    made = lesson(np.tile(np.arange(N_ITEMS, dtype=np.float32), (3, 1)), right)
    found = ndcg(singles(EXPERTS)["left"], Lessons((made,), Calibration(np.ones(3, np.float32))))
    assert found == pytest.approx([value], abs=1e-4)

"""A time budget: what does not fit in is left out and named, and what cannot be done within it is an error.

Time is what the steps of a training say it is: each step costs as many seconds as the test writes beside it.
"""

from collections import Counter

import pytest

from coldframe.errors import BudgetError
from coldframe.models import train_hybrid
from coldframe.models.budget import Budget
from coldframe.models.fits import EXPERTS
from coldframe.models.foresight import Machine, Size, expert_seconds, finishing_seconds
from coldframe.models.thrift import FEWEST_REQUESTS, USEFUL, FormsInTime, Thrift, spread
from coldframe.settings import Settings
from coldframe.testing.shop import quick_settings, shop

WANTED = ["popular-ever", "attributes", "item-item", "walk"]
SETTINGS = quick_settings(mixer={"experts": WANTED, "form": "blend"})
HOUR = 3_600.0


class Time:
    """Seconds that pass only at steps, by how many times the step was begun."""

    def __init__(self, **costs):
        self.now, self.begun = 0.0, Counter()
        self._costs = costs

    def __call__(self):
        return self.now

    def report(self, step, done, total):
        del done, total
        cost = self._costs.get(step.replace(" ", "_").replace("-", "_"), 0.0)
        self.now += cost[min(self.begun[step], len(cost) - 1)] if isinstance(cost, list) else cost
        self.begun[step] += 1


def trained(time, *, seconds=HOUR, settings=SETTINGS):
    return train_hybrid(shop().training_set(), settings, report=time.report, budget=Budget(seconds, stopwatch=time))


def names(result):
    return [expert.name for expert in result.hybrid.experts]


def what(result):
    return [one.what for one in result.left_out]


def test_without_a_budget_nothing_is_tried_and_nothing_left_out():
    time = Time(fit_item_item=1e9)
    result = trained(time, seconds=float("inf"))
    assert (time.begun["fit item-item"], what(result)) == (2, [])
    assert names(result) == [name for name in EXPERTS if name in WANTED]


def test_with_time_enough_the_same_is_made():
    plain, in_time = trained(Time(), seconds=float("inf")), trained(Time())
    assert names(in_time) == names(plain)
    assert in_time.left_out == ()
    assert in_time.selection.scores == plain.selection.scores


def test_an_expert_too_dear_is_foreseen_and_never_begun():
    training_set = shop().training_set()
    settings = quick_settings(mixer={"experts": ["popular-ever", "attributes", "item-item"]})
    dear = expert_seconds(Size.of(training_set), settings, 1.0)["item-item"]
    budget = Budget(HOUR, stopwatch=Time(), machine=Machine(HOUR / dear / 3))
    kept = Thrift(budget, settings, training_set).experts(training_set)
    assert [one.what for one in budget.left_out] == ["item-item"]
    assert kept.mixer.experts == ["attributes", "popular-ever"]


def test_the_filter_is_made_smaller_before_it_is_left_out():
    training_set = shop(n_items=1_000).training_set()
    settings = quick_settings(
        mixer={"experts": ["popular-ever", "spectral"]}, spectral={"rank": 512, "dense_items": 100}
    )
    dear = expert_seconds(Size.of(training_set), settings, 1.0)["spectral"]
    budget = Budget(HOUR, stopwatch=Time(), machine=Machine(HOUR / dear / 3))
    kept = Thrift(budget, settings, training_set).experts(training_set)
    assert 64 <= kept.spectral.rank < 512
    assert [one.what for one in budget.left_out] == ["directions of spectral"]
    assert "spectral" in kept.mixer.experts


@pytest.mark.parametrize("described", [False, True])
def test_what_is_foreseen_grows_with_what_there_is(described):
    few, many = (Size(*(times * n for n in (20, 18, 5, 30, 30, 100)), described) for times in (100, 10_000))
    settings = Settings()
    before, after = (expert_seconds(size, settings, 1.0) for size in (few, many))
    assert before.keys() == after.keys() <= EXPERTS.keys()
    assert all(0 < before[name] < after[name] for name in before)
    assert finishing_seconds(few, settings, WANTED) < finishing_seconds(many, settings, WANTED)


def test_the_machine_is_probed():
    machine = Machine.probed(2)
    assert machine.pace > 0
    assert 1 <= machine.cores <= 2


def test_what_was_spent_before_counts():
    assert Budget(60, spent=20, stopwatch=Time()).left == 40


def test_an_expert_that_took_longer_than_its_sample_said_is_not_fitted_again():
    time = Time(fit_item_item=[HOUR / 2])
    result = trained(time)
    assert time.begun["fit item-item"] == 1
    assert what(result) == ["item-item"]
    assert "item-item" not in names(result)


def test_the_more_useful_ones_are_kept():
    budget = Budget(HOUR, stopwatch=Time())
    took = dict.fromkeys(("attributes", "item-item", "walk"), 0.3 * HOUR)
    Thrift(budget, SETTINGS, shop().training_set()).again(took, 1.0)
    assert [one.what for one in budget.left_out] == ["walk"]


def test_requests_are_halved_until_they_fit():
    result = trained(
        Time(ask_experts=[HOUR / 4, 0.0]),
        settings=quick_settings(mixer={"experts": WANTED, "form": "blend", "max_requests": 200}),
    )
    (one,) = result.left_out
    assert one.what == "later requests"
    kept, of, asked = one.why.split()[0], one.why.split()[2], result.selection.n_checked
    assert FEWEST_REQUESTS <= int(kept) < int(of.rstrip(":"))
    assert asked < int(kept)


@pytest.mark.parametrize(
    ("costs", "why"),
    [
        ({"fit_popular_ever": HOUR / 2}, "popularity"),
        ({"fit_popular_ever": 2 * HOUR}, "spent at the step"),
        ({"ask_experts": [HOUR / 2, 0.0]}, "no time to ask"),
        ({"fit_mixer": HOUR}, "spent at the step"),
    ],
)
def test_too_small_a_budget_is_an_error_that_says_where_it_went(costs, why):
    with pytest.raises(BudgetError, match=why) as raised:
        trained(Time(**costs))
    assert "goes on serving" in raised.value.message
    assert "--time-budget" in raised.value.remedy


def test_a_form_is_begun_while_there_is_time_for_it_and_for_what_follows():
    time = Time()
    budget = Budget(100, stopwatch=time)
    forms = FormsInTime(budget)
    assert forms.may_begin("gate")
    with forms.timed():
        time.now += 15
    assert forms.may_begin("trees")
    with forms.timed():
        time.now += 15
    assert not forms.may_begin("network")
    assert not forms.whole("mean", ["network"])
    assert forms.whole("other", [])
    assert [one.what for one in budget.left_out] == ["mixer form network", "mixer form mean"]


def test_what_the_mean_is_made_of_comes_first_only_where_there_is_an_end():
    names = ["blend", "gate", "trees"]
    assert FormsInTime(Budget()).order(names, ("gate", "trees")) == names
    assert FormsInTime(Budget(60)).order(names, ("gate", "trees")) == ["gate", "trees", "blend"]


def test_every_expert_has_its_place_in_the_order_of_use():
    assert sorted(name for group in USEFUL for name in group) == sorted(EXPERTS)
    assert USEFUL[0][0] == "popular-ever"


@pytest.mark.parametrize(("n", "kept"), [(0, 0), (1, 1), (100, 100), (100, 50), (7, 3)])
def test_requests_that_are_kept_are_spread_over_the_time(n, kept):
    places = spread(n, kept)
    assert len(places) == kept
    assert (places == sorted(set(places))).all()
    assert not n or (places[0], places[-1]) == (0, n - 1)


def test_few_requests_are_all_asked_at_once():
    def never(n):
        raise AssertionError(n)

    training_set = shop().training_set()
    assert Thrift(Budget(60), SETTINGS, training_set).requests(FEWEST_REQUESTS, never) == FEWEST_REQUESTS
    assert Thrift(Budget(), SETTINGS, training_set).requests(10_000, never) == 10_000

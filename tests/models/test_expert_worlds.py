"""Each expert in a world where the right answer is known, and in one where it must say nothing."""

from itertools import combinations

import numpy as np
import pytest
from model_worlds import ask, item, ranked, scores, user, workshop

from coldframe.models.fits import EXPERTS

CLUSTERS = {"lamp": [f"lamp{n}" for n in range(6)], "mug": [f"mug{n}" for n in range(6)]}


def two_tastes():
    """Fifteen people, each with another four of six lamps, and fifteen likewise with mugs; each begins elsewhere."""
    return [
        (f"{taste}-lover{n}", four[(place + n) % 4], 2 * n + place)
        for taste, names in CLUSTERS.items()
        for n, four in enumerate(combinations(names, 4))
        for place in range(4)
    ]


CATALOGUE = [
    item(name, taste, f"{taste}s", "shiny") for taste, names in CLUSTERS.items() for name in [*names, f"new-{taste}"]
]


@pytest.fixture(scope="module")
def tastes():
    return workshop(two_tastes(), CATALOGUE)


@pytest.mark.parametrize(
    "name", ["collaborative", "item-item", "spectral", "stacked", "smoothed", "regressed", "transitions"]
)
@pytest.mark.parametrize(("taste", "other"), [("lamp", "mug"), ("mug", "lamp")])
def test_who_took_two_of_a_kind_gets_the_rest_of_it_first(tastes, name, taste, other):
    order = ranked(EXPERTS[name](tastes), tastes.training_set, f"{taste}0", f"{taste}1")
    warm = [one for one in order if not one.startswith("new")]
    assert set(warm[:4]) == {f"{taste}{n}" for n in range(2, 6)}
    assert all(one.startswith(other) for one in warm[4:])


@pytest.mark.parametrize("name", ["smoothed", "regressed", "attributes", "content", "bayes"])
def test_a_new_item_goes_to_those_who_like_its_kind(tastes, name):
    expert, known = EXPERTS[name](tastes), tastes.training_set
    lamps, mugs = scores(expert, known, "lamp0", "lamp1"), scores(expert, known, "mug0", "mug1")
    assert lamps["new-lamp"] > lamps["new-mug"]
    assert mugs["new-mug"] > mugs["new-lamp"]


@pytest.mark.parametrize("name", ["collaborative", "item-item", "spectral", "transitions"])
def test_what_nobody_took_is_not_known_by_who_took_what(tastes, name):
    said = scores(EXPERTS[name](tastes), tastes.training_set, "lamp0")
    assert not said.keys() & {"new-lamp", "new-mug"}


@pytest.mark.parametrize("name", ["smoothed", "regressed", "attributes", "content", "bayes"])
def test_a_past_of_new_items_alone_is_enough_for_content(tastes, name):
    expert, known = EXPERTS[name](tastes), tastes.training_set
    said = scores(expert, known, "new-lamp")
    assert name in {"smoothed", "regressed"} or np.mean([said[one] for one in CLUSTERS["lamp"]]) > np.mean(
        [said[one] for one in CLUSTERS["mug"]]
    )


def test_content_has_no_place_in_a_world_without_any():
    bare = workshop(two_tastes())
    assert [
        EXPERTS[name](bare)
        for name in ("stacked", "smoothed", "regressed", "content", "bayes", "attributes", "popular-alike")
    ] == [None] * 7


def test_an_item_moves_from_where_its_kind_stands_to_where_its_buyers_put_it():
    """A mug that only lamp lovers take: the more of them took it, the less its kind counts."""

    def preference(n):
        odd = [(f"lamp-lover{each}", "odd", 40 + each) for each in range(n)]
        world = workshop([*two_tastes(), *odd], [*CATALOGUE, item("odd", "mug", "mugs", "shiny")])
        said = [scores(EXPERTS["bayes"](world), world.training_set, f"{taste}0", f"{taste}1") for taste in CLUSTERS]
        return said[0]["odd"] - said[1]["odd"]

    none, few, many = (preference(n) for n in (0, 2, 15))
    assert none < 0 < many
    assert none < few < many


def test_a_user_begins_where_people_like_him_stand_and_moves_to_his_own_past(tastes):
    people = [user(f"{taste}-lover{n}", likes=taste) for taste in CLUSTERS for n in range(15)]
    world = workshop(two_tastes(), CATALOGUE, people)
    expert, known = EXPERTS["bayes"](world), world.training_set

    def preference(*history):
        said = scores(expert, known, *history, attributes=["likes=mug"])
        return np.mean([said[one] for one in CLUSTERS["mug"]]) - np.mean([said[one] for one in CLUSTERS["lamp"]])

    assert preference() > 0 > preference("lamp0", "lamp1", "lamp2", "lamp3")
    assert preference("mug0") > preference("lamp0")
    assert scores(EXPERTS["bayes"](tastes), tastes.training_set) == {}


def test_what_comes_next_comes_first():
    rows = [(f"u{n}", name, n + place) for n in range(12) for place, name in enumerate("abcd")]
    world = workshop([*rows, *((f"x{n}", "d", n) for n in range(30))])
    expert = EXPERTS["transitions"](world)
    assert ranked(expert, world.training_set, "a")[0] == "b"
    assert ranked(expert, world.training_set, "a", "b")[0] == "c"
    assert ranked(expert, world.training_set, "c")[0] == "d"


def test_the_last_step_counts_most():
    rows = [
        (f"u{n}-{a}", name, n + place) for n in range(9) for a, b in ("ab", "xy") for place, name in enumerate((a, b))
    ]
    world = workshop(rows)
    expert = EXPERTS["transitions"](world)
    assert ranked(expert, world.training_set, "x", "a")[0] == "b"
    assert ranked(expert, world.training_set, "a", "x")[0] == "y"


def test_nothing_follows_where_all_is_at_once():
    assert EXPERTS["transitions"](workshop([(f"u{n}", name, 1) for n in range(9) for name in "abc"])) is None


def test_refills_come_back_and_lamps_do_not():
    coffee = [(f"u{n}", "coffee", 7 * week + n / 10) for n in range(15) for week in range(4)]
    lamps = [(f"u{n}", "lamp", 10 + n) for n in range(15)]
    world = workshop([*coffee, *lamps, ("u0", "rug", 3)])
    said = scores(EXPERTS["repeat"](world), world.training_set, "lamp", "coffee")
    assert said.keys() == {"lamp", "coffee"}
    assert said["coffee"] > 1.5 * said["lamp"]


def test_the_more_often_and_the_later_somebody_took_it_the_readier_he_is():
    world = workshop([(f"u{n}", name, day) for n in range(9) for name in "ab" for day in (1, 8)])
    expert, known = EXPERTS["repeat"](world), world.training_set
    assert ranked_had(scores(expert, known, "a", "b", "b")) == ["b", "a"]
    assert ranked_had(scores(expert, known, "a", "b")) == ["b", "a"]
    assert ranked_had(scores(expert, known, "b", "a")) == ["a", "b"]


def ranked_had(said):
    return sorted(said, key=lambda name: -said[name])


def test_nobody_comes_back_where_nobody_ever_did(tastes):
    assert EXPERTS["repeat"](tastes) is None


def test_a_burst_of_last_week_leads_the_week_but_not_the_year():
    rows = [*((f"u{n}", "classic", n) for n in range(50)), *((f"v{n}", "fad", 54 + n / 10) for n in range(20))]
    world = workshop(rows, as_of=58)
    orders = {name: ranked(EXPERTS[f"popular-{name}"](world), world.training_set) for name in ("ever", "month", "week")}
    assert orders["ever"][0] == "classic"
    assert orders["week"][0] == "fad"


def test_popularity_of_a_week_is_not_told_where_a_week_is_all_there_is():
    world = workshop([(f"u{n}", "a", n / 10) for n in range(20)])
    assert EXPERTS["popular-week"](world) is None
    assert EXPERTS["popular-month"](world) is None


def test_a_country_has_its_own_favourites():
    dutch = [(f"n{n}", "clogs" if n % 20 else "hat", n) for n in range(40)]
    finns = [(f"f{n}", "sauna", n) for n in range(60)]
    people = [*(user(f"n{n}", country="NL") for n in range(40)), *(user(f"f{n}", country="FI") for n in range(60))]
    world = workshop([*dutch, *finns], users=people)
    alike, ever = EXPERTS["popular-alike"](world), EXPERTS["popular-ever"](world)
    assert ranked(ever, world.training_set)[0] == "sauna"
    assert ranked(alike, world.training_set, attributes=["country=NL"])[0] == "clogs"
    assert ranked(alike, world.training_set, attributes=["country=FI"])[0] == "sauna"
    assert scores(alike, world.training_set) == {}


def test_what_somebody_told_us_reaches_the_content_expert(tastes):
    people = [user(f"{taste}-lover{n}", likes=taste) for taste in CLUSTERS for n in range(15)]
    world = workshop(two_tastes(), CATALOGUE, people)
    said = scores(EXPERTS["content"](world), world.training_set, attributes=["likes=mug"])
    assert said["new-mug"] > said["new-lamp"]


def test_a_trend_is_what_happened_since():
    world = workshop([("u1", "a", 1), ("u2", "a", 2), ("u3", "b", 3)])
    expert, known = EXPERTS["trending"](world), world.training_set
    assert ranked(expert, known, counts=[2, 9]) == ["b", "a"]
    assert scores(expert, known, counts=[2, 1]) == {"a": 0, "b": 0}
    assert np.isnan(expert.score(ask(known))).all()

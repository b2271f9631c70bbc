"""The whole evaluation against an independent one, and what must not change it."""

import json
import re
from io import StringIO
from math import isnan, log2
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import ndcg_score
from worlds import Fixed, bare, events, plan, training_set, weigh

from coldframe.clock import generator
from coldframe.domain import Item
from coldframe.errors import DataError, InputError
from coldframe.evaluation import (
    Cases,
    Plan,
    Sampling,
    as_json,
    as_table,
    column_split,
    evaluate,
    fit_baselines,
    published_split,
    time_split,
)
from coldframe.evaluation.evaluate import EvaluationReport
from coldframe.metrics import paired_bootstrap


def ratings(n_users=150, n_items=90, seed=0, name=str):
    """Pairs with MovieLens' long tails: few users with many films, few films with many users; train and test."""
    random = generator(seed, "ratings")
    chances = 1 / np.arange(1, n_items + 1)
    train, test = [], []
    for user in range(n_users):
        size = min(n_items - 5, 4 + int(random.pareto(1.2) * 6))
        films = random.choice(n_items, size, replace=False, p=chances / chances.sum())
        cut = max(1, int(0.8 * size))
        train += [(f"u{user:03d}", name(film)) for film in films[:cut]]
        test += [(f"u{user:03d}", name(film)) for film in films[cut:]]
    return train, test


class Neighbours:
    """Items often had together; NaN for an item that nobody has had."""

    name = "neighbours"

    def __init__(self, training_set):
        seen = np.zeros((training_set.n_users, training_set.n_items), np.float32)
        seen[training_set.interactions.user, training_set.interactions.item] = 1
        noise = generator(9, "noise").random(seen.shape[1]).astype(np.float32) * 1e-3
        self.matrix = seen.T @ seen + noise
        self.matrix[:, seen.sum(axis=0) == 0] = np.nan

    def score(self, request):
        return self.matrix[request.history.item].sum(axis=0)


@pytest.fixture(scope="module")
def world():
    return ratings()


@pytest.fixture(scope="module")
def made(world):
    return plan(published_split(bare(*world[0]), bare(*world[1])))


@pytest.fixture(scope="module")
def report(made) -> EvaluationReport:
    scorers = {"neighbours": Neighbours(made.training_set), **fit_baselines(made.training_set, recent_days=3)}
    return evaluate(made, scorers, ks=[20, 5, 10], fallback=scorers["popular"], draws=200)


def by_hand(world, made, k):
    """Every user's metrics with plain sets and loops, sharing nothing with the code under test but the scores."""
    train, test = ({user: {item for other, item in pairs if other == user} for user, _ in pairs} for pairs in world)
    scorer, ids = Neighbours(made.training_set), made.training_set.items.ids
    popular = {item: sum(item == other for _, other in world[0]) for item in ids}
    found = {"ndcg": [], "recall": [], "hit_rate": [], "shown": set()}
    for user in sorted(test):
        rows = [ids.index(item) for item in sorted(train[user])]
        scores = np.sum([scorer.matrix[row] for row in rows], axis=0)
        open_ids = [item for item in ids if item not in train[user]]
        scored = [item for item in open_ids if not isnan(scores[ids.index(item)])]
        best = sorted(scored, key=lambda item: -scores[ids.index(item)])[:k]
        best += sorted(set(open_ids) - set(scored), key=lambda item: -popular[item])[: k - len(best)]
        hits = [item in test[user] for item in best]
        ideal = sum(1 / log2(place + 2) for place in range(min(k, len(test[user]))))
        found["ndcg"].append(sum(hit / log2(place + 2) for place, hit in enumerate(hits)) / ideal)
        found["recall"].append(sum(hits) / len(test[user]))
        found["hit_rate"].append(float(any(hits)))
        found["shown"] |= set(best)
    return found


@pytest.mark.parametrize("k", [5, 20])
def test_per_user_averages_agree_with_a_plain_implementation(world, made, report, k):
    found = by_hand(world, made, k)
    for metric in ("ndcg", "recall", "hit_rate"):
        assert report.models["neighbours"][f"{metric}@{k}"].value == pytest.approx(np.mean(found[metric]), abs=1e-6)
        per_user = report.per_request["overall"].values["neighbours"][f"{metric}@{k}"]
        np.testing.assert_allclose(per_user, found[metric], atol=1e-6)
    shown = len(found["shown"]) / made.training_set.n_items
    assert report.models["neighbours"][f"coverage@{k}"].value == pytest.approx(shown)


def test_ndcg_agrees_with_scikit_learn(made):
    """Everything scored, nothing tied: scikit-learn sees the same order."""
    random = generator(4, "scores")
    scores = random.random(made.training_set.n_items).astype(np.float32)
    values = evaluate(made, {"fixed": Fixed(scores)}, ks=[10]).per_request["overall"].values["fixed"]["ndcg@10"]
    for value, case in zip(values, made.cases, strict=True):
        truth = np.zeros(made.training_set.n_items)
        truth[case.relevant] = 1
        allowed = case.request.allowed
        assert value == pytest.approx(ndcg_score([truth[allowed]], [scores[allowed]], k=10), abs=1e-9)


def test_other_ids_change_nothing(world, report):
    """Ids in another order are other rows; a model that scores by content of the log gives the same numbers."""
    order = generator(8, "order").permutation(1000)
    renamed = tuple([(f"x{order[int(u[1:])]}", f"{order[int(i)]:04d}") for u, i in pairs] for pairs in world)
    made = plan(published_split(bare(*renamed[0]), bare(*renamed[1])))
    scorers = fit_baselines(made.training_set, recent_days=3)
    again = evaluate(made, scorers, ks=[5, 10, 20], draws=50)
    for metric in ("ndcg@20", "recall@20", "hit_rate@5"):
        interval = report.models["popular"][metric]
        assert again.models["popular"][metric].value == pytest.approx(interval.value, abs=0.02)  # ties fall otherwise
    untied = {
        name: plan(published_split(bare(*train), bare(*test)))
        for name, (train, test) in {"before": world, "after": renamed}.items()
    }
    values = {}
    for name, one in untied.items():
        old = (
            one.training_set.items.ids
            if name == "before"
            else [str(np.argwhere(order == int(i))[0, 0]) for i in one.training_set.items.ids]
        )
        scores = np.array([hash_of(item) for item in old], np.float32)
        values[name] = evaluate(one, {"fixed": Fixed(scores)}, ks=[10], draws=50).models["fixed"]
    for metric in ("ndcg@10", "recall@10", "hit_rate@10", "coverage@10", "tail@10"):
        assert values["before"][metric].value == pytest.approx(values["after"][metric].value, abs=1e-12)


def hash_of(item):
    return generator(1, "score of", item).random()


def test_the_order_of_models_and_of_rows_changes_no_number(world, made, report):
    shuffled = [list(generator(6, "rows").permutation(pairs)) for pairs in world]
    again = plan(published_split(*(bare(*map(tuple, pairs)) for pairs in shuffled)))
    scorers = dict(reversed(fit_baselines(again.training_set, recent_days=3).items()))
    other = evaluate(again, scorers, ks=[5, 10, 20], draws=200)
    for name in scorers:
        for metric in ("ndcg@10", "recall@20", "coverage@5"):
            assert other.models[name][metric].value == pytest.approx(report.models[name][metric].value)
    assert other.reference == "random"


def test_shorter_lists_are_prefixes(made, report):
    ten = evaluate(made, fit_baselines(made.training_set, recent_days=3), ks=[10], draws=20)
    for name, ranked in ten.per_request["overall"].lists.ranked.items():
        assert (ranked == report.per_request["overall"].lists.ranked[name][:, :10]).all()


def test_the_same_seed_gives_the_same_report(made):
    one, two = (
        as_json(evaluate(made, fit_baselines(made.training_set, recent_days=3), draws=30, stopwatch=lambda: 0.0))
        for _ in range(2)
    )
    assert one == two


def test_slices_part_the_requests_and_weigh_up_to_the_whole(report):
    users = [name for name in report.slices if name.startswith("user:")]
    assert sum(report.slice_requests[name] for name in users) == report.n_requests
    for model, numbers in report.models.items():
        whole = sum(report.slices[name][model]["ndcg@10"].value * report.slice_requests[name] for name in users)
        assert whole / report.n_requests == pytest.approx(numbers["ndcg@10"].value)
    assert {name for name in report.slices if name.startswith("item:")} <= {
        "item:0",
        "item:1-5",
        "item:6-20",
        "item:>20",
    }


def test_an_item_slice_counts_only_its_own_right_answers(made, report):
    lists = report.per_request["overall"].lists
    for name, low, high in (("item:1-5", 1, 5), ("item:>20", 21, 10**9)):
        recalls = []
        for row in range(len(lists)):
            part = slice(lists.relevant.indptr[row], lists.relevant.indptr[row + 1])
            counts = lists.target_counts[part]
            wanted = set(lists.relevant.items[part][(counts >= low) & (counts <= high)].tolist())
            if wanted:
                recalls.append(len(wanted & set(lists.ranked["popular"][row][:10].tolist())) / len(wanted))
        assert report.slices[name]["popular"]["recall@10"].value == pytest.approx(np.mean(recalls))
        assert report.slice_requests[name] == len(recalls)


def test_differences_are_paired_in_the_whole_and_in_every_slice(report):
    values = report.per_request["overall"].values
    expected = paired_bootstrap(
        values["neighbours"]["ndcg@10"], values["random"]["ndcg@10"], generator=generator(0, "test"), draws=200
    )
    found = report.differences["random"]["ndcg@10"]
    assert found.difference.value == pytest.approx(expected.difference.value)
    assert found.difference.low == pytest.approx(expected.difference.low, rel=0.2)
    assert found.difference.low > 0
    assert set(report.slice_differences) == set(report.slices)
    for name, models in report.slice_differences.items():
        assert set(models) == {"popular", "recent-popular", "random"}
        for model, metrics in models.items():
            numbers = report.slices[name]
            gap = numbers["neighbours"]["recall@10"].value - numbers[model]["recall@10"].value
            assert metrics["recall@10"].difference.value == pytest.approx(gap)
    assert report.differences == report.slice_differences["overall"]


def test_one_model_has_nobody_to_differ_from(made):
    report = evaluate(made, {"random": fit_baselines(made.training_set, recent_days=3)["random"]}, draws=20)
    assert report.differences == {}


def test_the_json_has_the_promised_shape(report):
    tree = json.loads(as_json(report))
    for name in ("neighbours", "popular", "recent-popular", "random"):
        for metric in ("ndcg@10", "recall@20", "hit_rate@10", "coverage@10"):
            numbers = tree["models"][name][metric]
            assert {"value", "low", "high"} <= set(numbers)
            assert 0 <= numbers["low"] <= numbers["value"] <= numbers["high"] <= 1
        assert tree["seconds"][name] >= 0
    assert tree["slices"]["overall"] == tree["models"]
    assert tree["slices"]["user:6-20"]["popular"]["ndcg@10"]["value"] >= 0
    assert tree["k"] == [5, 10, 20]
    assert set(tree["slice_differences"]) == set(tree["slices"])
    assert tree["differences"]["random"]["ndcg@10"]["difference"]["value"] > 0


def test_what_is_not_defined_is_null_in_json():
    made = plan(published_split(bare(("ann", "a"), ("bob", "b")), bare(("ann", "b"))))
    numbers = json.loads(as_json(evaluate(made, fit_baselines(made.training_set, recent_days=3))))["models"]["popular"]
    assert numbers["ndcg@10"] == {"value": 1.0, "low": None, "high": None, "n": 1}


def test_every_key_of_the_json_is_documented(report):
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    tree = json.loads(as_json(report))
    names = {*tree, *tree["n"], *tree["seconds"], *(metric.partition("@")[0] for metric in tree["models"]["popular"])}
    slices = {name for name in tree["slices"] if ":" in name}
    models = set(tree["models"]) - {"neighbours"}
    missing = [
        name for name in (names | slices | models) - {"neighbours"} if not re.search(rf"`{re.escape(name)}", page)
    ]
    assert missing == []


def test_the_table_shows_models_slices_differences_and_what_was_left_out(report):
    page = StringIO()
    Console(file=page, width=300).print(as_table(report))
    text = page.getvalue()
    for words in (
        "neighbours",
        "recent-popular",
        "ndcg@5",
        "user:6-20",
        "item:>20",
        "neighbours − popular",
        "users asked",
    ):
        assert words in text
    assert "nan" not in text


def test_diversity_is_measured_where_items_have_categories(world):
    items = [Item(item_id=str(film), categories=(f"c{film % 7}",)) for film in range(90)]
    made = plan(published_split(bare(*world[0]), bare(*world[1]), items))
    report = evaluate(made, fit_baselines(made.training_set, recent_days=3), ks=[10], draws=20)
    assert 0 < report.models["popular"]["diversity@10"].value <= 1
    assert "diversity@10" not in report.slices["item:>20"]["popular"]


def test_every_protocol_goes_through():
    random = generator(0, "protocols")
    rows = [(f"u{random.integers(9)}", f"i{random.integers(20)}", n * 50) for n in range(200)]
    made = plan(time_split(events(*rows), fraction=0.7, discovery=True))
    scorers = fit_baselines(made.training_set, recent_days=3)
    assert {"overall", "discovery"} <= set(evaluate(made, scorers, draws=20).slices)
    parts = ["train", "train", "warm_test", "warm_val"]
    marked = [(f"u{n % 7}", f"i{(n * n) % 11}", n, "purchase", parts[n % 4]) for n in range(80)]
    made = plan(column_split(events(*marked, keep="split"), column="split"))
    scorers = fit_baselines(made.training_set, recent_days=3)
    assert {"overall", "warm"} <= set(evaluate(made, scorers, draws=20).slices)


def test_nothing_to_evaluate_is_refused(made):
    scorers = fit_baselines(made.training_set, recent_days=3)
    with pytest.raises(InputError, match="no model"):
        evaluate(made, {})
    with pytest.raises(InputError, match="no list length"):
        evaluate(made, scorers, ks=[0])
    with pytest.raises(DataError, match="no request"):
        evaluate(Plan("test", made.training_set, Cases.none()), scorers)


def test_a_sample_of_requests_is_measured_alone(world):
    split = published_split(bare(*world[0]), bare(*world[1]))
    some = split.plan(training_set(split), weigh, Sampling(40, seed=1))
    report = evaluate(some, fit_baselines(some.training_set, recent_days=3), draws=20)
    assert report.n_requests == 40

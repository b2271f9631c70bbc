"""`--split column:NAME` in a world worked out by hand: who learns from which rows, who is asked what among what."""

import polars as pl
import pytest
from worlds import bare, plan, questions

from coldframe.domain import Item
from coldframe.errors import ColumnError, DataError
from coldframe.evaluation import column_split, complete_events

ROWS = [
    ("ann", "w1", "train"),
    ("ann", "w2", "train"),
    ("bob", "w2", "train"),
    ("bob", "w3", "train"),
    ("ann", "w3", "warm_val"),
    ("bob", "k1", "cold_val"),
    ("ann", "w4", "warm_test"),
    ("bob", "w1", "warm_test"),
    ("ann", "k2", "cold_test"),
    ("eve", "k2", "cold_test"),
]


def published(rows, name="split"):
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", name], orient="row")
    return complete_events(frame, keep=name)


@pytest.fixture
def made():
    return plan(column_split(published(ROWS), column="split"))


def asked(cases, ids):
    return [
        (
            case.user_id,
            case.view,
            {ids[row] for row in case.request.history.item},
            {ids[row] for row, allowed in enumerate(case.request.allowed) if allowed},
            {ids[row] for row in case.relevant},
        )
        for case in cases
    ]


def test_the_test_questions(made):
    ann = {"w1", "w2"}
    assert asked(made.cases, made.training_set.items.ids) == [
        ("ann", "overall", ann, {"w4", "k2"}, {"w4", "k2"}),
        ("ann", "warm", ann, {"w4"}, {"w4"}),
        ("ann", "cold", ann, {"k2"}, {"k2"}),
        ("bob", "overall", {"w2", "w3"}, {"w1", "w4", "k2"}, {"w1"}),
        ("bob", "warm", {"w2", "w3"}, {"w1", "w4"}, {"w1"}),
        ("eve", "overall", set(), {"w1", "w2", "w3", "w4", "k2"}, {"k2"}),
        ("eve", "cold", set(), {"k2"}, {"k2"}),
    ]
    assert len(made.cases) == 7


def test_the_validation_questions_know_no_test_row(made):
    assert asked(made.validation, made.training_set.items.ids) == [
        ("ann", "overall", {"w1", "w2"}, {"w3", "k1"}, {"w3"}),
        ("bob", "overall", {"w2", "w3"}, {"w1", "k1"}, {"k1"}),
    ]
    assert len(made.validation) == 2


def test_experts_learn_from_train_rows_alone(made):
    assert len(made.training_set.interactions) == 4
    assert set(made.training_set.items.ids) == {"w1", "w2", "w3", "w4", "k1", "k2"}
    assert made.facts["train_events"] == 4
    assert (made.facts["warm_items"], made.facts["cold_items"]) == (4, 2)


def test_an_item_that_no_row_mentions_is_cold():
    made = plan(column_split(published(ROWS), [Item(item_id="k9")], column="split"))
    cold = [
        candidates for _, view, _, candidates, _ in asked(made.cases, made.training_set.items.ids) if view == "cold"
    ]
    assert all("k9" in candidates for candidates in cold)


def test_other_names_are_mapped():
    theirs = {"train": "warm_emb", "cold_val": "cold_item_val", "cold_test": "cold_item_test"}
    rows = [(user, item, theirs.get(part, part)) for user, item, part in ROWS]
    mapped = plan(column_split(published(rows, "part"), column="part", values=theirs))
    assert questions(mapped) == questions(plan(column_split(published(ROWS), column="split")))


def test_parts_without_rows_are_fine():
    made = plan(column_split(published([row for row in ROWS if row[2] in ("train", "warm_test")]), column="split"))
    assert {case.view for case in made.cases} == {"overall", "warm"}
    assert len(made.validation) == 0


@pytest.mark.parametrize(
    ("rows", "values", "words"),
    [
        ([*ROWS, ("ann", "w1", "holdout")], None, "'holdout', which is no part"),
        ([row for row in ROWS if row[2] != "train"], None, "no train or no test row"),
        ([row for row in ROWS if "test" not in row[2]], None, "no train or no test row"),
        ([*ROWS, ("ann", "k1", "train")], None, "'k1' has warm and cold rows"),
        (ROWS, {"trian": "train"}, "no part 'trian'"),
        ([*ROWS, ("ann", "w1", None)], None, "which is no part"),
    ],
    ids=["unmapped", "no train", "no test", "lukewarm", "misspelt", "blank"],
)
def test_what_cannot_be_a_split_is_refused(rows, values, words):
    with pytest.raises(DataError, match=words):
        column_split(published(rows), column="split", values=values)


def test_a_missing_column_is_named():
    with pytest.raises(ColumnError, match="no column 'part'"):
        column_split(bare(("ann", "a")), column="part")

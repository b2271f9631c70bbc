"""The parts by themselves: defaults of bare files, how a split is spelt, baselines, buckets, the log, a whole run."""

import numpy as np
import polars as pl
import pytest
from worlds import Fixed, at, bare, events, training_set, weigh

from coldframe.dataset.training_set import Vocabulary
from coldframe.domain import Item
from coldframe.errors import ColumnError, DataError, InputError
from coldframe.evaluation import (
    Cases,
    Files,
    Protocol,
    Trainer,
    complete_events,
    fit_baselines,
    published_split,
    read_split,
    run,
    time_split,
)
from coldframe.evaluation.files import parsed
from coldframe.evaluation.log import read_log
from coldframe.evaluation.plan import Case
from coldframe.evaluation.slices import ITEM_BUCKETS, USER_BUCKETS, split_by
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.scoring.request import History, Request
from coldframe.settings import Settings


def test_a_bare_file_gets_every_column_and_counts_whole():
    found = complete_events(pl.DataFrame({"user_id": [1, 1], "item_id": [7, 7], "other": [0, 0]}))
    assert dict(found.schema) == EVENT_COLUMNS
    assert found["event_type"].to_list() == ["purchase", "purchase"]
    assert found["timestamp"].dt.epoch("us").to_list() == [0, 0]
    assert found["event_id"].is_sorted()


def test_an_event_id_counts_once():
    frame = pl.DataFrame({"event_id": ["a", "b", "a", None], "user_id": ["u"] * 4, "item_id": ["x", "y", "z", "w"]})
    assert complete_events(frame)["item_id"].to_list() == ["x", "y", "w"]


@pytest.mark.parametrize(
    ("frame", "keep", "error"),
    [
        (pl.DataFrame({"item_id": [1]}), None, ColumnError),
        (pl.DataFrame({"user_id": [1]}), None, ColumnError),
        (pl.DataFrame({"user_id": [1], "item_id": [1]}), "split", ColumnError),
        (pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": [at(0), None]}), None, DataError),
    ],
    ids=["no user", "no item", "no column to keep", "times for some"],
)
def test_a_frame_that_lacks_what_is_needed_is_refused(frame, keep, error):
    with pytest.raises(error):
        complete_events(frame, keep=keep)


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (Protocol(), "Exactly one"),
        (Protocol(test="x", split="time:0.9"), "Exactly one"),
        (Protocol(split="time"), "is no split"),
        (Protocol(split="time:soon"), "is no split"),
        (Protocol(split="column:"), "is no split"),
        (Protocol(split="test:"), "is no split"),
        (Protocol(split="time:0.9", values={"train": "x"}), "--split-values belongs"),
        (Protocol(test="x", discovery=True), "--discovery belongs"),
        (Protocol(test="x", young=True), "--young belongs"),
        (Protocol(test="x", within=5), "--within belongs"),
        (Protocol(test="x", refit_days=5), "--refit-days belongs"),
    ],
    ids=str,
)
def test_a_split_that_is_no_split_is_refused_before_anything_is_read(protocol, words):
    with pytest.raises(InputError, match=words):
        parsed(protocol)


def test_files_become_splits(tmp_path):
    train, test, items, users = (tmp_path / f"{name}.csv" for name in ("train", "test", "items", "users"))
    train.write_text("who,what,part,when\n1,a,train,2024-01-01\n2,b,train,2024-01-02\n1,c,warm_test,2024-01-03\n")
    test.write_text("who,what\n1,b\n")
    items.write_text("item_id,title,categories\nd,Spade,tools|garden\n")
    users.write_text("user_id,city\n1,Ulm\n")
    columns = {"user_id": "who", "item_id": "what"}
    files = Files([train], items, users, columns)
    published = read_split(files, Protocol(test=test))
    assert (published.protocol, [item.item_id for item in published.items]) == ("test", ["a", "b", "c", "d"])
    assert published.users[0].attributes == {"city": "Ulm"}
    column = read_split(files, Protocol(split="column:part"))
    assert (column.protocol, len(column.train)) == ("column", 2)
    timed = Files([train], columns=columns | {"timestamp": "when"})
    assert len(read_split(timed, Protocol(split="time:0.7")).train) == 2
    with pytest.raises(InputError, match="Without times"):
        read_split(files, Protocol(split="time:0.7"))
    with pytest.raises(InputError, match="no event file"):
        read_split(Files([]), Protocol(test=test))


def test_rows_that_cannot_be_used_are_told_or_an_error(tmp_path):
    train = tmp_path / "train.csv"
    train.write_text("user_id,item_id\n1,a\n,b\n2,b\n")
    told = []
    split = read_split(Files([train], on_refused=lambda path, refused: told.append(len(refused))), Protocol(test=train))
    assert (len(split.train), told) == (2, [1, 1])
    with pytest.raises(InputError, match="cannot be used"):
        read_split(Files([train]), Protocol(test=train))


def test_baselines_by_hand():
    rows = [("ann", "a", 0), ("bob", "a", 1), ("ann", "b", 9000), ("cat", "c", 2, "click"), ("cat", "d", 3, "rating_1")]
    split = published_split(events(*rows), bare(("ann", "c")), [Item(item_id="e")])
    baselines = fit_baselines(training_set(split), recent_days=2)
    request = Request()
    np.testing.assert_allclose(baselines["popular"].score(request), [2, 1, 0.3, 0, 0], atol=1e-6)
    assert np.argsort(-baselines["recent-popular"].score(request), kind="stable").tolist() == [1, 0, 2, 3, 4]
    assert baselines["random"].score(request).tolist() == [0] * 5
    assert [scorer.name for scorer in baselines.values()] == list(baselines)


@pytest.mark.parametrize("buckets", [USER_BUCKETS, ITEM_BUCKETS])
def test_every_count_is_in_exactly_one_bucket(buckets):
    counts = np.array([0, 1, 2, 5, 6, 20, 21, 10**12])
    masks = [mask for _, mask in split_by(counts, buckets)]
    assert (np.sum(masks, axis=0) == 1).all()


def test_the_log_gives_each_actor_a_past_in_order_of_time():
    log = read_log(
        events(("bob", "b", 5), ("ann", "b", 3), ("ann", "a", 1), ("ann", "a", 3)), Vocabulary(("a", "b")), weigh
    )
    now = int(log.timestamp.max()) + 1
    assert log.actors.ids == ("ann", "bob")
    assert log.history(0, now).item.tolist() == [0, 1, 0]  # equal times keep the order of the file
    assert log.history(0, int(log.timestamp[1])).item.tolist() == [0]
    assert len(log.history(-1, now)) == 0
    assert log.had(-1, now).tolist() == []
    assert log.liked(0).tolist() == [0, 1]
    assert log.actor.tolist() == [0, 0, 0, 1]


def test_a_question_that_knows_its_own_future_cannot_be_built():
    history = History(np.array([0], np.int32), np.ones(1, np.float32), np.array([10], np.int64))
    Case("ann", Request(history, now=11), np.array([1]))
    with pytest.raises(ValueError, match="'ann' reaches to or beyond"):
        Case("ann", Request(history, now=10), np.array([1]))


class Told:
    """A trainer that keeps what it was given."""

    def __init__(self):
        self.asked = []

    def build(self, events, items, users, settings, *, as_of=None, window_days=None):
        self.built = (len(events), as_of, window_days)
        return training_set(self.split)

    def fit(self, made, validation, names):
        self.asked.append((len(made.interactions), len(validation), list(names)))
        return {"mine": Fixed(np.arange(made.n_items, dtype=np.float32), "mine")}

    def evaluate(self, split, names, **options):
        self.split = split
        return run(split, names, Trainer(self.build, weigh, self.fit), Settings(), **options)


ROWS = [(f"u{n % 5}", f"i{n % 7}", n * 60) for n in range(60)]


def test_a_run_builds_fits_and_asks_in_order():
    told, seen = Told(), []
    split = time_split(events(*ROWS), fraction=0.7)
    report = told.evaluate(split, ["mine", "popular"], ks=[3], window_days=9, progress=lambda *step: seen.append(step))
    assert told.built == (len(split.train), split.as_of, 9)
    assert told.asked == [(len(split.train), 0, ["mine"])]
    assert list(report.models) == ["mine", "popular"]
    assert report.reference == "mine"
    assert {"preparing", "fitting", "mine", "popular", "ranking", "measuring"} == set(report.seconds)
    assert seen[-1] == (report.n_requests, report.n_requests)


class ToldAgain(Told):
    """The same, for a split that goes on."""

    def build(self, events, items, users, settings, *, as_of=None, window_days=None):
        self.built = (*getattr(self, "built", ()), as_of)
        parts = {part.as_of: part for part in (self.split, *self.split.later)}
        return training_set(parts[as_of])


def test_a_split_that_goes_on_is_trained_on_again_and_measured_as_one():
    told, seen = ToldAgain(), []
    rows = [(f"u{n % 5}", f"i{n % 7}", n * 60 * 24) for n in range(60)]
    split = time_split(events(*rows), fraction=0.7, refit_days=4)
    report = told.evaluate(split, ["mine", "popular"], ks=[3], progress=lambda *step: seen.append(step))
    assert told.built == tuple(part.as_of for part in (split, *split.later))
    assert [events for events, _, _ in told.asked] == [len(part.train) for part in (split, *split.later)]
    assert report.facts["trainings"] == len(told.asked) == 5
    assert report.n_requests == sum(total for done, total in seen if done == total)
    assert len(report.per_request["overall"].values["mine"]["ndcg@3"]) == report.n_requests


def test_a_model_that_one_training_could_not_have_is_left_out():
    class Sometimes(ToldAgain):
        def fit(self, made, validation, names):
            return super().fit(made, validation, names) if not self.asked else {}

    rows = [(f"u{n % 5}", f"i{n % 7}", n * 60 * 24) for n in range(60)]
    told = Sometimes()
    report = told.evaluate(time_split(events(*rows), fraction=0.7, refit_days=4), ["mine", "popular"])
    assert (list(report.models), report.left_out) == (["popular"], ("mine",))


def test_models_that_no_training_has_in_common_are_refused():
    class Changing(ToldAgain):
        def fit(self, made, validation, names):
            found = super().fit(made, validation, names)["mine"]
            return {"mine" if len(self.asked) == 1 else "other": found}

    rows = [(f"u{n % 5}", f"i{n % 7}", n * 60 * 24) for n in range(60)]
    with pytest.raises(DataError, match="taught in every training"):
        Changing().evaluate(time_split(events(*rows), fraction=0.7, refit_days=4), ["mine", "other"])


def test_baselines_need_no_trainer_and_a_sample_is_asked():
    told = Told()
    report = told.evaluate(time_split(events(*ROWS), fraction=0.7), ["random", "recent-popular"], max_requests=4)
    assert told.asked == []
    assert report.n_requests == 4


def test_a_model_that_the_data_cannot_teach_is_left_out_and_named():
    split = time_split(events(*ROWS), fraction=0.7)
    report = Told().evaluate(split, ["content", "popular"])
    assert (list(report.models), report.reference, report.left_out) == (["popular"], "popular", ("content",))
    with pytest.raises(DataError, match="nothing to teach content"):
        Told().evaluate(split, ["content"])


def test_no_cases_are_no_cases():
    assert list(Cases.none()) == []

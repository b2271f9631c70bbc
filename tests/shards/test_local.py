"""The pipeline on one machine: the same meaning as training, whatever the order, the files, the threads or a crash."""

import json
import os
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from shard_worlds import AS_OF, PLAN, SMALL, as_training_frame, crowd, row, rows_of, run, write

from coldframe.dataset.build import build_training_set
from coldframe.dataset.negatives import NegativeSampler
from coldframe.errors import ColumnError, DataError, InputError, StoreError
from coldframe.settings import load
from coldframe.shards import encoded, writing
from coldframe.shards.plan import Plan
from coldframe.shards.source import Read, batches


@pytest.mark.parametrize(("share", "half_life"), [(0.0, 0.0), (0.5, 0.0), (0.0, 9.5)])
def test_rows_are_those_of_the_training_room(tmp_path, share, half_life):
    rows = crowd()
    flags = {"negatives.popularity_share": str(share), "events.half_life_days": str(half_life), "training.seed": "5"}
    settings = load(None, flags=flags)
    run(write(tmp_path / "log", rows, files=3), tmp_path / "out", Plan.of(settings, as_of=AS_OF, days=30), sizes=SMALL)
    known = build_training_set(as_training_frame(rows), (), (), settings, as_of=AS_OF, window_days=30)
    drawn = NegativeSampler.of(known, settings).draw(5)
    found = rows_of(tmp_path / "out")
    events = known.interactions
    names = np.array(known.users.ids), np.array(known.items.ids)
    expected = pl.concat(
        [
            pl.DataFrame({"user": names[0][events.user], "item": names[1][events.item], "timestamp": events.timestamp}),
            pl.DataFrame(
                {
                    "user": names[0][drawn.user],
                    "item": names[1][drawn.item],
                    "timestamp": events.timestamp[drawn.event],
                }
            ),
        ]
    )
    ours = found.select("user", "item", pl.col("timestamp").dt.epoch("us"))
    assert ours.sort(pl.all()).equals(expected.sort(pl.all()))
    negatives = found.filter(pl.col("probability") < 1)
    assert negatives["probability"].sort().to_numpy() == pytest.approx(np.sort(drawn.probability), rel=1e-5)
    liked = found.filter(pl.col("label") == 1)
    assert liked["weight"].sum() == pytest.approx(events.weight[events.weight > 0].sum(), rel=1e-5)
    assert (found["weight"] >= 0).all()


def test_files_order_threads_and_repeats_change_no_byte(tmp_path):
    rows = crowd()
    once = run(write(tmp_path / "log", rows), tmp_path / "once", sizes=SMALL)
    again = [*rows[::-1], *rows[:100], {**rows[7], "timestamp": rows[7]["timestamp"] + AS_OF.resolution}]
    twice = run(write(tmp_path / "other", again, files=5), tmp_path / "twice", threads=1, sizes=SMALL)
    assert twice.repeated == 101
    assert once.fingerprint == twice.fingerprint
    for path in sorted((tmp_path / "once").glob("shard-*")):
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()


def test_counts_are_those_of_the_moment(tmp_path):
    rows = [
        row(1, "ann", "a", days_ago=35),
        row(2, "ann", "b", days_ago=3),
        row(3, "bob", "b", days_ago=2.5),
        row(4, "ann", "b", days_ago=2),
        row(5, "ann", "c", days_ago=2),
    ]
    run(write(tmp_path / "log", rows), tmp_path / "out")
    own = rows_of(tmp_path / "out").filter(pl.col("label") == 1).sort("timestamp", "item")
    assert own["user_count"].to_list() == [1, 0, 2, 2]
    assert own["item_count"].to_list() == [0, 0, 2, 0]


def test_negatives_are_never_what_the_user_met_even_before_the_window(tmp_path):
    rows = [row(number, "ann", f"i{number}", days_ago=34 - number) for number in range(8)]
    rows += [row(100 + number, "bob", f"i{number}", days_ago=39) for number in range(10)]
    report = run(write(tmp_path / "log", rows), tmp_path / "out")
    found = rows_of(tmp_path / "out")
    drawn = found.filter(pl.col("label") == 0)
    assert set(drawn["item"]) <= {"i8", "i9"}
    assert set(drawn["user"]) == {"ann"}
    assert report.missing_negatives == 0
    everything = run(write(tmp_path / "all", [row(1, "ann", "a")]), tmp_path / "none")
    assert everything.missing_negatives == PLAN.ratio


def test_rows_that_are_no_events_are_counted_by_reason(tmp_path):
    rows = [row(1, "ann", "a"), row(2, None, "a"), row(3, "ann", None), row(4, "ann", "b", kind=None)]
    rows += [
        row(5, "ann", "b", days_ago=-1),
        row(6, "ann", "b", days_ago=40_000),
        {**row(7, "a", "b"), "timestamp": None},
    ]
    report = run(write(tmp_path / "log", rows), tmp_path / "out")
    assert report.read == 7
    assert report.rejected == {
        "no user": 1,
        "no item": 1,
        "no event type": 1,
        "no time": 1,
        "before 1970": 1,
        "after as_of": 1,
    }
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["rejected"] == report.rejected


def test_csv_and_json_lines_say_the_same_as_parquet(tmp_path):
    rows = crowd(300)
    frame = pl.DataFrame(rows)
    expected = run(write(tmp_path / "log", rows), tmp_path / "out").fingerprint
    texts = frame.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    texts.write_csv(tmp_path / "events.csv")
    texts.write_ndjson(tmp_path / "events.jsonl")
    assert run(tmp_path / "events.csv", tmp_path / "csv").fingerprint == expected
    assert run(tmp_path / "events.jsonl", tmp_path / "jsonl").fingerprint == expected


def test_events_without_an_id_count_once_when_they_say_the_same(tmp_path):
    rows = [{name: value for name, value in one.items() if name != "event_id"} for one in crowd(500)]
    once = run(write(tmp_path / "log", rows), tmp_path / "out")
    twice = run(write(tmp_path / "again", [*rows, *rows]), tmp_path / "twice")
    assert once.fingerprint == twice.fingerprint
    assert twice.repeated == 500 + once.repeated


def test_a_half_written_file_is_named_and_nothing_is_published(tmp_path):
    folder = write(tmp_path / "log", crowd(300), files=2)
    broken = folder / "events-1.parquet"
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(InputError, match="events-1"):
        run(folder, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_column_that_is_missing_is_named(tmp_path):
    pl.DataFrame({"user_id": ["a"], "item_id": ["b"], "timestamp": [AS_OF]}).write_parquet(tmp_path / "e.parquet")
    with pytest.raises(ColumnError, match="no column for event_type"):
        run(tmp_path / "e.parquet", tmp_path / "out")


def test_without_an_event_there_is_nothing_to_publish(tmp_path):
    with pytest.raises(DataError, match="no event"):
        run(write(tmp_path / "log", [row(1, "a", "b", days_ago=-3)]), tmp_path / "out")
    with pytest.raises(InputError, match="no event file"):
        run(tmp_path / "out", tmp_path / "other")


def test_a_run_that_dies_is_made_again_to_the_byte(tmp_path, monkeypatch):
    source = write(tmp_path / "log", crowd())
    run(source, tmp_path / "whole", sizes=SMALL)
    kept = writing.pq.write_table
    calls = []

    def full(*arguments, **named):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, os.strerror(28))
        return kept(*arguments, **named)

    monkeypatch.setattr(writing.pq, "write_table", full)
    with pytest.raises(StoreError, match="No space left"):
        run(source, tmp_path / "out", sizes=SMALL)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not list((tmp_path / "out").glob(".*"))
    monkeypatch.setattr(writing.pq, "write_table", kept)
    run(source, tmp_path / "out", sizes=SMALL)
    for path in sorted((tmp_path / "whole").glob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_a_published_run_is_not_written_over(tmp_path):
    source = write(tmp_path / "log", crowd(100))
    run(source, tmp_path / "out")
    with pytest.raises(InputError, match="published"):
        run(source, tmp_path / "out")


def test_a_million_event_types_nobody_lists_count_as_the_default(tmp_path):
    rows = [row(number, "ann", f"i{number % 7}", kind=f"kind-{number}") for number in range(3_000)]
    report = run(write(tmp_path / "log", rows), tmp_path / "out", replace(PLAN, default_weight=0.25))
    own = rows_of(tmp_path / "out").filter(pl.col("label") == 1)
    assert own["weight"].unique().to_list() == [0.25]
    assert report.rejected == {}


def test_shuffling_leaves_no_trace_of_users_or_time(tmp_path):
    run(write(tmp_path / "log", crowd(4_000)), tmp_path / "out")
    found = pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / "out").glob("shard-*"))])
    for column in ("user", "timestamp", "label"):
        values = found[column].cast(pl.Float64).to_numpy()
        assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.04


def test_two_ids_of_one_hash_are_still_two(monkeypatch):
    plain = encoded.text_keys
    monkeypatch.setattr(
        encoded, "text_keys", lambda texts, salt=0: plain(texts, salt) if salt else np.zeros(len(texts), np.uint64)
    )
    lookup = encoded.Lookup.of(pa.array(["a", "b", "c"]))
    assert lookup.salt == 1
    assert lookup.rows(pa.array(["c", "a", "b", "a"])).tolist() == [2, 0, 1, 0]


def test_the_rows_of_a_seed_never_change(tmp_path):
    """A golden number: another one means that an older run cannot be made again."""
    assert run(write(tmp_path / "log", crowd(200)), tmp_path / "out").fingerprint == "91fe16a2a9dd9865"


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path):
    seen = encoded.Vocabularies(pa.array(["ann"]), pa.array(["a"]))
    source = write(tmp_path / "log", [row(1, "ann", "a"), row(2, "bob", "a")])
    (batch,) = batches(source / "events-0.parquet", as_of=PLAN.as_of, read=Read())
    with pytest.raises(InputError, match="changed while it was read"):
        seen.encode(batch, PLAN)

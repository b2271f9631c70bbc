"""The ids of events that came without one: the same for the same events, whatever file, format or order."""

from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.demo.shipped import SHIPPED
from coldframe.events import frame_table
from coldframe.events.event_rows import EventRows
from coldframe.events.files import open_table
from coldframe.events.frame_table import FrameTable
from coldframe.events.identity import Occurrences

START = datetime(2020, 1, 1, tzinfo=UTC)
ROW = {"user_id": "u", "item_id": "i", "event_type": "view", "timestamp": START, "value": 0.0}
rows = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from("ab"),
        "item_id": st.sampled_from("xy"),
        "event_type": st.just("view"),
        "timestamp": st.sampled_from([datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2)]),
        "value": st.sampled_from([None, 1.0]),
    }
)


def events(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(EventRows(FrameTable(frame)).frames())


def ids(frame: pl.DataFrame) -> list[str]:
    return events(frame)["event_id"].to_list()


def test_an_id_computed_by_hand() -> None:
    content = b"\x00".join([b"u", b"", b"i", b"view", b"1577836800000000", b"0", b"", b"", b""])
    digest = blake2b(content, digest_size=16).hexdigest()
    assert ids(pl.DataFrame([ROW, ROW, ROW])) == [digest, f"{digest}-2", f"{digest}-3"]


def test_minus_zero_is_zero() -> None:
    assert ids(pl.DataFrame([ROW])) == ids(pl.DataFrame([{**ROW, "value": -0.0}]))


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "v"},
        {"user_id": None, "session_id": "u"},
        {"item_id": "j"},
        {"event_type": "click"},
        {"value": None},
        {"value": 0.1},
        {"position": 0},
        {"context": '{"a":1}'},
        {"recommendation_id": "r"},
        {"timestamp": datetime(2020, 1, 1, 0, 0, 0, 1, tzinfo=UTC)},
    ],
)
def test_every_column_tells_events_apart(change: dict[str, Any]) -> None:
    assert ids(pl.DataFrame([ROW])) != ids(pl.DataFrame([{**ROW, **change}]))


def test_a_given_id_stays() -> None:
    found = ids(pl.DataFrame([{**ROW, "event_id": "mine"}, {**ROW, "event_id": None}]))
    assert found[0] == "mine"
    assert found[1:] == ids(pl.DataFrame([ROW]))


@settings(max_examples=50, deadline=None)
@given(st.lists(rows, min_size=1, max_size=30), st.randoms(use_true_random=False), st.integers(1, 7))
def test_order_and_batches_change_nothing(found: list[dict[str, Any]], random: Any, size: int) -> None:
    whole = ids(pl.DataFrame(found, infer_schema_length=None))
    assert len(set(whole)) == len(whole)
    shuffled = random.sample(found, len(found))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame_table, "BATCH_ROWS", size)
        assert sorted(ids(pl.DataFrame(shuffled, infer_schema_length=None))) == sorted(whole)


@settings(max_examples=20, deadline=None)
@given(st.lists(rows, min_size=1, max_size=8))
def test_every_format_gives_the_same_ids(tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("formats")
    frame = pl.DataFrame(found, infer_schema_length=None)
    frame.write_parquet(folder / "e.parquet")
    text = frame.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    text.write_csv(folder / "e.csv")
    text.write_ndjson(folder / "e.jsonl")
    expected = ids(frame)
    for path in folder.iterdir():
        assert pl.concat(EventRows(open_table(path)).frames())["event_id"].to_list() == expected


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=20), max_size=12))
def test_occurrences_count_as_a_dictionary_would(batches: list[list[int]]) -> None:
    seen, expected = Occurrences(), dict.fromkeys(range(6), 0)
    for batch in batches:
        want = []
        for key in batch:
            want.append(expected[key])
            expected[key] += 1
        assert seen.earlier(np.array(batch, dtype=np.uint64)).tolist() == want


def test_the_shipped_events_are_read_checked_and_named_in_seconds() -> None:
    started = perf_counter()
    found = pl.concat(EventRows(open_table(Path(SHIPPED.events))).frames())
    seconds = perf_counter() - started
    assert found["event_id"].n_unique() == found.height > 700_000
    assert seconds < 12, f"{seconds:.1f} s; the aim is 4 s, the rest is for a busy machine"

"""Files into a store and out again: nothing is lost, nothing counts twice, every row is accounted for."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import coldframe
from coldframe.clock import fixed_clock
from coldframe.domain import Item, User
from coldframe.errors import ColumnError, InputError, SettingsError, StoreError
from coldframe.events.table import MAX_KEPT
from coldframe.settings import Settings
from coldframe.store.exporting import export_file
from coldframe.store.importing import Kind, import_file, import_frame
from coldframe.store.protocol import Store
from coldframe.store.sqlite import SQLiteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDINGS = ("parquet", "csv", "jsonl")
ROW = {"user_id": "u", "item_id": "i", "event_type": "view", "timestamp": NOW}

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
ids = texts.filter(lambda text: not text.replace("-", "").replace(".", "").isdigit())
numbers = st.floats(allow_nan=False, allow_infinity=False)
times = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
objects = st.dictionaries(texts, st.one_of(texts, numbers, st.booleans()), max_size=3)
events = st.fixed_dictionaries(
    {
        "event_id": st.none() | ids,
        "user_id": ids,
        "session_id": st.none() | ids,
        "item_id": ids,
        "event_type": st.sampled_from(["view", "purchase"]),
        "timestamp": times,
        "value": st.none() | numbers,
        "position": st.none() | st.integers(0, 2**31 - 1),
    }
)
names = st.lists(texts, max_size=3).map(tuple)
items = st.builds(
    Item,
    item_id=ids,
    title=st.none() | texts,
    text=st.none() | texts,
    categories=names,
    tags=names,
    numeric=st.dictionaries(texts, numbers, max_size=3),
    embedding=st.none() | st.lists(numbers, min_size=1, max_size=3).map(tuple),
    created_at=st.none() | times,
    expires_at=st.none() | times,
    available=st.booleans(),
)
users = st.builds(User, user_id=ids, signed_up_at=st.none() | times, attributes=objects)


def new_store(folder: Path) -> Store:
    return SQLiteStore(folder, Settings().store)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = new_store(tmp_path / "data")
    yield found
    found.close()


def copied(store: Store, kind: Kind, folder: Path, ending: str) -> Store:
    """Export, and import into a new store."""
    path = folder / f"{kind}.{ending}"
    rows = export_file(store, kind, path)
    assert sorted(folder.glob(".*")) == []
    other = new_store(folder / f"{kind}-from-{ending}")
    report = import_file(other, kind, path)
    assert (report.accepted, report.repeated, report.rejected, report.reasons) == (rows, 0, 0, {})
    return other


@settings(max_examples=15, deadline=None)
@given(st.lists(events, min_size=1, max_size=6))
def test_events_come_back_as_they_went(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("events")
    store = new_store(folder / "data")
    import_frame(store, "events", pl.DataFrame(rows, infer_schema_length=None))
    for ending in ENDINGS:
        other = copied(store, "events", folder, ending)
        assert_frame_equal(other.scan_events().collect(), store.scan_events().collect())
        other.close()
    store.close()


@settings(max_examples=15, deadline=None)
@given(st.lists(items, min_size=1, max_size=4), st.lists(users, min_size=1, max_size=4))
def test_items_and_users_come_back_as_they_went(
    tmp_path_factory: pytest.TempPathFactory, some_items: list[Item], some_users: list[User]
) -> None:
    folder = tmp_path_factory.mktemp("records")
    store = new_store(folder / "data")
    store.upsert_items(some_items)
    store.upsert_users(some_users)
    for ending in ENDINGS:
        other = copied(store, "items", folder, ending)
        assert list(other.items()) == list(store.items())
        other.close()
        other = copied(store, "users", folder, ending)
        assert list(other.users()) == list(store.users())
        other.close()
    store.close()


def test_a_file_twice_and_its_rows_in_another_order_change_nothing(store: Store, tmp_path: Path) -> None:
    frame = pl.DataFrame([{**ROW, "item_id": f"i{n % 7}"} for n in range(50)])
    frame.write_parquet(tmp_path / "a.parquet")
    frame.reverse().with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(tmp_path / "b.csv")
    reports = [import_file(store, "events", tmp_path / name) for name in ("a.parquet", "a.parquet", "b.csv")]
    assert [(r.accepted, r.repeated) for r in reports] == [(50, 0), (0, 50), (0, 50)]
    assert store.counts().events == 50


def test_an_overlapping_file_adds_only_what_is_new(store: Store) -> None:
    days = [{**ROW, "timestamp": NOW.replace(day=day)} for day in (1, 2, 3)]
    import_frame(store, "events", pl.DataFrame(days[:2]))
    report = import_frame(store, "events", pl.DataFrame(days[1:]))
    assert (report.accepted, report.repeated) == (1, 1)


def test_items_and_users_are_accepted_when_they_change(store: Store) -> None:
    first = pl.DataFrame({"item_id": ["a", "b"], "title": ["A", "B"]})
    assert import_frame(store, "items", first).accepted == 2
    report = import_frame(store, "items", first.with_columns(title=pl.Series(["A", "C"])))
    assert (report.accepted, report.repeated) == (1, 1)
    assert import_frame(store, "users", pl.DataFrame({"user_id": ["u"], "plan": ["free"]})).accepted == 1
    assert [user.attributes for user in store.users()] == [{"plan": "free"}]


def test_every_row_is_accounted_for_and_refused_ones_are_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id,event_type,timestamp,shoe\nu,i,view,2020-01-01,8\nu,,view,2020-01-01,9\nu,i\n")
    seen: list[tuple[int, int | None]] = []
    report = import_file(store, "events", path, progress=lambda *done: seen.append(done), clock=fixed_clock(NOW))
    assert (report.rows, report.accepted, report.rejected) == (3, 1, 2)
    assert report.reasons == {"item_id is missing": 1, "has fewer fields than the header": 1}
    assert report.ignored_columns == ["shoe"]
    assert seen
    kept = {(r.line, r.reason, r.source, r.received_at) for r in store.rejects()}
    assert kept == {
        (3, "item_id is missing", str(path), NOW),
        (4, "has fewer fields than the header", str(path), NOW),
    }


def test_rejects_of_one_file_are_bounded(store: Store) -> None:
    frame = pl.DataFrame([ROW] * (MAX_KEPT + 100)).with_columns(item_id=pl.lit(""))
    report = import_frame(store, "events", frame)
    assert report.rejected == MAX_KEPT + 100
    assert store.counts().rejects == MAX_KEPT


def test_a_file_that_breaks_off_leaves_no_event(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    pl.DataFrame([ROW] * 10).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"e\.parquet"):
        import_file(store, "events", path)
    assert store.counts().events == 0


def test_a_failed_export_leaves_the_old_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("precious")
    store.close()
    with pytest.raises(StoreError):
        export_file(store, "events", path)
    assert path.read_text() == "precious"
    assert {each.name for each in tmp_path.iterdir()} == {"data", "e.csv"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_export_needs_a_place_and_a_known_ending(store: Store, tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        export_file(store, "events", tmp_path / "nowhere" / f"e.{ending}")
    with pytest.raises(InputError, match="known format"):
        export_file(store, "events", tmp_path / "e.xlsx")


@pytest.mark.parametrize("kind", ["events", "items", "users"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_store_exports_a_file_that_imports(store: Store, tmp_path: Path, kind: Kind, ending: str) -> None:
    path = tmp_path / f"none.{ending}"
    assert export_file(store, kind, path) == 0
    assert import_file(store, kind, path).rows == 0


def project(folder: Path) -> Path:
    (folder / "shop" / "coldframe-data").mkdir(parents=True)
    return folder / "shop"


FRAME = pl.DataFrame({"user_id": [1, 2, None], "item_id": ["a", "b", "c"], "value": [1.0, None, 2.0]}).with_columns(
    event_type=pl.lit("view"), timestamp=pl.lit(NOW)
)


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME.lazy(), FRAME.to_pandas(), FRAME.to_arrow(), pa.RecordBatch.from_pandas(FRAME.to_pandas())],
    ids=["polars", "lazy", "pandas", "arrow", "batch"],
)
def test_open_takes_frames_of_every_make(tmp_path: Path, frame: Any) -> None:
    folder = project(tmp_path)
    with coldframe.open(folder) as shop:
        report = shop.events.add(frame)
        assert (report.accepted, report.rejected) == (2, 1)
        assert shop.events.add(FRAME).repeated == 2
        assert shop.events.frame()["user_id"].sort().to_list() == ["1", "2"]


def test_open_upserts_and_shows_items_and_users(tmp_path: Path) -> None:
    with coldframe.open(str(project(tmp_path))) as shop:
        shop.items.upsert(pd.DataFrame({"item_id": ["a"], "price": [1.5]}))
        shop.users.upsert(pl.DataFrame({"user_id": ["u"], "plan": ["free"]}))
        assert shop.items.frame()["numeric"].to_list() == [{"price": 1.5}]
        assert shop.users.frame()["attributes"].to_list() == ['{"plan":"free"}']
        with pytest.raises(ColumnError):
            shop.items.upsert(pl.DataFrame({"sku": [1]}))
        with pytest.raises(InputError, match="list is no frame"):
            shop.events.add([1])
    with pytest.raises(StoreError):
        shop.events.frame()


def test_open_reads_the_settings_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "elsewhere").mkdir(parents=True)
    (folder / "coldframe.toml").write_text('[store]\npath = "elsewhere"\n')
    with coldframe.open(folder / "coldframe.toml") as shop:
        assert shop.settings.store.path == "elsewhere"
    assert os.listdir(folder / "elsewhere")
    (folder / "coldframe.toml").write_text("nonsense")
    with pytest.raises(SettingsError):
        coldframe.open(folder)


def test_open_needs_a_project(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no data folder"):
        coldframe.open(tmp_path)


def test_the_package_has_no_other_name() -> None:
    with pytest.raises(AttributeError, match="shut"):
        _ = coldframe.shut

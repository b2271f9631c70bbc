"""Google's own client against the Storage Read API on loopback: every row once, also when streams break."""

import warnings
from datetime import datetime, timedelta

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from source_worlds import AS_OF, KNOWN, arrow, events, read

from coldframe.errors import ColumnError, InputError
from coldframe.sources import bigquery
from coldframe.sources.asked import Asked

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("google.cloud.bigquery_storage_v1", reason="coldframe[bigquery] is not installed")
    pytest.importorskip("google.cloud.bigquery", reason="coldframe[bigquery] is not installed")

from bigquery_server import BigQueryServer, Jobs, jobs, serving

TABLE = "projects/payer/datasets/shop/tables/events"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(bigquery, "PATIENCE_SECONDS", 0.5)
    with serving(BigQueryServer({TABLE: arrow(events())})) as found:
        yield found


def test_a_table_gives_its_rows_before_the_end(server, tmp_path):
    found = read(server.url, tmp_path, Asked(KNOWN, table="shop.events", end=AS_OF))
    expected = events().filter(pl.col("timestamp") < AS_OF)
    assert_frame_equal(found.select(expected.columns), expected)
    options = server.asked[-1].read_session.read_options
    assert options.row_restriction == "`timestamp` < TIMESTAMP '2026-06-01 00:00:00+00:00'"
    assert server.asked[-1].parent == "projects/payer"


def test_ninety_days_are_a_row_restriction_and_only_what_matters_leaves(server, tmp_path):
    start = AS_OF - timedelta(days=90)
    server.tables[TABLE] = arrow(events().with_columns(price=pl.lit(1.5), user_id=None).rename({"user_id": "who"}))
    found = read(server.url, tmp_path, Asked(KNOWN, {"user_id": "who"}, table="shop.events", start=start, end=AS_OF))
    assert len(found) == events().filter(pl.col("timestamp").is_between(start, AS_OF, closed="left")).height
    options = server.asked[-1].read_session.read_options
    assert sorted(options.selected_fields) == ["event_id", "event_type", "item_id", "timestamp", "who"]
    assert options.row_restriction == (
        "`timestamp` >= TIMESTAMP '2026-03-03 00:00:00+00:00' AND `timestamp` < TIMESTAMP '2026-06-01 00:00:00+00:00'"
    )


@pytest.mark.parametrize("breaks", [[1], [100], [150, 333, 334], [999], [1_000]])
def test_a_stream_that_breaks_goes_on_where_it_broke(server, tmp_path, breaks):
    server.breaks = list(breaks)
    assert_frame_equal(read(server.url, tmp_path, Asked(table="shop.events")), events())
    assert server.offsets == [0, *breaks]
    assert server.breaks == []


def test_a_service_that_stays_away_is_an_error_and_leaves_nothing(server, tmp_path):
    def progress(step, done, total):
        server.down = True

    server.breaks, server.rows_per_message = [200_000], 100_000
    server.tables[TABLE] = pa.table({"n": pa.array(range(400_000))})
    with pytest.raises(InputError, match=r"could not be read to its end: Timeout of 0\.5s exceeded"):
        read(server.url, tmp_path, Asked(table="shop.events"), progress=progress)
    assert server.offsets[:2] == [0, 200_000]
    assert list(tmp_path.iterdir()) == []


def text_for_number(at, batch):
    """The same layout in memory, so that only a check of the schema can see it."""
    return batch.cast(pa.schema([("n", pa.uint64())])), True


def fewer_columns(at, batch):
    return pa.record_batch([], schema=pa.schema([])), False


def other_type(at, batch):
    return pa.record_batch({"n": batch.column(0).cast(pa.string())}), False


def other_length(at, batch):
    return batch.slice(1), False


@pytest.mark.parametrize("alter", [text_for_number, fewer_columns, other_type, other_length])
def test_a_table_that_changes_its_columns_on_the_way_is_an_error(server, tmp_path, alter):
    server.tables[TABLE] = pa.table({"n": pa.array(range(1_000))})
    server.alter = lambda at, batch: alter(at, batch) if at >= 500 else (batch, False)
    with pytest.raises(InputError, match="bigquery://payer"):
        read(server.url, tmp_path, Asked(table="shop.events"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        (pa.timestamp("us"), "`timestamp` < DATETIME '2026-06-01 00:00:00'"),
        (pa.date32(), "`timestamp` < DATE '2026-06-01'"),
        (pa.int64(), ""),
        (pa.string(), ""),
    ],
)
def test_a_restriction_is_written_as_the_column_needs_it(server, tmp_path, kind, condition):
    times = arrow(events())["timestamp"].cast(pa.timestamp("us")).cast(kind, safe=False)
    server.tables[TABLE] = arrow(events().drop("timestamp")).append_column("timestamp", times)
    found = read(server.url, tmp_path, Asked(KNOWN, table="shop.events", end=AS_OF))
    assert server.asked[-1].read_session.read_options.row_restriction == condition
    assert (len(found) == 1_000) == (not condition)
    assert condition == "" or found["timestamp"].dtype == pl.Datetime("us")


def test_an_empty_table_is_read_too(server, tmp_path):
    server.tables[TABLE] = arrow(events().head(0))
    assert read(server.url, tmp_path, Asked(table="shop.events")).schema == events().schema


@pytest.mark.parametrize(
    ("url", "asked", "says"),
    [
        (None, Asked(table="shop.nowhere"), "Not found: Table projects/payer/datasets/shop/tables/nowhere"),
        (None, Asked(table="events"), "no table of BigQuery"),
        (None, Asked(), "neither --table nor --query"),
        ("bigquery://?endpoint=127.0.0.1:1", Asked(table="shop.events"), "names no project"),
        ("bigquery://payer?endpoint=127.0.0.1:1", Asked(table="shop.events"), "could not be read to its end"),
    ],
)
def test_what_the_service_refuses_is_told(server, tmp_path, url, asked, says):
    with pytest.raises(InputError, match=says):
        read(url or server.url, tmp_path, asked)


def test_a_column_that_events_need_is_named_before_a_row_is_read(server, tmp_path):
    server.tables[TABLE] = pa.table({"item_id": ["a"], "customer": ["b"]})
    with pytest.raises(ColumnError, match="no column for user_id"):
        read(server.url, tmp_path, Asked(KNOWN, table="shop.events"))
    assert server.offsets == []


def test_a_table_of_another_project_is_read_and_ours_pays(server, tmp_path):
    server.tables["projects/theirs/datasets/shop/tables/events"] = pa.table({"n": [1, 2]})
    assert read(server.url, tmp_path, Asked(table="theirs.shop.events"))["n"].to_list() == [1, 2]
    assert server.asked[-1].parent == "projects/payer"


ARTICLE = "SELECT * FROM shop.events WHERE timestamp >= @start AND timestamp < @end"


def test_a_query_gets_the_window_as_parameters(server, tmp_path, monkeypatch):
    asked = []

    def answer(text, parameters):
        asked.append(text)
        start, end = (datetime.fromisoformat(parameters[name].replace(" UTC", "")) for name in ("start", "end"))
        return arrow(events().filter(pl.col("timestamp").is_between(start, end, closed="left")))

    start = AS_OF - timedelta(days=90)
    with jobs(Jobs(server, answer)) as address:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        found = read(server.url, tmp_path, Asked(KNOWN, query=ARTICLE, start=start, end=AS_OF))
    assert asked == [ARTICLE]
    expected = events().filter(pl.col("timestamp").is_between(start, AS_OF, closed="left"))
    assert_frame_equal(found.select(expected.columns), expected)


def test_a_query_that_names_a_limit_which_there_is_none_of_is_refused(server, tmp_path):
    with pytest.raises(InputError, match="@start"):
        read(server.url, tmp_path, Asked(query=ARTICLE, end=AS_OF))

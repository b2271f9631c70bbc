"""A real PostgreSQL on loopback: the rows of a table or query are those of the same events in a file."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from postgres_server import PASSWORD, postgres_server
from source_worlds import AS_OF, KNOWN, arrow, events, read

from coldframe.errors import ColumnError, InputError
from coldframe.sources.asked import Asked

TYPES = """SELECT 12345678901234567890::numeric AS n, '7b9d6bd2-6b0c-4a3e-9d5c-2f5b3c1c9a11'::uuid AS u,
    '{"a": 1}'::jsonb AS j, DATE '2026-05-01' AS d, TIMESTAMP '2026-05-01 10:00' AS naive,
    TIMESTAMPTZ '2026-05-01 10:00+02' AS zoned, ARRAY['x', 'y'] AS l, 'v'::varchar(9) AS v, true AS b, 7::int2 AS i,
    1.5::float4 AS f, INTERVAL '1 day' AS s, 'plain' AS "Odd ""name""!"
"""


@pytest.fixture(scope="module")
def server():
    with postgres_server() as found:
        found.fill("events", arrow(events()))
        found.execute('CREATE TABLE "Odd.name" AS SELECT 1 AS n')
        yield found


def test_a_table_gives_its_rows_before_the_end(server, tmp_path):
    found = read(server.url, tmp_path, Asked(KNOWN, table="events", end=AS_OF))
    expected = events().filter(pl.col("timestamp") < AS_OF)
    assert_frame_equal(found.select(expected.columns), expected, check_row_order=False)
    assert len(read(server.url, tmp_path, Asked(KNOWN, table="public.events"))) == 1_000


def test_a_window_has_a_start_only_when_asked(server, tmp_path):
    start = AS_OF - timedelta(days=30)
    found = read(server.url, tmp_path, Asked(KNOWN, table="events", start=start, end=AS_OF))
    assert set(found["event_id"]) == set(
        events().filter(pl.col("timestamp").is_between(start, AS_OF, closed="left"))["event_id"]
    )


def test_a_query_keeps_its_names_and_what_nobody_asked_for_stays(server, tmp_path):
    query = "SELECT user_id AS who, item_id, timestamp AS at, 1 AS other FROM events -- all\n ;\n"
    asked = Asked(KNOWN, {"user_id": "who", "timestamp": "at"}, {"event_type": "view"}, query=query, end=AS_OF)
    found = read(server.url, tmp_path, asked)
    assert sorted(found.columns) == ["at", "item_id", "who"]
    assert len(found) == events().filter(pl.col("timestamp") < AS_OF).height


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("timestamp AT TIME ZONE 'UTC'", 30),
        ("timestamp", 30),
        ("timestamp::date", 30),
        ("extract(epoch FROM timestamp)::bigint", 1_000),
        ("timestamp::text", 1_000),
    ],
)
def test_the_window_is_pushed_down_where_the_column_is_a_time(server, tmp_path, column, expected):
    query = f"SELECT user_id, item_id, event_type, {column} AS timestamp FROM events"
    start, end = AS_OF - timedelta(days=5, hours=1), AS_OF - timedelta(days=2)
    found = read(server.url, tmp_path, Asked(KNOWN, query=query, start=start, end=end))
    assert abs(len(found) - expected) <= (10 if expected < 1_000 else 0)


def test_types_arrive_plain(server, tmp_path):
    (found,) = read(server.url, tmp_path, Asked(query=TYPES)).to_dicts()
    assert found == {
        "n": "12345678901234567890",
        "u": "7b9d6bd2-6b0c-4a3e-9d5c-2f5b3c1c9a11",
        "j": '{"a": 1}',
        "d": datetime(2026, 5, 1),  # noqa: DTZ001
        "naive": datetime(2026, 5, 1, 10),  # noqa: DTZ001
        "zoned": datetime(2026, 5, 1, 8, tzinfo=UTC),
        "l": ["x", "y"],
        "v": "v",
        "b": True,
        "i": 7,
        "f": 1.5,
        "s": "1 day",
        'Odd "name"!': "plain",
    }
    assert date(2026, 5, 1) == found["d"].date()


def test_rows_come_in_several_files_when_asked(server, tmp_path):
    query = "SELECT n::bigint AS n FROM generate_series(1, 600000) AS n"
    assert read(server.url, tmp_path, Asked(query=query), rows_per_file=1)["n"].sum() == 600_000 * 600_001 // 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(table="nowhere"), 'relation "nowhere" does not exist'),
        (Asked(table="Odd.name"), 'relation "Odd.name" does not exist'),
        (Asked(query="SELECT nothing FROM events"), 'column "nothing" does not exist'),
        (Asked(query="SELECT 1 AS a, 2 AS a"), "two columns 'a'"),
        (Asked(query="DELETE FROM events RETURNING *"), "syntax error"),
        (Asked(query="SELECT 1; DROP TABLE events"), "syntax error"),
        (Asked(query="SELECT nextval('numbers') AS n"), "read-only"),
        (Asked(query="SELECT 1 / (1000 - n) AS n FROM generate_series(1, 2000) AS n"), "division by zero"),
        (Asked(), "neither --table nor --query"),
        (Asked(table="events", query="SELECT 1"), "both --table and --query"),
    ],
)
def test_what_the_database_refuses_is_told_and_changes_nothing(server, tmp_path, asked, says):
    server.execute("CREATE SEQUENCE IF NOT EXISTS numbers")
    with pytest.raises(InputError, match=says):
        read(server.url, tmp_path, asked)
    assert list(tmp_path.iterdir()) == []
    assert len(read(server.url, tmp_path, Asked(table="events"))) == 1_000


def test_a_column_that_events_need_is_named_before_a_row_is_read(server, tmp_path):
    query = "SELECT item_id, event_type, timestamp, 1 AS customer FROM events"
    with pytest.raises(ColumnError, match="no column for user_id") as error:
        read(server.url, tmp_path, Asked(KNOWN, query=query))
    assert "--columns user_id=" in error.value.remedy
    assert PASSWORD not in str(error.value)


def test_a_connection_that_dies_while_it_is_read_leaves_nothing(server, tmp_path):
    query = "SELECT n, repeat('x', 100) AS died_here FROM generate_series(1, 1000000) AS n"
    seen = []

    def progress(step, done, total):
        if not seen:
            server.kill_reader("died_here")
        seen.append(done)

    with pytest.raises(InputError, match=r"could not be read to its end: .*terminat") as error:
        read(server.url, tmp_path, Asked(query=query), progress=progress)
    assert 0 < seen[0] < 1_000_000
    assert PASSWORD not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["wrong password", "bad password", "nobody listens", "no database"])
def test_nobody_is_told_the_password(server, tmp_path, change):
    encoded = server.url.split(":")[2].split("@")[0]
    url = {
        "wrong password": server.url.replace(encoded, "hunter%32x"),
        "bad password": server.url.replace(encoded, "hunter%zz"),
        "nobody listens": server.url.replace(str(server.port), "1"),
        "no database": server.url.replace("/postgres", "/nowhere"),
    }[change]
    with pytest.raises(InputError) as error:
        read(url, tmp_path, Asked(table="events"))
    told = [str(error.value), repr(error.value), str(error.value.__cause__)]
    assert not any(secret in text for text in told for secret in ("hunter", PASSWORD, encoded))
    assert "ann:***@127.0.0.1" in told[0]


GREEDY = """
import resource, sys
from pathlib import Path
from coldframe.sources.address import Address
from coldframe.sources.asked import Asked
from coldframe.sources.reading import staged

query = f"SELECT n, repeat(md5(n::text), 8) AS text FROM generate_series(1, {sys.argv[2]}) AS n"
with staged(Address(sys.argv[1]), Path(sys.argv[3]), Asked(query=query), progress=lambda *_: None):
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_table(server, tmp_path):
    """260 bytes a row: 60 MB and 240 MB, of which a batch and a group of rows are in memory."""

    def peak_mb(rows):
        command = [sys.executable, "-c", GREEDY, server.url, str(rows), str(tmp_path / "copy")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert peak_mb(920_000) - peak_mb(230_000) < 120

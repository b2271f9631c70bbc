"""`pipeline run` and `import` on sources of every kind: the rows of the same events in a file, or nothing at all."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from bigquery_server import BigQueryServer, serving
from postgres_server import PASSWORD, postgres_server
from source_worlds import arrow, events
from typer.testing import CliRunner

from coldframe.cli import app, project

AS_OF = ["--as-of", "2026-06-01T00:00Z"]
RENAMED = {"user_id": "who", "timestamp": "at"}
COLUMNS = ["--columns", "user_id=who,timestamp=at"]


def coldframe(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def pipeline(source, sink, *words):
    """Return the report of a run, as a script gets it."""
    done = coldframe("pipeline", "run", "--source", source, "--sink", sink, *AS_OF, *words, "--json")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    return json.loads(done.stdout)


@pytest.fixture
def expected(tmp_path):
    """What a run on the events in a file of ours gives."""
    events().write_parquet(tmp_path / "events.parquet")
    return pipeline(tmp_path / "events.parquet", tmp_path / "expected")


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        server.fill("events", arrow(events().rename(RENAMED)))
        yield server


@pytest.fixture
def memory():
    fsspec = pytest.importorskip("fsspec", reason="coldframe[cloud] is not installed")
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/commands", recursive=True) if files.exists("/commands") else None


def put(memory, name, frame):
    path = f"/commands/{name}"
    with memory.open(path, "wb") as file:
        frame.write_csv(file) if name.endswith(".csv") else frame.write_parquet(file)


def same(report, expected, *, late=0):
    """Whether two runs made the same rows; a database keeps back what is after the end, and does not count it."""
    kept = ("rows", "users", "items", "fingerprint", "repeated")
    assert {name: report[name] for name in kept} == {name: expected[name] for name in kept}
    assert report["read"] == expected["read"] - late


def after_the_end():
    return events().filter(pl.col("timestamp") >= pl.datetime(2026, 6, 1, time_zone="UTC")).height


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_columns_of_a_file_have_names_of_their_own(expected, tmp_path, ending):
    frame = events().drop("event_id").rename(RENAMED)
    frame = frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    mine = tmp_path / f"mine.{ending}"
    frame.write_csv(mine) if ending == "csv" else frame.write_parquet(mine)
    assert pipeline(mine, tmp_path / "rows", *COLUMNS)["rows"] == expected["rows"]
    views = pipeline(mine, tmp_path / "views", *COLUMNS, "--constant", "event_type=view")
    labels = pl.concat([pl.read_parquet(path) for path in (tmp_path / "views").glob("shard-*")])
    assert views["read"] == 1_000
    assert labels.filter(pl.col("label") == 1)["weight"].n_unique() == 1


def test_object_storage_gives_the_rows_of_a_file(expected, tmp_path, memory):
    put(memory, "a.parquet", events()[:600])
    put(memory, "day/b.parquet", events()[600:])
    same(pipeline("memory://commands/", tmp_path / "rows"), expected)
    assert not (tmp_path / "rows" / ".source").exists()


def test_postgresql_gives_the_rows_of_a_file(expected, tmp_path, postgres):
    late = after_the_end()
    same(pipeline(postgres.url, tmp_path / "rows", "--table", "events", *COLUMNS), expected, late=late)
    query = "SELECT *, 'x' AS other FROM events"
    same(pipeline(postgres.url, tmp_path / "query", "--query", query, *COLUMNS), expected, late=late)


def test_bigquery_gives_the_rows_of_a_file_though_its_stream_breaks(expected, tmp_path):
    pytest.importorskip("google.cloud.bigquery_storage_v1", reason="coldframe[bigquery] is not installed")
    server = BigQueryServer({"projects/payer/datasets/shop/tables/events": arrow(events().rename(RENAMED))})
    server.breaks = [250, 700]
    with serving(server):
        report = pipeline(server.url, tmp_path / "rows", "--table", "shop.events", *COLUMNS)
    same(report, expected, late=after_the_end())
    assert server.breaks == []


def test_only_the_window_is_read_when_asked(tmp_path, postgres):
    report = pipeline(postgres.url, tmp_path / "rows", "--table", "events", *COLUMNS, "--only-window")
    start = pl.datetime(2026, 3, 3, time_zone="UTC")
    assert report["read"] == events().filter(pl.col("timestamp") >= start).height - after_the_end()


@pytest.mark.parametrize("fault", ["gone on the way", "no column", "refused"])
def test_a_source_that_fails_publishes_nothing(tmp_path, postgres, fault):
    query = {
        "gone on the way": "SELECT *, 1 / (500 - row_number() OVER ()) AS event_id FROM events",
        "no column": "SELECT who FROM events",
        "refused": "SELECT nothing",
    }[fault]
    words = ["--source", postgres.url, "--query", query, *COLUMNS, "--sink", tmp_path / "rows", *AS_OF]
    done = coldframe("pipeline", "run", *words)
    assert done.exit_code == 4
    assert PASSWORD not in done.output
    assert "ann:***@127.0.0.1" in done.output
    assert list((tmp_path / "rows").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from coldframe.shards import local
from coldframe.cli import app

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

local.run_local = killed
app(sys.argv[1:])
"""


def test_a_killed_run_is_made_again_from_the_rows_that_it_had_read(expected, tmp_path):
    pytest.importorskip("fsspec", reason="coldframe[cloud] is not installed")
    words = ["pipeline", "run", "--source", f"file://{tmp_path}/events.parquet", "--sink", tmp_path / "rows", *AS_OF]
    died = subprocess.run([sys.executable, "-c", KILLED, *map(str, words)], env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL
    events()[:10].write_parquet(tmp_path / "events.parquet")
    done = coldframe(*words)
    assert done.exit_code == 0, done.output
    assert "by a run that was cut short" in done.stderr
    for path in sorted((tmp_path / "expected").glob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "rows" / path.name).read_bytes()
    assert not (tmp_path / "rows" / ".source").exists()


def test_what_a_killed_run_left_is_no_part_of_another_source(expected, tmp_path):
    left = tmp_path / "rows" / ".source"
    left.mkdir(parents=True)
    (left / "rows-00000.parquet").write_bytes(b"half")
    same(pipeline(tmp_path / "events.parquet", tmp_path / "rows"), expected)
    assert not left.exists()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert coldframe("init").exit_code == 0
    return tmp_path


def imported(*words):
    done = coldframe("import", *words, "--json")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    return json.loads(done.stdout)


def test_import_names_the_files_of_a_url_and_their_refused_rows(shop, memory):
    put(memory, "a.csv", events()[:600].with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d")))
    put(
        memory,
        "b.csv",
        events()[600:]
        .with_columns(timestamp=pl.lit("yesterday"))
        .head(2)
        .vstack(events()[600:601].with_columns(timestamp=pl.lit("2026-01-01"))),
    )
    found = imported("events", "memory://commands/*.csv")
    assert [(one["file"], one["accepted"], one["rejected"]) for one in found] == [
        ("memory:///commands/a.csv", 600, 0),
        ("memory:///commands/b.csv", 1, 2),
    ]
    rejects = json.loads(coldframe("rejects", "--json").stdout)
    assert {(one["source"], one["line"]) for one in rejects} == {("memory:///commands/b.csv", n) for n in (2, 3)}


def test_import_from_a_database_twice_changes_nothing(shop, postgres):
    words = ("events", postgres.url, "--table", "events", *COLUMNS)
    counts = [imported(*words)[0] for _ in range(2)]
    assert [(one["accepted"], one["repeated"]) for one in counts] == [(1_000, 0), (0, 1_000)]
    assert counts[0]["file"] == f"postgresql://ann:***@127.0.0.1:{postgres.port}/postgres events"
    events().write_parquet("events.parquet")
    assert imported("events", "events.parquet")[0]["repeated"] == 1_000


def test_items_of_a_database_bring_their_other_columns(shop, postgres):
    query = "SELECT 'i' || n AS sku, 'Lamp' AS title, ARRAY['new', 'red'] AS tags, n * 1.5::float8 AS price "
    query += "FROM generate_series(1, 3) AS n"
    assert imported("items", postgres.url, "--query", query, "--columns", "item_id=sku")[0]["accepted"] == 3
    coldframe("export", "items", "items.jsonl")
    items = [json.loads(line) for line in Path("items.jsonl").read_text().splitlines()]
    assert [items[0][name] for name in ("item_id", "tags", "numeric")] == ["i1", ["new", "red"], {"price": 1.5}]


def test_nothing_of_a_database_that_fails_is_imported(shop, postgres):
    query = "SELECT 'u' || n AS user_id, 1 / (200000 - n) AS age FROM generate_series(1, 300000) AS n"
    done = coldframe("import", "users", postgres.url, "--query", query)
    assert done.exit_code == 4
    assert "division by zero" in done.stderr
    assert json.loads(coldframe("doctor", "--json").stdout)["volume"]["user_records"] == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["import", "events", "nowhere.csv"], 2, "nowhere.csv"),
        (["import", "events", "coldframe.toml", "--table", "x"], 4, "--table"),
        (["import", "events", "memory://nowhere/", "--query", "x"], 4, "--query"),
        (["import", "events", "postgresql://ann@127.0.0.1:1/x"], 4, "neither --table nor --query"),
        (["pipeline", "run", "--source", "x.csv", "--only-window"], 4, "--only-window"),
        (["pipeline", "run", "--source", "memory://x/", "--only-window"], 4, "--only-window"),
        (["pipeline", "run", "--source", "store", "--table", "x"], 4, "--table"),
    ],
)
def test_options_that_say_nothing_are_refused(shop, words, code, says):
    done = coldframe(*words, *(["--sink", "rows", *AS_OF] if words[0] == "pipeline" else []))
    assert done.exit_code == code, done.output
    assert says in done.output


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("s3://x/", "cloud"),
        ("postgresql://x/y", "postgresql"),
        ("postgres://x/y", "postgresql"),
        ("bigquery://x", "bigquery"),
    ],
)
def test_a_source_whose_libraries_are_missing_says_how_to_install_them(shop, monkeypatch, url, extra):
    monkeypatch.setattr(project, "find_spec", lambda name: None)
    done = coldframe("import", "events", url, *(["--table", "x.y"] if extra != "cloud" else []))
    assert done.exit_code == 4
    assert f"pip install 'coldframe[{extra}]'" in done.stderr

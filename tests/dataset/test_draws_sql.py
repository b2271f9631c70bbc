"""The draws in SQL: what a database answers is what NumPy draws, on the golden vectors and on any other."""

import os
import shutil
import subprocess
import tempfile

import numpy as np
import pytest

from coldframe.dataset.draws import below, draw, event_keys, hash_ids
from coldframe.dataset.draws_sql import BIGQUERY, DIALECTS, DUCKDB, POSTGRESQL, draws_query, events_of
from coldframe.dataset.negatives import STRIDE, TRIES
from coldframe.errors import InputError

WORD = 2**64
GOLDEN_EVENTS = [("ann", "mug", 1_767_225_600_000_000), ("bob", "pan", -1)]
"""Of `test_dataset_negatives.test_golden_draws`."""
ODD_EVENTS = [("кружка", "", 0), ("it's", "x" * 300, 2**62), ("ann", "mug", -(2**62)), ("0", "1", 1)]


def listed(events, dialect):
    """Events as a query without a table."""
    text = {"duckdb": "VARCHAR", "postgresql": "text", "bigquery": "STRING"}[dialect.name]
    number = "INT64" if dialect is BIGQUERY else "BIGINT"
    quoted = ["'" + "', '".join(one.replace("'", "''") for one in event[:2]) + "'" for event in events]
    rows = [
        f"SELECT CAST({', '.join(quoted[at].split(', ')[:1])} AS {text}) AS user_id,"
        f" CAST({quoted[at].split(', ')[1]} AS {text}) AS item_id, CAST({event[2]} AS {number}) AS time_us"
        for at, event in enumerate(events)
    ]
    return " UNION ALL ".join(rows)


def expected(events, *, seed, n_items, ratio):
    """The same rows by NumPy, as Python's integers; bits without a sign."""
    users, items, times = zip(*events, strict=True)
    keys = event_keys(seed, hash_ids(users), hash_ids(items), np.array(times))
    rows = []
    for event, key in zip(events, keys, strict=True):
        for number in range(ratio):
            for attempt in range(TRIES + 1):
                bits = draw(np.array([key]), np.array([number * STRIDE + attempt], np.uint64))
                rows.append((*event, number, attempt, int(key), int(bits[0]), int(below(bits, n_items)[0])))
    return sorted(rows)


def without_sign(rows):
    return sorted((*row[:5], int(row[5]) % WORD, int(row[6]) % WORD, int(row[7])) for row in rows)


@pytest.fixture(scope="module")
def in_duckdb():
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    with duckdb.connect() as connection:
        yield lambda query: connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def in_postgresql():
    """A query's rows from a server of its own, which listens in a folder and nowhere else."""
    programs = {name: shutil.which(name) for name in ("initdb", "pg_ctl", "psql")}
    if not all(programs.values()):
        pytest.skip("PostgreSQL is not installed")
    owner = "nobody" if os.geteuid() == 0 else None  # it refuses to be run by root
    with tempfile.TemporaryDirectory(prefix="coldframe-pg-") as folder:
        if owner:
            shutil.chown(folder, owner)

        def run(name, *words, **more):
            command = [programs[name], *words]
            return subprocess.run(command, check=True, timeout=120, cwd="/", user=owner, **more)

        made = ("-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        run("initdb", "-D", f"{folder}/data", *made, stdout=subprocess.DEVNULL)
        control = ("-D", f"{folder}/data", "-w", "-l", f"{folder}/log")
        options = f"-c listen_addresses= -c fsync=off -c unix_socket_directories={folder}"
        run("pg_ctl", *control, "-o", options, "start", stdout=subprocess.DEVNULL)

        def rows(query):
            where = ("-h", folder, "-U", "tester", "-d", "postgres", "-X", "-A", "-t", "-F", "\t")
            told = run("psql", *where, "-c", query, capture_output=True, text=True).stdout
            fields = [line.split("\t") for line in told.splitlines()]
            return [(one[0], one[1], *map(int, one[2:])) for one in fields]

        yield rows
        run("pg_ctl", *control, "-m", "immediate", "stop", stdout=subprocess.DEVNULL)


@pytest.fixture(params=[DUCKDB, POSTGRESQL], ids=lambda dialect: dialect.name)
def database(request):
    return request.param, request.getfixturevalue(f"in_{request.param.name}")


def test_golden_vectors(database):
    dialect, rows = database
    query = draws_query(dialect, listed(GOLDEN_EVENTS, dialect), seed=7, n_items=1_000, ratio=2)
    found = {(row[0], row[3], row[4]): row[5:] for row in without_sign(rows(query))}
    ann, bob = 0x4BDFF01C53F23202, 0x774357AC8BDBBA43
    assert found["ann", 0, 0] == (ann, 0x62F4124D78A44727, 386)
    assert found["ann", 1, 1] == (ann, 0xF40B3C247FF30F80, 953)
    assert found["bob", 0, 8] == (bob, 0xA8BC6CE98D0DA42A, 659)


@pytest.mark.parametrize(("seed", "n_items"), [(0, 1), (2**63 - 1, 2**31), (5, 97)])
def test_every_draw_is_the_one_that_numpy_makes(database, seed, n_items):
    dialect, rows = database
    events = [*GOLDEN_EVENTS, *ODD_EVENTS]
    query = draws_query(dialect, listed(events, dialect), seed=seed, n_items=n_items, ratio=3)
    assert without_sign(rows(query)) == expected(events, seed=seed, n_items=n_items, ratio=3)


def test_many_events_have_the_draws_of_numpy(in_duckdb):
    number = np.random.default_rng(3).integers(0, 2**62, (500, 3))
    events = [(f"u{user}", f"i{item}", int(time)) for user, item, time in number]
    query = draws_query(DUCKDB, listed(events, DUCKDB), seed=11, n_items=40_000, ratio=1)
    assert without_sign(in_duckdb(query)) == expected(events, seed=11, n_items=40_000, ratio=1)


def test_a_table_of_timestamps_is_read_in_microseconds(database):
    dialect, rows = database
    kind = "TIMESTAMPTZ" if dialect is POSTGRESQL else "TIMESTAMP"
    moment = f"{kind} '2026-01-01 00:00:00.000001{'+00' if dialect is POSTGRESQL else ''}'"
    table = f"(SELECT 'ann' AS user_id, 'mug' AS item_id, {moment} AS timestamp) AS events"
    assert [row[2] for row in rows(events_of(dialect, table))] == [1_767_225_600_000_001]


def test_a_table_called_events_is_drawn_for(in_duckdb):
    in_duckdb("CREATE TABLE events AS SELECT 'ann' AS user_id, 'mug' AS item_id, TIMESTAMP '2026-01-01' AS timestamp")
    query = draws_query(DUCKDB, events_of(DUCKDB, "events"), seed=7, n_items=1_000, ratio=2)
    assert without_sign(in_duckdb(query)) == expected(GOLDEN_EVENTS[:1], seed=7, n_items=1_000, ratio=2)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_query_grows_with_its_steps_and_not_with_their_nesting(dialect):
    query = draws_query(dialect, events_of(dialect, "events"), seed=1, n_items=10, ratio=3)
    assert len(query) < 12_000
    assert "{" not in query


@pytest.mark.parametrize("n_items", [0, -1, 2**31 + 1])
def test_what_cannot_be_drawn_from_is_refused(n_items):
    with pytest.raises(InputError, match="Nothing can be drawn"):
        draws_query(DUCKDB, "SELECT 1", seed=1, n_items=n_items, ratio=3)

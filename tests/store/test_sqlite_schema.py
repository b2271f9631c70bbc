"""Versions of the tables: old ones are brought up, newer and foreign ones refused."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from coldframe.errors import StoreError
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, catalogue, schema
from coldframe.store.sqlite.connections import connect
from coldframe.testing.store_samples import START, events

SETTINGS = Settings().store


def open_store(folder):
    return SQLiteStore(folder, SETTINGS)


def test_an_older_store_is_migrated_with_its_rows(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    store.append_events(events(0, 5))
    store.close()
    newer = (*schema.MIGRATIONS, ["CREATE TABLE shelves (id TEXT)", "INSERT INTO shelves VALUES ('a')"])
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    for _ in range(2):
        store = open_store(tmp_path)
        assert store.counts().events == 5
        store.close()
    connection = connect(tmp_path / "store.sqlite")
    assert connection.execute("SELECT * FROM shelves").fetchall() == [("a",)]
    assert schema.version(connection) == len(newer)
    connection.close()


@pytest.mark.parametrize("version", range(1, len(schema.MIGRATIONS)))
def test_a_store_of_every_version_opens(tmp_path, version):
    connection = connect(tmp_path / "store.sqlite")
    schema.migrate(connection, tmp_path, schema.MIGRATIONS[:version])
    columns = "event_id, user_id, item_id, event_type, timestamp"
    connection.execute(f"INSERT INTO live_events ({columns}) VALUES ('e', 'ann', 'pot', 'view', 1)")
    connection.close()
    store = open_store(tmp_path)
    assert [each.event_id for each in store.recent_events("ann", limit=9)] == ["e"]
    assert store.merge_session("s", "ann", now=START)
    assert store.forget_user("ann", now=START).erased["live_events"] == 1
    store.close()
    salts = set()
    for folder in (tmp_path, tmp_path / "another"):
        open_store(folder).close()
        connection = connect(folder / "store.sqlite")
        salts.add(connection.execute("SELECT value FROM secrets").fetchone()[0])
        connection.close()
    assert [len(each) for each in salts] == [32, 32]


def test_a_migration_that_fails_changes_nothing(tmp_path):
    open_store(tmp_path).close()
    connection = connect(tmp_path / "store.sqlite")
    torn = (*schema.MIGRATIONS, ["CREATE TABLE shelves (id TEXT)", "INSERT INTO nowhere VALUES (1)"])
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        schema.migrate(connection, tmp_path, torn)
    assert schema.version(connection) == len(schema.MIGRATIONS)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'shelves'").fetchone() == (0,)
    connection.close()


def test_a_newer_store_is_refused(tmp_path):
    open_store(tmp_path).close()
    connection = connect(tmp_path / "store.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="version 99") as refused:
        open_store(tmp_path)
    assert "Upgrade" in refused.value.remedy


def test_another_programs_database_is_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    connection.execute("CREATE TABLE theirs (id TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "store.sqlite").write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(tmp_path)


def test_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="data"):
        open_store(tmp_path / "data")


def test_many_may_open_a_new_folder_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: open_store(tmp_path / "data"), range(8)))
    for store in stores:
        assert store.counts().events == 0
        store.close()


def test_every_commit_is_fsynced(tmp_path):
    open_store(tmp_path).close()
    connection = connect(tmp_path / "store.sqlite")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_what_changed_is_found_by_an_index_and_not_by_looking_at_every_item(tmp_path):
    schema.prepare(tmp_path / "store.sqlite", tmp_path / "lock")
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    for statement, values, index in (
        (catalogue._CHANGED, (1, "", 10), "items_by_change"),
        (catalogue._REMOVED, (1,), "removed_by_change"),
    ):
        plan = " ".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))
        assert f"SEARCH {statement.split(' FROM ')[1].split()[0]} USING" in plan
        assert index in plan
        assert "TEMP B-TREE" not in plan

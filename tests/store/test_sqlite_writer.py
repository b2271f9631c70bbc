"""Group commit: many writers, few fsyncs, a bound, and nobody fails for another's sake."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from coldframe import disk
from coldframe.errors import InputError, StoreBusyError, StoreError
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.store.sqlite.writer import TURNS
from coldframe.testing.store_samples import event, events, impression

SETTINGS = Settings().store


@pytest.fixture
def writer(tmp_path):
    store = SQLiteStore(tmp_path, replace(SETTINGS, queue_events=100))
    yield store._writer
    store.close()


def hold(writer):
    """Keep the writer busy until the returned event is set."""
    begun, release = threading.Event(), threading.Event()

    def apply(_connection, _sealed):
        begun.set()
        assert release.wait(30)

    writer.queue(apply)
    assert begun.wait(30)
    return release


def test_processes_write_in_turns(writer, tmp_path):
    with disk.locked(tmp_path / TURNS):
        done = writer.queue(lambda *_: "written")
        time.sleep(0.05)
        assert not done.done()
    assert done.result(30) == "written"


def test_many_threads_share_few_fsyncs(tmp_path):
    store = SQLiteStore(tmp_path, replace(SETTINGS, commit_interval_ms=20.0))
    before = store.commits
    with ThreadPoolExecutor(32) as pool:
        reports = list(pool.map(lambda number: store.append_events([event(number)]), range(320)))
    assert {report[0].status for report in reports} == {"accepted"}
    assert 10 <= store.commits - before <= 100
    store.close()


def test_a_full_queue_refuses_at_once_and_recovers(writer):
    release = hold(writer)
    waiting = [writer.queue(lambda *_: None, weight=60)]
    with pytest.raises(StoreBusyError, match="60 events wait"):
        writer.queue(lambda *_: None, weight=41)
    waiting.append(writer.queue(lambda *_: None, weight=40))
    waiting.append(writer.queue(lambda *_: None))
    release.set()
    assert [done.result(30) for done in waiting] == [None] * 3
    writer.write(lambda *_: None, weight=100)


def test_a_batch_beyond_the_bound_is_taken_by_an_empty_queue(tmp_path):
    store = SQLiteStore(tmp_path, replace(SETTINGS, queue_events=100))
    assert len(store.append_events(events(0, 250))) == 250
    store.close()


def test_a_job_that_fails_fails_alone(writer):
    release = hold(writer)

    def bad(connection, _sealed):
        connection.execute("INSERT INTO rejects (body) VALUES (x'00')")
        raise OverflowError("too large")

    def broken(connection, _sealed):
        connection.execute("INSERT INTO nowhere VALUES (1)")

    def good(connection, _sealed):
        return connection.execute("INSERT INTO rejects (body) VALUES (x'01')").rowcount

    jobs = [writer.queue(job) for job in (good, bad, broken, good)]
    release.set()
    with pytest.raises(OverflowError):
        jobs[1].result(30)
    with pytest.raises(StoreError, match="nowhere"):
        jobs[2].result(30)
    assert [jobs[0].result(30), jobs[3].result(30)] == [1, 1]
    assert writer.write(lambda connection, _: connection.execute("SELECT count(*) FROM rejects").fetchone()[0]) == 2


def test_a_record_that_is_not_unicode_is_refused_before_the_queue(tmp_path):
    from coldframe.domain import Item

    store = SQLiteStore(tmp_path, SETTINGS)
    with pytest.raises(InputError, match="not Unicode"):
        store.upsert_items([Item(item_id="fine"), Item(item_id="\ud800")])
    assert list(store.items()) == []
    store.close()


def test_impressions_return_before_they_are_durable_and_flush_waits(tmp_path):
    store = SQLiteStore(tmp_path, replace(SETTINGS, commit_interval_ms=200.0))
    store.append_impressions([impression(1)])
    assert list(store.impressions()) == []
    store.flush()
    assert list(store.impressions()) == [impression(1)]
    store.close()


def test_closing_commits_what_is_queued_without_waiting_for_company(tmp_path):
    slow = replace(SETTINGS, commit_interval_ms=1_000.0)
    store = SQLiteStore(tmp_path, slow)
    for number in range(50):
        store.append_impressions([impression(number)])
    store.close()
    again = SQLiteStore(tmp_path, SETTINGS)
    assert again.counts().impressions == 50
    again.close()


def test_what_nobody_waits_for_shares_a_commit_and_is_on_the_disk_before_a_later_event_is_accepted(tmp_path):
    store = SQLiteStore(tmp_path, SETTINGS)
    before = store.commits
    for number in range(20):
        store.append_impressions([impression(number)])
    assert store.append_events([event(1)])[0].status == "accepted"
    assert store.counts().impressions == 20
    assert store.commits <= before + 2
    store.close()


def test_what_nobody_waits_for_is_durable_soon_without_any_company(tmp_path):
    store = SQLiteStore(tmp_path, SETTINGS)
    store.append_impressions([impression(1)])
    deadline = time.monotonic() + 10
    while not store.counts().impressions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert store.counts().impressions == 1
    store.close()

"""A disk that is full or lies: the error names the thing, nothing of the call is kept, and the store goes on."""

import errno
import os

import pytest

from coldframe.domain import Item
from coldframe.errors import StoreBusyError, StoreError
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, connections, housekeeping
from coldframe.store.sqlite.connections import connect
from coldframe.testing.full_disk import no_file_larger_than
from coldframe.testing.store_samples import DAY, START, event, events, frame, impression

SETTINGS = Settings().store


@pytest.fixture
def store(tmp_path):
    opened = SQLiteStore(tmp_path, SETTINGS)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.append_events(events(100, 2_000)),
        lambda store: store.upsert_items([Item(item_id="pot", text="x" * 400_000)]),
        lambda store: store.import_events([frame(events(100, 20_000))]),
        lambda store: store.seal(before=START + 9 * DAY),
    ],
)
def test_a_full_disk_keeps_nothing_of_the_call_and_all_else(store, tmp_path, write):
    store.append_events(events(0, 50))
    before = store.counts()
    with no_file_larger_than(1_000), pytest.raises(StoreError, match=str(tmp_path)):
        write(store)
    assert store.counts() == before
    assert store.scan_events().collect().equals(frame(events(0, 50)))
    write(store)
    assert store.append_events([event(99_999)])[0].status == "accepted"


def test_lost_impressions_are_told_once(store):
    with no_file_larger_than(1_000):
        store.append_impressions([impression(1)])
        with pytest.raises(StoreError, match="impressions"):
            store.flush()
    store.append_impressions([impression(2)])
    store.flush()
    assert list(store.impressions()) == [impression(2)]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("work", ["import", "seal", "merge"])
def test_whichever_call_fails_it_is_all_or_nothing(store, tmp_path, monkeypatch, call, work):
    """Fail the first call to the system, then the second, and so on, until one try meets no failure."""
    monkeypatch.setattr(housekeeping, "FAN", 2 if work == "merge" else 99)
    for part in range(3):
        store.import_events([frame(events(part * 10, part * 10 + 5))])
    store.append_events(events(100, 130))
    act = {
        "import": lambda: store.import_events([frame(events(200, 220))]),
        "seal": lambda: store.seal(before=START + 99 * DAY),
        "merge": lambda: store.import_events([frame(events(200, 201))]),
    }[work]
    before = store.counts()
    tries = 0
    while True:
        tries += 1
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing_at(tries, getattr(os, call)))
            try:
                act()
            except StoreError:
                assert store.counts() == before
                assert not any(path.name.startswith(".new") for path in tmp_path.rglob("*"))
                continue
        break
    assert tries > 2
    scanned = store.scan_events().collect()
    assert scanned.height == store.counts().events == scanned["event_id"].n_unique()
    assert len(store.recent_events("ann", limit=999)) == scanned.height


def failing_at(wanted, real):
    calls = iter(range(1, 10_000))

    def call(*args, **kwargs):
        if next(calls) == wanted:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    return call


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data[:200] + b"?" + data[201:]])
def test_a_segment_that_changed_is_never_read(store, tmp_path, harm):
    store.import_events([frame(events(0, 50))])
    (path,) = (tmp_path / "segments").iterdir()
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(StoreError, match=path.name):
        store.scan_events()
    assert len(store.recent_events("ann", limit=99)) == 50


def test_a_missing_index_is_made_again(tmp_path, store):
    store.import_events([frame(events(0, 50))])
    store.close()
    for path in (tmp_path / "index").rglob("*.*"):
        path.unlink()
    for folder in (tmp_path / "index").iterdir():
        folder.rmdir()
    again = SQLiteStore(tmp_path, SETTINGS)
    assert again.recent_events("ann", limit=99) == events(0, 50)[::-1]
    assert again.append_events([event(7)])[0].status == "repeated"
    again.close()


def test_waiting_for_another_process_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    store = SQLiteStore(tmp_path, SETTINGS)
    other = connect(tmp_path / "store.sqlite")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="locked"):
        store.append_events([event(1)])
    assert store.recent_events("ann", limit=1) == []
    other.execute("ROLLBACK")
    other.close()
    assert store.append_events([event(1)])[0].status == "accepted"
    store.close()


def test_a_short_lock_of_another_process_is_waited_for(tmp_path):
    import threading

    store = SQLiteStore(tmp_path, SETTINGS)
    other = connect(tmp_path / "store.sqlite")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    assert store.append_events([event(1)])[0].status == "accepted"
    release.join()
    other.close()
    store.close()

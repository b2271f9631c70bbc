"""Erasure in the embedded store: no byte is left, no crash and no failure shows, nothing of anybody else is touched."""

import errno
import os
import subprocess
import sys
from dataclasses import replace

import polars as pl
import pytest

from coldframe.domain import User
from coldframe.errors import InputError, StoreError
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, erasing, housekeeping, persons, sealing, segments
from coldframe.store.sqlite.connections import connect
from coldframe.store.sqlite.persons import Person
from coldframe.testing.full_disk import no_file_larger_than
from coldframe.testing.store_samples import DAY, START, event, frame, impression

SETTINGS = Settings().store
LATER = START + 400 * DAY
SECRET = "ann-the-person"
BOBS = [event(n, user_id="bob") for n in range(100, 160)]

DYING = """
import os, sys, threading
from pathlib import Path
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.store_samples import DAY, START
store, left = SQLiteStore(Path(sys.argv[1]), Settings().store), int(sys.argv[2])

def count(frame, what, arg):
    global left
    if what in ("call", "c_return") and "coldframe" in frame.f_code.co_filename and left >= 0:
        left -= 1
        if left < 0:
            os._exit(9)

threading.setprofile_all_threads(count) if sys.version_info >= (3, 12) else threading.setprofile(count)
sys.setprofile(count)
store.forget_user("ann", now=START + 400 * DAY)
sys.setprofile(None)
print(int(sys.argv[2]) - left)
"""


def stocked(folder, name="ann"):
    """A store with all there can be of a person, in live and sealed events, merged and single runs."""
    store = SQLiteStore(folder, SETTINGS)
    own = [event(n, user_id=name, event_id=f"{name}-{n}", context={"who": name}) for n in range(60)]
    visits = [event(n, user_id=None, session_id=f"{name}-visit", event_id=f"v{n}") for n in (70, 71)]
    for part in range(3):
        store.import_events([frame([*own[part * 10 : part * 10 + 10], *BOBS[part * 10 : part * 10 + 10]])])
    store.append_events([*own[30:45], *BOBS[30:45], *visits])
    store.seal(before=START + 99 * DAY)
    store.append_events([*own[45:], *BOBS[45:]])
    store.upsert_users([User(user_id=name, attributes={"mail": f"{name}@example.org"}), User(user_id="bob")])
    store.append_impressions([impression(n, user_id=name if n % 2 else "bob") for n in range(6)])
    store.merge_session(f"{name}-visit", name, now=START)
    store.flush()
    return store


def check_whole(store):
    """Nothing of Bob is lost, doubled or changed."""
    scan = store.scan_events().collect()
    assert scan.filter(pl.col("user_id") == "bob").equals(frame(BOBS))
    assert store.recent_events("bob", limit=999) == BOBS[::-1]
    assert {each.status for each in store.append_events(BOBS)} == {"repeated"}
    assert [each.user_id for each in store.impressions() if each.user_id == "bob"] == ["bob"] * 3


def check_gone(store, name="ann"):
    scan = store.scan_events().collect()
    assert scan.height == len(BOBS)
    assert store.recent_events(name, limit=999) == store.recent_events(f"{name}-visit", limit=999) == []
    assert store.user(name) is None
    assert {each.user_id for each in store.impressions()} == {"bob"}


def everything(folder):
    """All bytes of a folder, and the rows of its Parquet files as text."""
    raw = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    rows = [pl.read_parquet(path).write_ndjson() for path in folder.rglob("*.parquet")]
    return raw + "".join(rows).encode()


def test_who_is_being_forgotten_is_counted_no_more(tmp_path):
    """From the very moment, live and sealed events and those of joined sessions alike."""
    store = stocked(tmp_path)
    bobs = store.scan_events().filter(pl.col("user_id") == "bob").collect().height
    assert sum(store.item_counts(start=START).events.values()) > bobs
    store._writer.write(lambda connection, _: persons.begin(connection, "ann", "erasure", 0))
    assert sum(store.item_counts(start=START).events.values()) == store.scan_events().collect().height == bobs
    store.close()


@pytest.mark.parametrize("fan", [2, 99])
def test_no_byte_names_the_person(tmp_path, monkeypatch, fan):
    monkeypatch.setattr(housekeeping, "FAN", fan)
    monkeypatch.setattr(sealing, "SEAL_ROWS", 7)
    store = stocked(tmp_path, SECRET)
    assert everything(tmp_path).count(SECRET.encode()) > 100
    store.forget_user(SECRET, now=LATER)
    check_gone(store, SECRET)
    check_whole(store)
    assert SECRET.encode() not in everything(tmp_path)
    store.close()
    assert SECRET.encode() not in everything(tmp_path)


def test_sealed_events_leave_no_copy_among_the_live(tmp_path):
    """Sealing removes rows long before anybody asks to be forgotten."""
    store = SQLiteStore(tmp_path, SETTINGS)
    store.append_events([event(n, user_id=SECRET) for n in range(500)])
    store.seal(before=START + 99 * DAY)
    store.close()
    assert SECRET.encode() not in (tmp_path / "store.sqlite").read_bytes()


def dying(folder, moment):
    return subprocess.run([sys.executable, "-c", DYING, folder, str(moment)], capture_output=True, check=False)


def check_after_death(folder, moment):
    died = dying(folder, moment)
    assert died.returncode == 9, died.stderr.decode()
    store = SQLiteStore(folder, SETTINGS)
    receipts = list(store.erasures())
    if receipts:
        assert receipts[0].finished_at is not None
        check_gone(store)
        assert b"ann" not in b"".join(path.read_bytes() for path in folder.glob("index/*/events.jsonl"))
    else:
        assert store.scan_events().collect().height == len(BOBS) + 62
        assert len(store.recent_events("ann", limit=999)) == 62
    check_whole(store)
    named = {path.stem for path in (folder / "segments").iterdir()}
    connection = connect(folder / "store.sqlite")
    assert named == {name for (name,) in connection.execute("SELECT name FROM segments")}
    connection.close()
    store.forget_user("ann", now=LATER)
    check_gone(store)
    store.close()
    return bool(receipts)


@pytest.mark.parametrize("moment", [5, 150, 300, 450, 600, 750, 860])
def test_whenever_the_process_dies_it_is_the_old_or_the_new(tmp_path, moment):
    stocked(tmp_path).close()
    check_after_death(tmp_path, moment)


@pytest.mark.slow
def test_at_every_moment_it_is_the_old_or_the_new(tmp_path):
    stocked(tmp_path / "whole").close()
    calls = int(dying(tmp_path / "whole", 10**9).stdout)
    assert calls > 300
    states = []
    for moment in range(0, calls, 5):
        stocked(tmp_path / str(moment)).close()
        states.append(check_after_death(tmp_path / str(moment), moment))
    assert {*states} == {True, False}
    assert states == sorted(states)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_whichever_call_fails_the_person_stays_hidden(tmp_path, monkeypatch, call):
    """Fail the first call to the system, then the second, and so on, until one try meets no failure."""
    store, real, failures = stocked(tmp_path), getattr(os, call), 0
    while True:
        left = failures

        def failing(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == -1:
                raise OSError(errno.EIO, "broken")
            return real(*args, **kwargs)

        monkeypatch.setattr(os, call, failing)
        try:
            store.forget_user("ann", now=LATER)
            break
        except StoreError:
            failures += 1
            assert store.scan_events().collect().equals(frame(BOBS))
            assert store.recent_events("ann", limit=9) == []
        finally:
            monkeypatch.setattr(os, call, real)
    assert failures > 1
    check_gone(store)
    check_whole(store)
    assert len(list(store.erasures())) == 1
    store.close()


def test_what_cannot_be_finished_stays_hidden_and_the_next_seal_finishes(tmp_path, monkeypatch, caplog):
    """Also for who opens the store anew: it opens, says so, and hides."""
    store = stocked(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(segments.Segments, "write", _broken)
        with pytest.raises(StoreError, match="broken"):
            store.forget_user("ann", now=LATER)
        again = SQLiteStore(tmp_path, SETTINGS)
        assert "An erasure is not finished" in caplog.text
        for each in (store, again):
            assert each.scan_events().collect().equals(frame(BOBS))
            assert each.recent_events("ann", limit=9) == each.recent_events("ann-visit", limit=9) == []
            assert next(each.erasures()).finished_at is None
    again.seal(before=START)
    assert next(store.erasures()).finished_at is not None
    check_gone(store)
    check_whole(again)
    again.close()
    store.close()


def test_a_full_disk_refuses_or_hides(tmp_path):
    store = stocked(tmp_path)
    with no_file_larger_than(1_000), pytest.raises(StoreError):
        store.forget_user("ann", now=LATER)
    check_whole(store)
    store.forget_user("ann", now=LATER)
    check_gone(store)
    store.close()


def test_a_session_joined_in_the_midst_goes_too(tmp_path, monkeypatch):
    store, real, joined = stocked(tmp_path), erasing.Erasing._rewritten, []
    store.import_events([frame([event(500, user_id=None, session_id="late")])])

    def rewriting(self, who):
        if not joined:
            joined.append(store.merge_session("late", "ann", now=LATER))
        return real(self, who)

    monkeypatch.setattr(erasing.Erasing, "_rewritten", rewriting)
    receipt = store.forget_user("ann", now=LATER)
    check_gone(store)
    assert receipt.erased["sessions"] == 2
    store.close()


def test_what_arrives_in_the_midst_goes_too(tmp_path, monkeypatch):
    store, real = stocked(tmp_path), erasing.Erasing._rewritten

    def rewriting(self, who):
        found = real(self, who)
        store.append_events([event(900, user_id="ann", event_id="late")])
        store.append_impressions([impression(90, user_id="ann")])
        store.upsert_users([User(user_id="ann")])
        return found

    monkeypatch.setattr(erasing.Erasing, "_rewritten", rewriting)
    store.forget_user("ann", now=LATER)
    check_gone(store)
    check_whole(store)
    store.close()


def test_who_was_forgotten_may_be_refused_for_good(tmp_path):
    refusing = replace(SETTINGS, forgotten_users="refuse")
    stocked(tmp_path).close()
    store = SQLiteStore(tmp_path, refusing)
    store.forget_user("ann", now=LATER)
    given = [event(1, user_id="ann"), event(2, user_id="eve"), event(3, user_id=None, session_id="ann-visit")]
    reports = store.append_events(given)
    assert [each.status for each in reports] == ["rejected", "accepted", "accepted"]
    assert "forgotten" in reports[0].reason
    report = store.import_events(
        [frame([event(n, user_id="ann") for n in range(10, 15)]), frame([event(20, user_id="eve")])]
    )
    assert (report.accepted, report.repeated, report.rejected) == (1, 0, 5)
    assert list(report.reasons.values()) == [5]
    assert store.upsert_users([User(user_id="ann"), User(user_id="eve")]) == 1
    with pytest.raises(InputError, match="forgotten"):
        store.merge_session("ann-visit", "ann", now=LATER)
    assert set(store.scan_events().collect()["user_id"]) == {"bob", "eve", None}
    store.close()


def test_text_that_is_no_unicode_is_refused(tmp_path):
    store = SQLiteStore(tmp_path, SETTINGS)
    for use in (lambda: store.forget_user("\ud800", now=LATER), lambda: store.merge_session("s", "\ud800", now=LATER)):
        with pytest.raises(InputError, match="Unicode"):
            use()
    store.close()


def test_histories_of_joined_sessions_use_the_index(tmp_path):
    stocked(tmp_path).close()
    connection = connect(tmp_path / "store.sqlite")
    plans = []
    connection.set_trace_callback(plans.append)
    persons.newest(connection, Person("ann", ("ann-visit",)), 5, 2**60)
    connection.set_trace_callback(None)
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {plans[0]}"))
    assert "live_by_actor" in plan
    assert "SCAN live_events" not in plan
    connection.close()


def _broken(*args, **kwargs):
    raise OSError(errno.EIO, "broken")

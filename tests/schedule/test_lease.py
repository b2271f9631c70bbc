"""The lease: one holder, a heartbeat, and clear words for who comes second."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from coldframe.clock import system_clock
from coldframe.errors import StoreBusyError, StoreError
from coldframe.schedule.lease import holding
from coldframe.schedule.plan import LEASE
from coldframe.settings import ScheduleSettings, Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.store_samples import START

SHORT = ScheduleSettings(lease_minutes=0.01)
LONG = ScheduleSettings(lease_minutes=5.0)


@pytest.fixture
def store(tmp_path):
    opened = SQLiteStore(tmp_path, Settings().store)
    yield opened
    opened.close()


def test_it_is_given_back_whatever_happens(store):
    with pytest.raises(StoreBusyError), holding(store, "a", LONG, system_clock):
        holding(store, "b", LONG, system_clock).__enter__()
    assert store.lease(LEASE) is None


def test_who_comes_second_is_told_who_since_when_and_what_to_do(store):
    with holding(store, "coldframe train, process 7", LONG, lambda: START):
        with pytest.raises(StoreBusyError) as refused, holding(store, "b", LONG, lambda: START):
            pass
        assert store.lease(LEASE).owner == "coldframe train, process 7"
    assert "coldframe train, process 7, since 2026-01-01 00:00:00 UTC" in refused.value.message
    assert "2026-01-01 00:05:00 UTC" in refused.value.remedy


def test_the_heartbeat_keeps_it_longer_than_it_lasts(store):
    beats = []
    enough = threading.Event()

    def tick():
        beats.append(store.lease(LEASE))
        if len(beats) == 8:  # a third of 0.6 s each: far longer than one lease lasts
            enough.set()

    with holding(store, "a", SHORT, system_clock, tick):
        assert enough.wait(30)
        assert store.take_lease(LEASE, owner="b", now=system_clock(), until=system_clock()).owner == "a"
    assert beats[-1].beat_at > beats[0].beat_at
    assert beats[-1].taken_at == beats[0].taken_at


def test_a_lease_that_another_took_is_noticed_and_left_alone(store):
    now = START
    with holding(store, "a", LONG, lambda: now) as held:
        held.renew()
        held.check()
        now += timedelta(hours=1)
        store.take_lease(LEASE, owner="b", now=now, until=now + timedelta(minutes=5))
        held.renew()
        with pytest.raises(StoreBusyError, match="another has taken it"):
            held.check()
    assert store.lease(LEASE).owner == "b"


def test_a_store_that_refuses_the_return_leaves_it_to_end_by_itself(tmp_path, caplog):
    store = SQLiteStore(tmp_path, replace(Settings().store))
    with holding(store, "a", LONG, system_clock) as held:
        store.close()
        with pytest.raises(StoreError):
            held.renew()
    assert "ends by itself" in caplog.text

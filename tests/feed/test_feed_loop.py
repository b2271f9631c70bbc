"""The loop of a feed: killed anywhere and begun again, every message is in the store or the file, and once."""

import json
import threading
from collections import Counter
from contextlib import closing

import pytest
from feed_worlds import ListedSource, ListedTopic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldframe.clock import system_clock
from coldframe.errors import StoreBusyError, StoreError
from coldframe.feed.feeding import Feed, Keeping
from coldframe.feed.letters import DeadLetters
from coldframe.settings import KafkaSettings, Settings
from coldframe.store.sqlite import SQLiteStore

SMALL = KafkaSettings(batch=3, work_share=1.0, patience_seconds=10)


def good(name):
    body = {"event_id": name, "user_id": "u", "item_id": "i", "event_type": "view", "timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps(body).encode()


NAMELESS = b'{"user_id": "u", "item_id": "i", "event_type": "view"}'
TOPIC = [
    [good("a"), b"nope", NAMELESS, NAMELESS, good("a"), good("b")],
    [NAMELESS, good("c"), None, good("d"), good("b"), NAMELESS, b"7"],
]
"""13 messages: 4 names, two of them twice; 4 events without a name; 3 that are none."""


class Killed(BaseException):
    """Ends a feed where it stands, as SIGKILL does."""


class Moments:
    """Counts the moments before and after each step that leaves something behind; kills at a given one."""

    def __init__(self, kill_at):
        self.left = kill_at

    def around(self, call):
        def counted(*args):
            self._pass()
            result = call(*args)
            self._pass()
            return result

        return counted

    def _pass(self):
        self.left -= 1
        if self.left < 0:
            raise Killed


def fed(topic, store, path, *, kill_at=10**9, settings=SMALL, stop=None, told=None, monotonic=None):
    moments, source, letters = Moments(kill_at), ListedSource(topic), DeadLetters(path)
    source.acknowledge = moments.around(source.acknowledge)
    letters.keep = moments.around(letters.keep)
    append = store.append_events
    store.append_events = moments.around(append)
    clock = {} if monotonic is None else {"monotonic": monotonic}
    tell = [].append if told is None else told.append
    stop = stop or threading.Event()
    feed = Feed(
        source,
        Keeping(store, letters),
        settings,
        stop=stop,
        clock=system_clock,
        tell=tell,
        show=lambda report: None,
        **clock,
    )
    try:
        return feed.run()
    except Killed:
        return None
    finally:
        store.append_events = append


@pytest.fixture
def store(tmp_path):
    with closing(SQLiteStore(tmp_path / "data", Settings().store)) as opened:
        yield opened


def test_every_message_is_accepted_repeated_or_rejected(store, tmp_path):
    report = fed(ListedTopic(TOPIC), store, tmp_path / "letters")
    assert (report.messages, report.accepted, report.repeated, report.rejected) == (13, 8, 2, 3)
    assert sum(report.reasons.values()) == report.rejected
    assert (report.lag, report.next_offsets) == (0, {0: 6, 1: 7})
    assert len(set(store.scan_events().collect()["event_id"])) == 8
    assert len((tmp_path / "letters").read_bytes().splitlines()) == 3


@given(kills=st.lists(st.integers(0, 31), max_size=6), batch=st.integers(1, 14))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_killed_anywhere_nothing_is_lost_and_nothing_doubled(tmp_path_factory, kills, batch):
    folder = tmp_path_factory.mktemp("killed")
    topic, few = ListedTopic(TOPIC), KafkaSettings(batch=batch, work_share=1.0)
    for kill_at in [*kills, 10**9]:
        with closing(SQLiteStore(folder / "data", Settings().store)) as store:
            fed(topic, store, folder / "letters", kill_at=kill_at, settings=few)
    with closing(SQLiteStore(folder / "data", Settings().store)) as store:
        stored = store.scan_events().collect()["event_id"].to_list()
    wanted = {
        "a",
        "b",
        "c",
        "d",
        *(each.event_id for part in topic.messages for each in part if each.value == NAMELESS),
    }
    assert Counter(stored) == Counter(wanted)
    letters = [json.loads(line) for line in (folder / "letters").read_bytes().splitlines()]
    assert {(each["partition"], each["offset"]) for each in letters} == {(0, 1), (1, 2), (1, 6)}
    assert topic.committed == [6, 7]


def test_nothing_is_committed_that_the_store_has_not_acknowledged(store, tmp_path):
    topic = ListedTopic(TOPIC)
    fed(topic, store, tmp_path / "letters", kill_at=0)
    assert topic.committed == [0, 0]
    fed(topic, store, tmp_path / "letters", kill_at=2)
    assert topic.committed == [0, 0]


class Faltering(SQLiteStore):
    """A store whose next appends fail, after having been kept or not."""

    faults = ()

    def append_events(self, events):
        if not self.faults:
            return super().append_events(events)
        (error, kept), *self.faults = self.faults
        if kept:
            super().append_events(events)
        raise error


BUSY, FULL = StoreBusyError("Another process writes there."), StoreError("The disk is full.", remedy="Free space.")


@pytest.mark.parametrize("kept", [False, True])
def test_a_store_that_fails_for_a_moment_is_waited_for(tmp_path, monkeypatch, kept):
    monkeypatch.setattr("coldframe.feed.feeding.RETRY_SECONDS", (0.001, 0.002))
    told = []
    with closing(Faltering(tmp_path / "data", Settings().store)) as store:
        store.faults = [(BUSY, kept), (FULL, False), (BUSY, False)]
        report = fed(ListedTopic(TOPIC), store, tmp_path / "letters", told=told)
        assert (report.messages, store.counts().events) == (13, 8)
    assert [line.partition(". ")[0] for line in told] == [
        "Another process writes there",
        "The disk is full",
        "Another process writes there",
    ]


def test_a_store_that_stays_away_ends_the_feed_and_nothing_is_committed(tmp_path):
    topic, seconds = ListedTopic(TOPIC), iter(range(0, 1_000, 6))
    with closing(Faltering(tmp_path / "data", Settings().store)) as store:
        store.faults = [(FULL, False)] * 100
        with pytest.raises(StoreError, match="disk is full"):
            fed(topic, store, tmp_path / "letters", monotonic=lambda: next(seconds))
    assert topic.committed == [0, 0]


def test_a_stop_while_the_store_is_away_is_heeded_at_once(tmp_path):
    stop = threading.Event()
    with closing(Faltering(tmp_path / "data", Settings().store)) as store:
        store.faults = [(FULL, False)] * 100
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(StoreError):
            fed(ListedTopic(TOPIC), store, tmp_path / "letters", stop=stop)
        assert len(store.faults) > 90


def test_a_stop_finishes_the_batch_and_commits_it(store, tmp_path):
    topic, stop = ListedTopic([[good(str(n)) for n in range(9)]]), threading.Event()
    append = store.append_events

    def stopped_meanwhile(events):
        stop.set()
        return append(events)

    store.append_events = stopped_meanwhile
    report = fed(topic, store, tmp_path / "letters", stop=stop)
    assert (report.accepted, topic.committed, store.counts().events) == (3, [3], 3)


def test_what_the_store_itself_refuses_is_kept_too(store, tmp_path):
    topic = ListedTopic([[NAMELESS, good("a")]])
    topic.messages[0][0] = topic.messages[0][0]._replace(stamp=9_000_000_000_000)
    report = fed(topic, store, tmp_path / "letters")
    assert (report.accepted, report.rejected) == (1, 1)
    assert "1970 to 2199" in (tmp_path / "letters").read_text()


def test_reasons_that_are_never_the_same_do_not_fill_memory(store, tmp_path):
    bad = [json.dumps({**json.loads(good("x")), "position": -n}).encode() for n in range(1, 200)]
    report = fed(ListedTopic([bad]), store, tmp_path / "letters")
    assert report.rejected == sum(report.reasons.values()) == 199
    assert len(report.reasons) <= 51


def test_a_feed_that_is_behind_leaves_its_share_of_the_time(store, tmp_path):
    seconds = iter(range(1_000_000))
    waited = []

    class Clockwork(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return False

    quarter = KafkaSettings(batch=3, work_share=0.25)
    fed(
        ListedTopic([[good(str(n)) for n in range(7)]]),
        store,
        tmp_path / "letters",
        settings=quarter,
        stop=Clockwork(),
        monotonic=lambda: next(seconds),
    )
    assert len(waited) == 2
    assert all(pause > 0 and pause % 3 == 0 for pause in waited)

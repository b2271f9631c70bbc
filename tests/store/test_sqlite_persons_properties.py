"""Whatever the order of arriving, sealing, joining, forgetting and reopening: every read is what a list would say."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.domain import Event
from coldframe.errors import ConflictError
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, housekeeping, sealing
from coldframe.testing.store_samples import DAY, HOUR, START, frame

SETTINGS = replace(Settings().store, commit_interval_ms=0.0)
NAMES = ("ann", "bob", "s", "t")
steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["append", "import"]),
            st.lists(
                st.tuples(st.integers(0, 60), st.sampled_from([*NAMES, None]), st.sampled_from([*NAMES, None])),
                max_size=6,
            ),
        ),
        st.tuples(st.just("seal"), st.integers(0, 4)),
        st.tuples(st.just("join"), st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))),
        st.tuples(st.just("forget"), st.sampled_from(NAMES)),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=14,
)


class Model:
    """The promise in a few lines, on a dict."""

    def __init__(self):
        self.events, self.joined = {}, {}

    def add(self, events):
        for each in events:
            self.events.setdefault(each.event_id, each)

    def join(self, session, user):
        taken = self.joined.get(session) not in (None, user)
        chained = session == user or user in self.joined or session in self.joined.values()
        if taken or (session not in self.joined and chained):
            return False
        self.joined[session] = user
        return True

    def forget(self, user):
        sessions = {user, *(session for session, owner in self.joined.items() if owner == user)}
        self.events = {
            key: each
            for key, each in self.events.items()
            if each.user_id != user and not (each.user_id is None and each.session_id in sessions)
        }
        self.joined = {s: owner for s, owner in self.joined.items() if owner != user and s != user}

    def read(self):
        named = [
            replace_user(each, self.joined.get(each.session_id)) if each.user_id is None else each
            for each in self.events.values()
        ]
        return sorted(named, key=lambda each: (each.timestamp, each.event_id))

    def history(self, actor):
        owned = {each.event_id for each in self.events.values() if (each.user_id or each.session_id) == actor}
        return [each for each in reversed(self.read()) if each.user_id == actor or each.event_id in owned]


def replace_user(event, user):
    import msgspec

    return msgspec.structs.replace(event, user_id=user)


def made(numbers):
    return [
        Event(
            event_id=f"e{n}", item_id="pot", event_type="view", timestamp=START + n * HOUR, user_id=user, session_id=s
        )
        for n, user, s in numbers
        if user or s
    ]


@settings(max_examples=60, deadline=None)
@given(steps)
def test_every_read_is_what_a_list_would_say(ways):
    folder = Path(tempfile.mkdtemp(prefix="coldframe-persons-"))
    before = sealing.IMPORT_ROWS, sealing.SEAL_ROWS, housekeeping.FAN
    sealing.IMPORT_ROWS, sealing.SEAL_ROWS, housekeeping.FAN = 4, 4, 2
    store, model = SQLiteStore(folder, SETTINGS), Model()
    try:
        for way, what in ways:
            if way == "append":
                store.append_events(made(what))
                model.add(made(what))
            elif way == "import":
                store.import_events([frame(made(what))])
                model.add(made(what))
            elif way == "seal":
                store.seal(before=START + DAY * what)
            elif way == "join":
                assert joined(store, *what) == model.join(*what)
            elif way == "forget":
                store.forget_user(what, now=START)
                model.forget(what)
            else:
                store.close()
                store = SQLiteStore(folder, SETTINGS)
            assert store.scan_events().collect().equals(frame(model.read()))
            for actor in NAMES:
                assert store.recent_events(actor, limit=99) == model.history(actor)
                assert store.recent_events(actor, limit=2) == model.history(actor)[:2]
        assert store.counts().events == len(model.events)
    finally:
        store.close()
        sealing.IMPORT_ROWS, sealing.SEAL_ROWS, housekeeping.FAN = before
        shutil.rmtree(folder)


def joined(store, session, user):
    try:
        store.merge_session(session, user, now=START)
    except ConflictError:
        return False
    return True

"""The order, the batches and the way in never show: the same log gives the same scan and the same histories."""

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.domain import Event
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore, housekeeping, sealing
from coldframe.testing.store_samples import DAY, START, frame

SETTINGS = replace(Settings().store, commit_interval_ms=0.0)

MICROSECOND = timedelta(microseconds=1)

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
scalars = st.one_of(texts, st.floats(allow_nan=False, allow_infinity=False), st.booleans())
logs = st.lists(
    st.builds(
        Event,
        event_id=texts,
        item_id=texts,
        event_type=st.sampled_from(["view", "purchase"]),
        timestamp=st.integers(0, 5 * DAY // MICROSECOND).map(lambda us: START + us * MICROSECOND),
        user_id=st.sampled_from(["ann", "bob", "ключ"]),
        session_id=st.none() | texts,
        value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        recommendation_id=st.none() | texts,
        position=st.none() | st.integers(0, 2**31 - 1),
        context=st.dictionaries(texts, scalars, max_size=2),
    ),
    unique_by=lambda event: event.event_id,
    max_size=25,
)
steps = st.lists(
    st.tuples(st.sampled_from(["append", "import", "seal", "reopen"]), st.integers(0, 24), st.integers(0, 24)),
    max_size=8,
)


def replay(log, ways, folder):
    """Bring a log in piece by piece, then whatever is still missing; some pieces come more than once."""
    store = SQLiteStore(folder, SETTINGS)
    for way, start, length in ways:
        piece = log[start : start + length]
        if way == "append":
            store.append_events(piece)
        elif way == "import":
            store.import_events([frame(piece)])
        elif way == "seal":
            store.seal(before=START + DAY * (length % 7))
        else:
            store.close()
            store = SQLiteStore(folder, SETTINGS)
    store.append_events(log)
    return store


@settings(max_examples=40, deadline=None)
@given(logs, steps, st.randoms(use_true_random=False))
def test_a_log_replayed_in_any_way_is_the_same_log(log, ways, random):
    shuffled = random.sample(log, len(log))
    folder = Path(tempfile.mkdtemp(prefix="coldframe-replay-"))
    before = sealing.IMPORT_ROWS, sealing.SEAL_ROWS, housekeeping.FAN
    sealing.IMPORT_ROWS, sealing.SEAL_ROWS, housekeeping.FAN = 4, 4, 2
    try:
        store = replay(shuffled, ways, folder)
        in_order = sorted(log, key=lambda event: (event.timestamp, event.event_id))
        assert store.scan_events().collect().equals(frame(in_order))
        for actor in ("ann", "bob", "ключ"):
            history = [event for event in reversed(in_order) if event.user_id == actor]
            assert store.recent_events(actor, limit=99) == history
            if history:
                middle = history[len(history) // 2].timestamp
                earlier = [event for event in history if event.timestamp < middle]
                assert store.recent_events(actor, limit=3, before=middle) == earlier[:3]
        assert store.counts().events == len(log)
        store.close()
    finally:
        sealing.IMPORT_ROWS, sealing.SEAL_ROWS, housekeeping.FAN = before
        shutil.rmtree(folder)

"""A message is an event exactly where POST /v1/events takes it, and is known again when it is delivered again."""

import json
from datetime import UTC, datetime

import pytest
from feed_worlds import STAMP, message
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient

from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.errors import InputError
from coldframe.feed.message import read_event
from coldframe.serving.app import create_app
from coldframe.serving.engine import Engine
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLOCK = fixed_clock(NOW)
GOOD = {"event_id": "e", "user_id": "u", "item_id": "i", "event_type": "view", "timestamp": "2026-02-01T10:00:00Z"}


def changed(**values):
    return json.dumps({name: value for name, value in {**GOOD, **values}.items() if value is not None}).encode()


BODIES = [
    changed(),
    changed(user_id=None, session_id="s"),
    changed(user_id=None),
    changed(item_id=None),
    changed(event_type=None),
    changed(item_id=""),
    changed(item_id="x" * 513),
    changed(item_id="a\x00b"),
    changed(item_id=7),
    changed(event_id=""),
    changed(event_type="rating", value=4),
    changed(event_type="rating", value=4.5),
    changed(event_type="rating"),
    changed(value="3"),
    changed(position=-1),
    changed(position=2**31),
    changed(timestamp="2026-02-01T10:00:00"),
    changed(timestamp="1969-12-31T00:00:00Z"),
    changed(timestamp="2200-01-01T00:00:00Z"),
    changed(timestamp="yesterday"),
    changed(timestamp=1767225600),
    changed(context={"page": "home", "n": 1.5, "new": True}),
    changed(context={"deep": {"er": 1}}),
    changed(context={"long": "x" * 100_001}),
    changed(colour="red"),
    changed(recommendation_id="r"),
    b"nope",
    b"null",
    b"7",
    b'"text"',
    b"\xff\xfe",
    b'{"item_id": "a", "item_id": "b", "event_type": "view", "user_id": "u"}',
    b'{"item_id": "a", "event_type": "view", "user_id": "u", "value": NaN}',
    b'{"item_id": "a", "event_type": "view", "user_id": "u", "value": 1e999}',
    b'{"item_id": "\\ud800", "event_type": "view", "user_id": "u"}',
    b"[" * 10_000,
]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    settings = Settings()
    store = SQLiteStore(data, settings.store)
    registry = Registry(data / "bundles")
    with TestClient(create_app(Engine(store, registry, settings), store, registry, settings, clock=CLOCK)) as client:
        yield client
    store.close()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:60])
def test_what_the_service_takes_the_feed_takes_and_for_the_same_reason_not(service, body):
    answer = service.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    if answer.status_code == 200:
        assert read_event(message(body), CLOCK).item_id == "i"
        return
    with pytest.raises(InputError) as error:
        read_event(message(body), CLOCK)
    assert answer.json()["detail"] in str(error.value)


@pytest.mark.parametrize("body", [b"[]", b"[%s]" % changed(), b'{"events": [%s]}' % changed()])
def test_one_message_is_one_event(body):
    with pytest.raises(InputError):
        read_event(message(body), CLOCK)


@pytest.mark.parametrize("value", [None, b""])
def test_a_message_without_a_value_is_no_event(value):
    with pytest.raises(InputError, match="no value"):
        read_event(message(value), CLOCK)


def test_an_event_keeps_its_id_and_its_time():
    event = read_event(message(changed(), offset=7), CLOCK)
    assert (event.event_id, event.timestamp) == ("e", datetime(2026, 2, 1, 10, tzinfo=UTC))


def test_without_a_time_it_happened_when_the_broker_got_it_and_without_that_now():
    assert read_event(message(changed(timestamp=None)), CLOCK).timestamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert read_event(message(changed(timestamp=None), stamp=None), CLOCK).timestamp == NOW


@pytest.mark.parametrize("stamp", [2**62, -(2**62)])
def test_a_stamp_that_is_no_time_is_refused(stamp):
    with pytest.raises(InputError, match="own time"):
        read_event(message(changed(timestamp=None), stamp=stamp), CLOCK)


positions = st.tuples(
    st.from_regex(r"\A[a-zA-Z0-9._-]{1,249}\Z"),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)


@given(positions, positions)
def test_a_derived_id_is_one_messages_alone_and_fits_the_store(one, other):
    ids = [message(None, topic=t, partition=p, offset=o, stamp=s).event_id for t, p, o, s in (one, other)]
    assert (ids[0] == ids[1]) == (one == other)
    assert all(len(each.encode()) <= 512 for each in ids)


@pytest.mark.parametrize("body", [changed(event_id=None), b'{"event_id": null, ' + changed(event_id=None)[1:]])
def test_a_redelivery_has_the_id_of_the_first_delivery(body):
    first, again = (read_event(message(body, partition=2, offset=9), CLOCK) for _ in range(2))
    assert first.event_id == again.event_id == f"clicks/2/9@{STAMP}"

"""`coldframe feed kafka` against librdkafka's mock cluster: killed anywhere, nothing is lost and nothing doubled."""

import json
import signal
from contextlib import closing

import pytest

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed: pip install 'coldframe[kafka]'")

from feed_process import FeedProject, ended, event, finished
from mock_broker import MockBroker

from coldframe.feed import kafka
from coldframe.feed.kafka import KafkaSource
from coldframe.settings import KafkaSettings

TOPIC = "clicks"


@pytest.fixture
def broker():
    return MockBroker()


@pytest.fixture
def project(tmp_path, broker):
    with closing(FeedProject(tmp_path / "shop", broker.brokers, TOPIC)) as fed:
        yield fed


def test_killed_at_every_step_nothing_is_lost_and_nothing_doubled(broker, project):
    names = [f"e{number}" for number in range(400)]
    nameless = [{"user_id": "u", "item_id": "i", "event_type": "view"}] * 40
    broker.send(TOPIC, [*map(event, names[:200]), b"nope", *nameless, *map(event, names[200:]), {"item_id": 7}])
    points = ["before append_events", "after append_events", "after keep", "before _committed"]
    for point in points:
        code, _, err = finished(project.start("--set", "kafka.batch=50", dying=(point, 1)))
        assert code == -signal.SIGKILL, f"{point}: {err}"
    report = project.once()
    stored = project.stored()
    assert set(names) <= set(stored)
    assert set(stored.values()) == {1}
    assert len(stored) == 440
    assert {(letter["partition"], letter["offset"]) for letter in project.kept()} == {(0, 50), (1, 110)}
    assert report["repeated"] + report["accepted"] + report["rejected"] == report["messages"] < 442
    assert broker.committed(TOPIC) == {0: 111, 1: 111, 2: 110, 3: 110}


def test_a_second_run_finds_nothing_new_and_another_group_everything_repeated(broker, project):
    broker.send(TOPIC, map(event, "abcdefgh"))
    first = project.once()
    assert (first["accepted"], first["lag"], first["next_offsets"]) == (8, 0, {"0": 2, "1": 2, "2": 2, "3": 2})
    assert project.once("--group", "other")["repeated"] == 8
    assert project.stored().total() == 8


def test_sigterm_finishes_and_commits_and_says_so(broker, project):
    process = project.start("--json")
    broker.send(TOPIC, map(event, "abcdefgh"))
    project.wait_for(8)
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["accepted"], report["lag"], report["uncommitted"]) == (8, 0, 0)
    assert broker.committed(TOPIC) == {0: 2, 1: 2, 2: 2, 3: 2}


def test_a_person_is_told_what_was_refused_and_where_it_is(broker, project):
    broker.send(TOPIC, [event("a"), b"nope"])
    code, out, err = finished(project.start("--once"))
    assert code == 0, err
    assert "accepted  1" in out
    assert "cannot be read: JSON is malformed" in out
    assert str(project.letters) in err


def test_brokers_that_go_away_are_named_and_waited_for_and_given_up(project, broker):
    process = project.start("--set", "kafka.patience_seconds=4")
    broker.send(TOPIC, map(event, "abcd"))
    project.wait_for(4)
    address = broker.brokers
    broker.close()
    code, _, err = finished(process)
    assert code == 4
    assert f"No broker answers at {address}" in err
    assert f"No broker has answered at {address} for 4 seconds" in err
    assert project.stored().total() == 4


def opened(broker, told=None, **values):
    settings = KafkaSettings(brokers=broker.brokers, topic=TOPIC, options={"session.timeout.ms": 6000}, **values)
    return KafkaSource(settings, tell=[].append if told is None else told.append)


def taken(source, count, *, tries=60):
    found = []
    for _ in range(tries):
        found += source.take(count - len(found))
        if len(found) == count:
            break
    return found


def test_what_was_taken_and_not_acknowledged_is_delivered_again(broker):
    broker.send(TOPIC, map(event, "abcd"), partition=0)
    source = opened(broker)
    first = taken(source, 4)
    source.acknowledge(first[:1])
    source.drain()
    source.close()
    source = opened(broker)
    assert taken(source, 3) == first[1:]
    source.close()


def test_a_batch_takes_no_more_when_it_is_large(broker, monkeypatch):
    monkeypatch.setattr(kafka, "BATCH_BYTES", 1_000)
    monkeypatch.setattr(kafka, "CHUNK", 2)
    broker.send(TOPIC, [b"x" * 600] * 10, partition=0)
    source = opened(broker)
    batches: list[int] = []
    while sum(batches) < 10:
        batches.append(len(source.take(10)))
    source.close()
    assert max(batches) <= 3

"""`coldframe feed kafka` on Apache Kafka itself: consumers and broker are killed, and the store has each event once."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing

import pytest

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed: pip install 'coldframe[kafka]'")

from feed_process import FeedProject, ended, environment, event, finished
from real_broker import RealBroker, require_broker

pytestmark = pytest.mark.kafka
TOPIC, PARTITIONS = "clicks", 3


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    require_broker()
    broker = RealBroker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def topic(running, request):
    name = f"{TOPIC}.{request.node.name}"
    running.create(name, PARTITIONS)
    return name


@pytest.fixture
def project(tmp_path, running, topic):
    with closing(FeedProject(tmp_path / "shop", running.brokers, topic)) as fed:
        yield fed


def sent(broker, topic, values):
    """Produce one message a value and return once the broker has them all."""
    producer = broker.producer()
    for number, value in enumerate(values):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        producer.produce(topic, data, partition=number % PARTITIONS)
        producer.poll(0)
    assert producer.flush(60) == 0


class Steady:
    """Produces from a thread, event after event, for as long as its `with` statement lasts."""

    def __init__(self, broker, topic):
        self.names, self._stop, self._producer = [], threading.Event(), broker.producer()
        self._thread = threading.Thread(target=self._run, args=(topic,))

    def _run(self, topic):
        while not self._stop.wait(0.02):
            for _ in range(10):
                name = f"n{len(self.names)}"
                self._producer.produce(topic, json.dumps(event(name)), partition=len(self.names) % PARTITIONS)
                self.names.append(name)
            self._producer.poll(0)

    def __enter__(self):
        self._thread.start()
        return self.names

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)
        assert self._producer.flush(60) == 0


def test_consumers_killed_at_random_lose_nothing_and_double_nothing(running, topic, project):
    chance, bad = random.Random(7), [b"nope", b"{}", b"\xff"]
    sent(running, topic, bad)
    again = ("--set", 'kafka.options={ "group.instance.id" = "one" }', "--set", "kafka.batch=40")
    with Steady(running, topic) as names:
        for _ in range(8):
            before = project.stored().total()
            process = project.start(*again)
            project.wait_for(before + 1)
            time.sleep(chance.uniform(0.0, 1.0))
            ended(process, signal.SIGKILL)
    report = project.once(*again)
    assert project.stored() == dict.fromkeys(names, 1)
    assert {(letter["partition"], letter["offset"]) for letter in project.kept()} == {(0, 0), (1, 0), (2, 0)}
    assert report["accepted"] < len(names)


def test_members_of_a_group_come_and_go_and_are_killed(running, topic, project):
    with Steady(running, topic) as names:
        members = [project.start("--json", "--group", topic) for _ in range(2)]
        running.wait_for_members(topic, 2)
        members.append(project.start("--json", "--group", topic))
        running.wait_for_members(topic, 3)
        ended(members.pop(0), signal.SIGKILL)
        running.wait_for_members(topic, 2)
        code, out, err = ended(members.pop(0))
        assert (code, err) == (0, "")
        assert json.loads(out)["rebalances"] >= 2
        running.wait_for_members(topic, 1)
    project.wait_for(len(names))
    assert ended(members.pop())[0] == 0
    assert project.stored() == dict.fromkeys(names, 1)


def test_a_broker_that_is_killed_and_comes_back_is_waited_for(tmp_path):
    require_broker()
    broker = RealBroker(tmp_path)
    broker.start()
    broker.create(TOPIC, PARTITIONS)
    project = FeedProject(tmp_path / "shop", broker.brokers, TOPIC)
    try:
        sent(broker, TOPIC, map(event, "abcdef"))
        process = project.start()
        project.wait_for(6)
        broker.stop()
        time.sleep(8)
        broker.start()
        sent(broker, TOPIC, map(event, "ghijkl"))
        project.wait_for(12)
        code, _, err = ended(process)
        assert code == 0, err
        assert f"No broker answers at {broker.brokers}" in err
        assert f"A broker of {broker.brokers} answers again." in err
        assert project.once()["messages"] == 0
    finally:
        broker.stop()
    assert project.stored() == dict.fromkeys("abcdefghijkl", 1)


def test_messages_that_the_broker_removed_before_they_were_read_are_counted(running, topic, project):
    sent(running, topic, [event(f"e{number}") for number in range(30)])
    assert project.once()["accepted"] == 30
    sent(running, topic, [event(f"f{number}") for number in range(30)])
    running.remove_before(topic, 0, 17)
    report = project.once()
    assert (report["accepted"], report["gone"], report["lag"]) == (23, 7, 0)


def test_a_topic_that_is_not_there_is_named(running, tmp_path):
    project = FeedProject(tmp_path / "shop", running.brokers, "nowhere")
    code, _, err = finished(project.start("--json"))
    assert code == 4
    assert "no topic 'nowhere'" in json.loads(err)["error"]["message"]


def test_what_the_brokers_do_not_allow_ends_the_feed_and_is_said(running, topic, project):
    code, _, err = finished(project.start("--set", 'kafka.options={ "session.timeout.ms" = 5 }'))
    assert code == 3
    assert "refuse the consumer" in err


def test_it_feeds_beside_a_server_that_takes_events_too(running, topic, project):
    served = subprocess.Popen(
        [sys.executable, "-m", "coldframe", "serve", "--port", "0", "--json", *project.words[6:8]],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    address = json.loads("".join(served.stdout.readline() for _ in range(3)))["address"]
    names = [f"e{number}" for number in range(20_000)]
    sent(running, topic, map(event, names))
    process, posted, statuses = project.start("--once", "--json"), [], []
    while process.poll() is None:
        posted.append(f"p{len(posted)}")
        body = json.dumps(event(posted[-1])).encode()
        request = urllib.request.Request(f"{address}/v1/events", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            statuses.append(answer.status)
    assert finished(process)[0] == 0
    assert ended(served)[0] == 0
    assert set(statuses) == {200}
    assert project.stored() == dict.fromkeys([*names, *posted], 1)

"""`coldframe feed kafka` on Apache Kafka itself: consumers and broker are killed, and the store has each event once."""

import json
import random
import signal
import threading
import time
import urllib.request

import pytest

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed: pip install 'coldframe[kafka]'")

import subprocess
import sys

from feed_process import FeedProject, ended, environment, event
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
    return FeedProject(tmp_path / "shop", running.brokers, topic)


def sent(broker, topic, values):
    """Produce one message a value and return once the broker has them all."""
    producer = broker.producer()
    for number, value in enumerate(values):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        producer.produce(topic, data, partition=number % PARTITIONS)
        producer.poll(0)
    assert producer.flush(60) == 0


class Steady:
    """Produces from a thread, event after event, until it is told to stop."""

    def __init__(self, broker, topic, *, per_second=500):
        self.names, self._stop = [], threading.Event()
        self._thread = threading.Thread(target=self._run, args=(broker.producer(), topic, per_second))
        self._thread.start()

    def _run(self, producer, topic, per_second):
        while not self._stop.wait(0.02):
            for _ in range(per_second // 50):
                name = f"n{len(self.names)}"
                producer.produce(topic, json.dumps(event(name)), partition=len(self.names) % PARTITIONS)
                self.names.append(name)
            producer.poll(0)
        self.unsent = producer.flush(60)

    def stop(self):
        self._stop.set()
        self._thread.join(90)
        assert self.unsent == 0
        return set(self.names)


def test_consumers_killed_at_random_lose_nothing_and_double_nothing(running, topic, project):
    chance, bad = random.Random(7), [b"nope", b"{}", b"\xff"]
    sent(running, topic, bad)
    steady = Steady(running, topic)
    for _ in range(8):
        process = project.start("--set", "kafka.batch=40")
        time.sleep(chance.uniform(1.5, 4.0))
        ended(process, signal.SIGKILL)
    names = steady.stop()
    report = project.once(timeout=120)
    stored = project.stored()
    assert set(stored) == names
    assert set(stored.values()) == {1}
    assert {(letter["partition"], letter["offset"]) for letter in project.kept()} == {(0, 0), (1, 0), (2, 0)}
    assert report["accepted"] < len(names)


def test_members_of_a_group_come_and_go_and_are_killed(running, topic, project):
    steady = Steady(running, topic)
    members = [project.start("--json") for _ in range(2)]
    time.sleep(6)
    members.append(project.start("--json"))
    time.sleep(4)
    ended(members.pop(0), signal.SIGKILL)
    time.sleep(4)
    code, out, _ = ended(members.pop(0))
    assert code == 0
    assert json.loads(out)["rebalances"] >= 2
    time.sleep(3)
    names = steady.stop()
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
    process = project.start("--json")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "no topic 'nowhere'" in json.loads(err)["error"]["message"]


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
    process.communicate()
    assert process.returncode == 0
    assert ended(served)[0] == 0
    assert set(statuses) == {200}
    assert project.stored() == dict.fromkeys([*names, *posted], 1)

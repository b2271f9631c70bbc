"""Apache Kafka on loopback: one process that is broker and controller, started, killed and started again by a test."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupState, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

JARS = Path(__file__).parents[2] / ".broker"
CLUSTER = "c29tZXRoaW5nLW9mLTE2LWI"
START_SECONDS = 60
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def require_broker():
    """Skip the test where Kafka or Java is not to be had."""
    if not list(JARS.glob("kafka_*.jar")):
        pytest.skip("there is no .broker: make broker")
    if shutil.which("java") is None:
        pytest.skip("there is no java: Kafka needs Java 17")


class RealBroker:
    """One broker with its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._process = folder, None
        port, controller = _free_ports(2)
        self.brokers = f"127.0.0.1:{port}"
        self._config = folder / "server.properties"
        self._config.write_text(PROPERTIES.format(port=port, controller=controller, data=folder / "log"))
        self._java("kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER, "-c", self._config).wait(START_SECONDS)

    def start(self) -> None:
        """Start it and return when it answers."""
        self._process = self._java("kafka.Kafka", self._config)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.admin().list_topics(timeout=2)
            except KafkaException:
                assert self._process.poll() is None, (self._folder / "out").read_text()
                assert time.monotonic() < end, "the broker did not start"
            else:
                return

    def stop(self, number=signal.SIGKILL) -> None:
        """End it, by default as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(30)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.brokers, "log_level": 2})

    def create(self, topic, partitions) -> None:
        admin = self.admin()
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)

    def wait_for_members(self, group, count) -> None:
        """Wait until a group has so many members and has dealt its partitions to them."""
        admin, end = self.admin(), time.monotonic() + START_SECONDS
        while True:
            try:
                found = admin.describe_consumer_groups([group])[group].result(20)
            except KafkaException as error:
                said = str(error)
            else:
                parts = [len(member.assignment.topic_partitions) for member in found.members]
                if found.state is ConsumerGroupState.STABLE and len(parts) == count and all(parts):
                    return
                said = f"{found.state}: {parts}"
            assert time.monotonic() < end, f"{group} has not {count} members at work: {said}"
            time.sleep(0.2)

    def remove_before(self, topic, partition, offset) -> None:
        """Remove messages as retention does."""
        admin = self.admin()
        for done in admin.delete_records([TopicPartition(topic, partition, offset)]).values():
            done.result(20)

    def producer(self) -> Producer:
        return Producer({"bootstrap.servers": self.brokers, "acks": "all", "linger.ms": 5, "log_level": 2})

    def _java(self, *words) -> subprocess.Popen:
        command = ["java", "-Xmx384m", "-cp", f"{JARS}/*", *map(str, words)]
        with (self._folder / "out").open("ab") as out:
            return subprocess.Popen(command, stdout=out, stderr=out, cwd=self._folder)


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

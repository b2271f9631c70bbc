"""A broker on loopback: librdkafka's own mock cluster, in a thread of a producer, so that no other service is needed.

It keeps messages, groups and committed offsets in memory for as long as the producer lives.
"""

import json
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

PARTITIONS = 4
"""What the mock cluster makes of a topic that it does not know."""


class MockBroker:
    """A cluster of one broker with topics of four partitions."""

    def __init__(self) -> None:
        config = {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 2}
        self._producer = Producer(config | {"queue.buffering.max.ms": 1})
        found = self._producer.list_topics(timeout=10).brokers.values()
        self.brokers = ",".join(f"{broker.host}:{broker.port}" for broker in found)

    def send(self, topic: str, values: Iterable[Any], *, partition: int | None = None) -> None:
        """Produce one message a value, dealt to the partitions in turn; bytes as they are, the rest as JSON."""
        for number, value in enumerate(values):
            data = value if isinstance(value, bytes | None) else json.dumps(value).encode()
            part = number % PARTITIONS if partition is None else partition
            self._producer.produce(topic, data, partition=part)
            self._producer.poll(0)
        assert self._producer.flush(10) == 0

    def close(self) -> None:
        """Take the cluster away, with all it held."""
        del self._producer

    def committed(self, topic: str, group: str = "coldframe") -> dict[int, int]:
        """Return partition → committed offset."""
        asker = Consumer({"bootstrap.servers": self.brokers, "group.id": group, "log_level": 2})
        parts = asker.committed([TopicPartition(topic, part) for part in range(PARTITIONS)], timeout=10)
        asker.close()
        return {part.partition: part.offset for part in parts if part.offset >= 0}

"""The live feed from Kafka, on librdkafka's mock cluster: how fast it is, and what a service beside it feels.

    python benchmarks/feed.py [--events 50000] [--seconds 8]

Prints messages a second of the feed at full speed, beside reading them without storing and storing them without Kafka,
in wall time and in processor time (the mock cluster's own included); then the time of an append of one event by another
process (as `POST /v1/events` does), alone and beside a feed that is behind, at the default share and at full speed.
"""

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Event as Flag
from pathlib import Path

from confluent_kafka import Producer

from coldframe.clock import system_clock
from coldframe.feed.feeding import Feed, Keeping
from coldframe.feed.kafka import KafkaSource
from coldframe.feed.letters import DeadLetters
from coldframe.feed.message import Message, read_event
from coldframe.settings import KafkaSettings, Settings
from coldframe.store.sqlite import SQLiteStore

TOPIC = "events"


def value(number: int) -> bytes:
    """Return one event as JSON."""
    return json.dumps(
        {
            "event_id": f"event-{number:09d}",
            "user_id": f"user-{number % 5_000}",
            "item_id": f"item-{number % 997}",
            "event_type": "view",
            "timestamp": "2026-01-01T00:00:00Z",
        }
    ).encode()


class Broker:
    """librdkafka's mock cluster with one topic, in this process."""

    def __init__(self) -> None:
        config = {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "queue.buffering.max.messages": 1_000_000}
        self._producer = Producer(config | {"log_level": 2})
        found = self._producer.list_topics(timeout=10).brokers.values()
        self.brokers = ",".join(f"{broker.host}:{broker.port}" for broker in found)

    def send(self, first: int, count: int) -> None:
        """Produce events in order of their number, and return when the cluster has them."""
        for number in range(first, first + count):
            self._producer.produce(TOPIC, value(number), partition=number % 4)
        if self._producer.flush(120):
            raise RuntimeError("the mock cluster did not take the messages")


def kafka(broker: str, group: str, **values: float) -> KafkaSettings:
    """Return settings of a feed; a group of its own reads everything."""
    return KafkaSettings(brokers=broker, topic=TOPIC, group=group, **values)  # type: ignore[arg-type]


@contextmanager
def stores() -> Iterator[Path]:
    """Yield a data folder on the disk of the working directory."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-feed-") as folder:
        yield Path(folder) / "data"


def timed(work: Callable[[], int]) -> tuple[float, float, int]:
    """Return messages a second of wall time, of processor time, and how many there were."""
    wall, processor = time.perf_counter(), time.process_time()
    count = work()
    return count / (time.perf_counter() - wall), count / (time.process_time() - processor), count


def joined(broker: str, group: str) -> tuple[KafkaSource, list[Message]]:
    """Return a source whose group has begun, and its first batch: joining is not what is timed."""
    source = KafkaSource(kafka(broker, group), once=True, tell=print)
    while not (first := source.take(1_000)):
        pass
    return source, first


def reading(broker: str) -> Callable[[], int]:
    """Read everything and check it, and store nothing."""
    source, first = joined(broker, "reading")

    def work() -> int:
        count, messages = 0, first
        while messages or not source.ended:
            for message in messages:
                read_event(message, system_clock)
            count += len(messages)
            messages = source.take(1_000)
        source.close()
        return count

    return work


def storing(data: Path, events: int) -> Callable[[], int]:
    """Append the same events without Kafka."""
    read = [read_event(Message(TOPIC, 0, number, 0, None, value(number)), system_clock) for number in range(events)]

    def work() -> int:
        with closing(SQLiteStore(data, Settings().store)) as store:
            for first in range(0, events, 1_000):
                store.append_events(read[first : first + 1_000])
        return events

    return work


class Begun:
    """A source whose first batch was taken before the clock started."""

    def __init__(self, source: KafkaSource, first: list[Message]) -> None:
        self._source, self._first = source, first
        self.acknowledge, self.drain, self.facts = source.acknowledge, source.drain, source.facts

    @property
    def ended(self) -> bool:
        """Whether the source has ended."""
        return self._source.ended and not self._first

    def take(self, most: int) -> list[Message]:
        """Return the first batch, then what the source has."""
        first, self._first = self._first, []
        return first or self._source.take(most)


def feeding(broker: str, data: Path) -> Callable[[], int]:
    """Feed everything at full speed."""
    source, first = joined(broker, "feeding")

    def work() -> int:
        with closing(SQLiteStore(data, Settings().store)) as store:
            keeping = Keeping(store, DeadLetters(data / "letters"))
            report = Feed(
                Begun(source, first),
                keeping,
                kafka(broker, "feeding", work_share=1.0),
                stop=threading.Event(),
                clock=system_clock,
                tell=print,
                show=lambda report: None,
            ).run()
        source.close()
        return report.accepted

    return work


def feed_until(broker: str, data: Path, share: float, begun: Flag, stop: Flag) -> None:
    """Be the feed in a process of its own, with more to read than there is time for."""
    with closing(SQLiteStore(data, Settings().store)) as store:
        ended = threading.Event()
        threading.Thread(target=lambda: (stop.wait(), ended.set()), daemon=True).start()
        settings = kafka(broker, f"beside-{share}", work_share=share)
        with closing(KafkaSource(settings, tell=print)) as source:
            Feed(
                source,
                Keeping(store, DeadLetters(data / "letters")),
                settings,
                stop=ended,
                clock=system_clock,
                tell=print,
                show=lambda report: begun.set() if report.messages else None,
            ).run()


def appends(data: Path, seconds: float) -> list[float]:
    """Append one event at a time and return how long each took, in milliseconds, sorted."""
    found: list[float] = []
    with closing(SQLiteStore(data, Settings().store)) as store:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            event = read_event(Message("posts", 0, time.monotonic_ns(), 0, None, _POST), system_clock)
            began = time.perf_counter()
            store.append_events([event])
            found.append((time.perf_counter() - began) * 1_000)
            time.sleep(0.005)
    return sorted(found)


_POST = b'{"user_id": "u", "item_id": "i", "event_type": "view"}'


def beside(broker: str, data: Path, share: float, seconds: float) -> list[float]:
    """Return what `appends` returns while a feed is behind."""
    context = multiprocessing.get_context("spawn")
    begun, stop = context.Event(), context.Event()
    feed = context.Process(target=feed_until, args=(broker, data, share, begun, stop))
    feed.start()
    begun.wait(60)
    try:
        return appends(data, seconds)
    finally:
        stop.set()
        feed.join(60)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=8.0)
    asked = parser.parse_args()
    broker = Broker()
    broker.send(0, asked.events)
    with stores() as one, stores() as other:
        speeds = {"feed": timed(feeding(broker.brokers, one)), "read and check": timed(reading(broker.brokers))}
        speeds["append"] = timed(storing(other, asked.events))
    print(f"{'':<16}{'a second':>10}{'a CPU second':>14}{'feed / this, wall':>20}{'CPU':>7}")
    for name, (wall, processor, count) in speeds.items():
        ratios = f"{speeds['feed'][0] / wall:>20.2f}{speeds['feed'][1] / processor:>7.2f}"
        print(f"{name:<16}{wall:>10,.0f}{processor:>14,.0f}{ratios}   {count:,} messages")
    broker.send(asked.events, int(asked.seconds * 40_000))
    print(f"\n{'one append, ms':<26}{'p50':>8}{'p99':>8}{'p99 / alone':>14}")
    alone = 0.0
    for name, share in (("alone", 0.0), ("beside a feed, share 0.5", 0.5), ("beside a feed, share 1", 1.0)):
        with stores() as data:
            found = beside(broker.brokers, data, share, asked.seconds) if share else appends(data, asked.seconds)
        p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
        alone = alone or p99
        print(f"{name:<26}{p50:>8.1f}{p99:>8.1f}{p99 / alone:>14.2f}")


if __name__ == "__main__":
    main()

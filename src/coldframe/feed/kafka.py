"""Messages of a Kafka topic, by librdkafka, as one member of a consumer group.

Owns the consumer: its part of the topic, and which offsets are committed. Never looks into a message and never commits
what it was not told to.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Delivered

from coldframe.errors import ColdframeError, SettingsError
from coldframe.feed.faults import fault_of, is_of_a_connection
from coldframe.feed.message import Message
from coldframe.feed.offsets import Offsets
from coldframe.feed.properties import properties
from coldframe.feed.report import Tell
from coldframe.feed.watch import Watch
from coldframe.settings import KafkaSettings

WAIT_SECONDS, COMPANY_SECONDS = 0.5, 0.05
"""How long a batch waits for its first message, and those that came for others."""
CHUNK, BATCH_BYTES = 200, 16 * 2**20
"""Messages taken at once, and the bytes from which on a batch takes no more: a message may have a megabyte."""
ANSWER_SECONDS = 2.0
"""How long a broker may take to say whether it is there."""
DRAIN_SECONDS = 5.0
"""How long the end waits for the last commit to be confirmed."""


class KafkaSource:
    """The `feeding.Source` of one topic. Close it, so that the group gives its part to others at once.

    Raises `SettingsError` for properties that librdkafka refuses.
    """

    def __init__(self, settings: KafkaSettings, *, once: bool = False, tell: Tell) -> None:
        self._settings, self._once, self._tell = settings, once, tell
        self._offsets = Offsets()
        self._watch = Watch(settings, tell, now=time.monotonic())
        self._at_end: set[int] | None = None
        self._committing = False
        self._fault: ColdframeError | None = None
        self._rebalances = self._uncommitted = 0
        self._consumer = self._subscribed(properties(settings, once=once))

    @property
    def ended(self) -> bool:
        """Whether, with `once`, each partition was read to its end."""
        return self._once and self._at_end is not None and self._at_end >= self._offsets.next.keys()

    def take(self, most: int) -> list[Message]:
        """Return the next messages, at most `most`. Raises `InputError` and `AccessError`."""
        messages = [message for each in self._delivered(most) for message in self._read(each)]
        now = time.monotonic()
        if messages:
            self._watch.delivered(now)
        elif self._watch.due(now):
            self._look()
        if self._fault is not None:
            raise self._fault
        self._commit()
        return messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Commit that these messages and all before them are stored."""
        for message in messages:
            self._offsets.store(message.partition, message.offset)
        self._commit()

    def facts(self) -> dict[str, Any]:
        """Return the fields of `FeedReport` that this source knows."""
        return {
            "topic": self._settings.topic,
            "group": self._settings.group,
            "gone": self._offsets.gone,
            "lag": self._offsets.lag(dict(self._ends())),
            "rebalances": self._rebalances,
            "uncommitted": self._uncommitted,
            "next_offsets": dict(sorted(self._offsets.committed.items())),
        }

    def drain(self) -> None:
        """Wait until the last commit is confirmed, for a few seconds at most. What is not will be delivered again."""
        end = time.monotonic() + DRAIN_SECONDS
        while (self._committing or self._offsets.due) and time.monotonic() < end:
            self._commit()
            self._consumer.consume(1, COMPANY_SECONDS)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    # messages
    def _delivered(self, most: int) -> list[Delivered]:
        found = self._consumer.consume(1, WAIT_SECONDS)
        size = sum(map(len, found))
        while found and len(found) < most and size < BATCH_BYTES:
            asked = min(CHUNK, most - len(found))
            chunk = self._consumer.consume(asked, COMPANY_SECONDS)
            found += chunk
            size += sum(map(len, chunk))
            if len(chunk) < asked:
                break
        return found

    def _read(self, delivered: Delivered) -> Iterator[Message]:
        """Yield the message, or heed the error that came in its place."""
        error, partition, offset = delivered.error(), delivered.partition(), delivered.offset()
        if error is not None or partition is None or offset is None:
            self._heed(error, partition)
            return
        low, _ = self._watermarks(partition)
        if gone := self._offsets.deliver(partition, offset, low):
            where = f"{self._settings.topic}/{partition}"
            self._tell(f"{gone:,} messages of {where} were removed by the broker before they could be read.")
        kind, stamp = delivered.timestamp()
        known = None if kind == TIMESTAMP_NOT_AVAILABLE else stamp
        yield Message(self._settings.topic, partition, offset, known, delivered.key(), delivered.value())

    def _heed(self, error: KafkaError | None, partition: int | None) -> None:
        if error is None:
            return
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            if partition is not None and self._at_end is not None:
                self._at_end.add(partition)
        elif (fault := fault_of(error, self._settings)) is not None:
            self._fault = fault
        elif is_of_a_connection(error):
            self._watch.suspect("" if code == KafkaError._ALL_BROKERS_DOWN else error.str())
        else:
            self._watch.trouble(error.str())

    def _look(self) -> None:
        """Ask whether a broker is there and has the topic. Raises `InputError` when that has failed for too long."""
        topic = self._settings.topic
        try:
            found = self._consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].error
        except KafkaException:
            self._watch.silent(time.monotonic())
            return
        if found is None:
            self._watch.answered(time.monotonic())
        elif (fault := fault_of(found, self._settings)) is not None:
            self._fault = fault
        else:
            self._watch.missing(time.monotonic())

    # offsets
    def _commit(self) -> None:
        """Send what is due, one commit at a time; `_committed` is called with the answer while messages are taken."""
        if self._committing or not self._offsets.due:
            return
        offsets = [TopicPartition(self._settings.topic, part, at) for part, at in self._offsets.due.items()]
        self._committing = True
        self._consumer.commit(offsets=offsets, asynchronous=True)

    def _committed(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        self._committing = False
        failed = [error or part.error for part in partitions if error or part.error]
        for part in partitions:
            if error is None and part.error is None:
                self._offsets.confirm(part.partition, part.offset)
        if failed:
            self._uncommitted += 1
            self._tell(f"Offsets were not committed ({failed[0]}); they are with the next ones.")

    def _ends(self) -> Iterator[tuple[int, int]]:
        for partition in self._offsets.next:
            _, high = self._watermarks(partition)
            if high >= 0:
                yield partition, high

    def _watermarks(self, partition: int) -> tuple[int, int]:
        """Return the oldest offset and the end of a partition, as the last fetch told them; negative: not yet."""
        return self._consumer.get_watermark_offsets(TopicPartition(self._settings.topic, partition), cached=True)

    # group
    def _subscribed(self, config: dict[str, Any]) -> Consumer:
        callbacks = {"error_cb": self._report, "on_commit": self._committed}
        try:
            consumer = Consumer(config | callbacks)
        except (KafkaException, TypeError, ValueError) as error:
            reason = error.args[0].str() if isinstance(error, KafkaException) else str(error)
            raise SettingsError(
                f"librdkafka refuses kafka.options: {reason}.", remedy="Compare its CONFIGURATION.md."
            ) from error
        consumer.subscribe([self._settings.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
        return consumer

    def _report(self, error: KafkaError) -> None:
        """Be told by librdkafka of something that no message stands for."""
        self._heed(error, None)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalances += 1
        self._at_end = (self._at_end or set()) - {part.partition for part in partitions}
        starts: dict[int, int | None] = {part.partition: None for part in partitions}
        with suppress(KafkaException):
            known = consumer.committed(partitions, timeout=ANSWER_SECONDS) if partitions else []
            starts |= {part.partition: part.offset for part in known if part.offset >= 0}
        self._offsets.assign(starts)

    def _revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Send what is due for the partitions that go to another member, then forget them."""
        self._commit()
        self._offsets.revoke(part.partition for part in partitions)
        self._at_end = None

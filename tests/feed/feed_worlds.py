"""A topic whose every message is known, read as a group reads one: from what was committed."""

from collections.abc import Sequence

from coldframe.feed.message import Message

STAMP = 1_767_225_600_000
"""2026-01-01T00:00:00Z, in milliseconds."""


def message(value, *, partition=0, offset=0, stamp=STAMP, key=None, topic="clicks"):
    return Message(topic, partition, offset, stamp, key, value)


class ListedTopic:
    """Messages in lists, and the committed offset of each partition."""

    def __init__(self, partitions: Sequence[Sequence[bytes | None]]) -> None:
        self.messages = [
            [message(value, partition=part, offset=offset) for offset, value in enumerate(values)]
            for part, values in enumerate(partitions)
        ]
        self.committed = [0] * len(partitions)


class ListedSource:
    """One reader of a `ListedTopic`; what it took and did not commit is delivered again to the next one."""

    def __init__(self, topic: ListedTopic) -> None:
        self._topic = topic
        self._at = list(topic.committed)

    @property
    def ended(self) -> bool:
        return self._at == [len(part) for part in self._topic.messages]

    def take(self, most: int) -> list[Message]:
        taken: list[Message] = []
        for part, messages in enumerate(self._topic.messages):
            more = messages[self._at[part] : self._at[part] + most - len(taken)]
            self._at[part] += len(more)
            taken += more
        return taken

    def acknowledge(self, messages: Sequence[Message]) -> None:
        for each in messages:
            self._topic.committed[each.partition] = each.offset + 1

    def drain(self) -> None:
        pass

    def facts(self):
        left = sum(map(len, self._topic.messages)) - sum(self._at)
        return {
            "topic": "clicks",
            "group": "g",
            "gone": 0,
            "lag": left,
            "rebalances": 1,
            "uncommitted": 0,
            "next_offsets": dict(enumerate(self._topic.committed)),
        }

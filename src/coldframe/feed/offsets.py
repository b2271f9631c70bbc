"""Where each partition stands: what was delivered, what is stored and not yet committed, what the broker removed.

Owns the arithmetic of offsets. Never talks to a broker.
"""

from collections.abc import Iterable, Mapping


class Offsets:
    """Offsets of the partitions that this member reads; an offset is always that of the next message."""

    def __init__(self) -> None:
        self.gone = 0
        """Messages that the broker had removed before they were delivered."""
        self.next: dict[int, int | None] = {}
        """Partition → the offset to be delivered next, None when it is not known."""
        self.due: dict[int, int] = {}
        """Partition → the offset to commit: everything before it is stored."""
        self.committed: dict[int, int] = {}
        """Partition → the offset that the broker confirmed in this run."""

    def assign(self, starts: Mapping[int, int | None]) -> None:
        """Read further partitions, from where they start."""
        self.next |= starts

    def revoke(self, partitions: Iterable[int]) -> None:
        """Give partitions up; whoever reads them next begins where the broker was told."""
        for partition in partitions:
            self.next.pop(partition, None)
            self.due.pop(partition, None)

    def deliver(self, partition: int, offset: int, low: int) -> int:
        """Note a delivered message, `low` being the broker's oldest offset; return how many before it are gone.

        Offsets that are skipped without being removed, such as marks of transactions, are no messages.

        >>> offsets = Offsets()
        >>> offsets.assign({0: 5})
        >>> offsets.deliver(0, 9, 8), offsets.deliver(0, 12, 8), offsets.gone
        (3, 0, 3)
        """
        expected = self.next.get(partition)
        gone = 0 if expected is None else max(0, min(low, offset) - expected)
        self.gone += gone
        if partition in self.next:
            self.next[partition] = offset + 1
        return gone

    def store(self, partition: int, offset: int) -> None:
        """Note that everything up to and with an offset is stored."""
        self.due[partition] = offset + 1

    def confirm(self, partition: int, offset: int) -> None:
        """Note that the broker knows an offset; a later one that is stored meanwhile stays due."""
        self.committed[partition] = offset
        if self.due.get(partition) == offset:
            del self.due[partition]

    def lag(self, highs: Mapping[int, int]) -> int | None:
        """Return how many messages wait, given the ends of partitions where they are known; None when none is.

        >>> offsets = Offsets()
        >>> offsets.assign({0: 5, 1: None})
        >>> offsets.lag({0: 9}), offsets.lag({})
        (4, None)
        """
        waiting = [high - at for part, high in highs.items() if (at := self.next.get(part)) is not None]
        return sum(max(0, each) for each in waiting) if waiting else None

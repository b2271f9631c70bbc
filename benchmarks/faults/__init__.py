"""Faults made on purpose, each a function that returns what happened: lost power, a failing disk, broken bundles,
clocks that jump, slow clients, overload. `reliability.py` runs them all; tests/fault runs a short form of each.
"""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What one kind of fault did: the figures for the table, and everything that must not be, in words."""

    what: str
    must: str
    figures: dict[str, float] = field(default_factory=dict[str, float])
    faults: list[str] = field(default_factory=list[str])

    @property
    def good(self) -> bool:
        """True when nothing happened that must not."""
        return not self.faults

"""Any order of publishing, promoting, rolling back, pruning and damage agrees with a list kept by hand."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from coldframe.bundle import Registry
from coldframe.errors import BundleError, UnknownIdError
from coldframe.testing.bundle_attacks import replace

DAY = datetime(2011, 12, 9, tzinfo=UTC)
seeds = st.integers(0, 4)


class RegistryModel(RuleBasedStateMachine):
    """Bundles are known by their seeds; a greater seed is newer."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.registry = Registry(self.root)
        self.ids = {}
        self.there = set()
        self.sound = set()
        self.promotions = []

    def teardown(self):
        shutil.rmtree(self.root)

    def earlier(self):
        """The position a rollback goes to, or None."""
        fits = [i for i, s in enumerate(self.promotions[:-1]) if s in self.sound and s != self.promotions[-1]]
        return fits[-1] if fits else None

    @rule(seed=seeds)
    def publish(self, seed):
        self.ids[seed] = self.registry.publish({"v": np.full(2, seed)}, {}, created_at=DAY + timedelta(days=seed))
        self.there.add(seed)
        self.sound.add(seed)

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def promote(self, data):
        seed = data.draw(st.sampled_from(sorted(self.ids)))
        try:
            self.registry.promote(self.ids[seed])
        except UnknownIdError:
            assert seed not in self.there
        except BundleError:
            assert seed in self.there - self.sound
        else:
            assert seed in self.sound
            self.promotions += [seed] if self.promotions[-1:] != [seed] else []

    @rule()
    def roll_back(self):
        position = self.earlier()
        try:
            assert self.registry.rollback() == self.ids[self.promotions[position]]
        except BundleError:
            assert position is None
        else:
            del self.promotions[position + 1 :]

    @rule(keep=st.integers(0, 3))
    def prune(self, keep):
        position = self.earlier()
        kept = {*self.promotions[-1:], *([] if position is None else [self.promotions[position]])}
        removed = [seed for seed in sorted(self.there, reverse=True)[keep:] if seed not in kept]
        assert self.registry.prune(keep) == [self.ids[seed] for seed in removed]
        self.there -= set(removed)
        self.sound -= set(removed)
        self.promotions = [seed for seed in self.promotions if seed not in removed]

    @precondition(lambda self: self.sound)
    @rule(data=st.data())
    def damage(self, data):
        seed = data.draw(st.sampled_from(sorted(self.sound)))
        replace(self.root / self.ids[seed] / "v.npy", b"")
        self.sound.remove(seed)

    @invariant()
    def the_registry_says_the_same(self):
        expected = self.ids[self.promotions[-1]] if self.promotions else None
        assert self.registry.promoted() == expected
        assert [info.bundle for info in self.registry.list()] == [self.ids[s] for s in sorted(self.there, reverse=True)]


RegistryModel.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_registry_agrees_with_a_list_kept_by_hand = RegistryModel.TestCase

"""Whatever is wrong with a bundle, it is refused in words, at once and without running or allocating anything."""

import random
import tracemalloc

import numpy as np
import pytest

from coldframe.bundle import Registry, open_bundle, write_bundle
from coldframe.errors import BundleError, UnknownIdError
from coldframe.testing.bundle_attacks import ATTACKS, mark_of, replace


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused(attack, threads, bundle):
    spoiled = attack.apply(bundle)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError) as refused:
            open_bundle(spoiled, threads=threads)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert attack.says in refused.value.message
    assert spoiled.name in refused.value.message
    assert refused.value.remedy
    assert not mark_of(spoiled).exists()
    assert peak < 64 << 20


def test_attacks_have_distinct_names():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_the_bundle_attacked_is_sound(bundle):
    for threads in (1, 3):
        assert open_bundle(bundle, threads=threads).texts("items.ids") == ("a", "ü", "日本", "")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_spoiled_bundle_is_not_promoted_and_the_other_one_stays(attack, bundle):
    registry = Registry(bundle.parent)
    serving = write_bundle(bundle.parent, {"scalar": np.array(1.0)}, {})
    registry.promote(serving)
    spoiled = attack.apply(bundle)
    with pytest.raises((BundleError, UnknownIdError)):
        registry.promote(spoiled.name)
    assert registry.promoted() == serving
    assert registry.open().id == serving


@pytest.mark.parametrize("flips", [2_500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_bit_flip_is_refused(flips, bundle):
    chance = random.Random(20111209)
    files = sorted(bundle.iterdir())
    for _ in range(flips):
        path = chance.choice(files)
        sound = path.read_bytes()
        position, bit = chance.randrange(len(sound)), 1 << chance.randrange(8)
        replace(path, sound[:position] + bytes([sound[position] ^ bit]) + sound[position + 1 :])
        with pytest.raises(BundleError):
            open_bundle(bundle)
        replace(path, sound)
    assert open_bundle(bundle).id == bundle.name


@pytest.mark.parametrize("truncations", [300, pytest.param(2_000, marks=pytest.mark.slow)])
def test_every_truncation_is_refused(truncations, bundle):
    chance = random.Random(20091201)
    files = sorted(bundle.iterdir())
    for _ in range(truncations):
        path = chance.choice(files)
        sound = path.read_bytes()
        replace(path, sound[: chance.randrange(len(sound))])
        with pytest.raises(BundleError):
            open_bundle(bundle)
        replace(path, sound)
    assert open_bundle(bundle).id == bundle.name


def test_without_verification_shape_and_size_are_still_checked(bundle):
    replace(bundle / "users.npy", (bundle / "users.npy").read_bytes()[:-1])
    with pytest.raises(BundleError, match="instead of"):
        open_bundle(bundle, verify=False)

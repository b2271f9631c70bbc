"""Spoiled bundles: bits flipped, files cut short, files of another bundle, files that belong to none.

Owns the ways of spoiling. Every one is tried on a sound bundle and undone again.
"""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coldframe.bundle import Registry, open_bundle, write_bundle
from coldframe.errors import BundleError
from coldframe.testing.bundle_attacks import replace, sound_bundle
from faults import Outcome


@dataclass(frozen=True)
class Place:
    """A sound bundle, another one with files of the same names and sizes, and what chance there is."""

    sound: Path
    other: Path
    chance: random.Random

    def file(self) -> Path:
        """Return one of the sound bundle's files."""
        return self.chance.choice(sorted(self.sound.iterdir()))


def flip(place: Place) -> None:
    """Flip one bit of one file."""
    path = place.file()
    data = bytearray(path.read_bytes())
    data[place.chance.randrange(len(data))] ^= 1 << place.chance.randrange(8)
    replace(path, bytes(data))


def truncate(place: Place) -> None:
    """Cut one file short, or let it go on."""
    path = place.file()
    data = path.read_bytes()
    replace(path, data[: place.chance.randrange(len(data))] if place.chance.random() < 0.8 else data + data[-1:])


def swap(place: Place) -> None:
    """Exchange two files whose content differs, by name."""
    while (one := place.file()).read_bytes() == (two := place.file()).read_bytes():
        pass
    first, second = one.read_bytes(), two.read_bytes()
    replace(one, second)
    replace(two, first)


def borrow(place: Place) -> None:
    """Take a file from the other bundle that says something else."""
    differing = [
        path for path in sorted(place.sound.iterdir()) if (place.other / path.name).read_bytes() != path.read_bytes()
    ]
    path = place.chance.choice(differing)
    replace(path, (place.other / path.name).read_bytes())


def intrude(place: Place) -> None:
    """Add a file that belongs to no bundle, or take one away."""
    if place.chance.random() < 0.5:
        name = place.chance.choice(
            ["model.pkl", "users.npz", ".hidden", "__init__.py", "users.npy.bak", "manifest.json~"]
        )
        (place.sound / name).write_bytes(place.chance.randbytes(64))
    else:
        place.file().unlink()


WAYS: dict[Callable[[Place], None], float] = {flip: 0.6, truncate: 0.2, swap: 0.08, borrow: 0.06, intrude: 0.06}
"""How a bundle is spoiled, and how often."""


def spoil(folder: Path, *, times: int, seed: int = 7) -> Outcome:
    """Spoil a bundle so many times; each must be refused, and the one that serves must go on serving."""
    chance = random.Random(seed)
    place = Place(sound_bundle(folder / "bundles"), _other(folder / "other"), chance)
    kept, registry = folder / "kept", Registry(folder / "bundles")
    shutil.copytree(place.sound, kept)
    serving = write_bundle(folder / "bundles", {"scalar": np.array(1.0)}, {})
    registry.promote(serving)
    outcome = Outcome("spoiled bundles", "0 accepted")
    counts: Counter[str] = Counter()
    for number in range(times):
        (way,) = chance.choices(list(WAYS), list(WAYS.values()))
        way(place)
        counts[way.__name__] += 1
        if _accepted(lambda: open_bundle(place.sound)) or _accepted(lambda: registry.promote(place.sound.name)):
            outcome.faults.append(f"number {number}: accepted after {way.__name__}")
        shutil.rmtree(place.sound)
        shutil.copytree(kept, place.sound)
    if registry.promoted() != serving or registry.open().id != serving:
        outcome.faults.append("the bundle that served does not serve any more")
    open_bundle(place.sound)
    outcome.figures = {"spoiled": times, **counts, "accepted": len(outcome.faults)}
    return outcome


def _other(root: Path) -> Path:
    """Return a bundle with the arrays of the sound one, other numbers in them."""
    sound = open_bundle(sound_bundle(root))
    arrays = {name: array[::-1] if array.ndim and array.shape[0] > 1 else array for name, array in sound.arrays.items()}
    return root / write_bundle(root, arrays, {**sound.meta, "seed": 8})


def _accepted(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except BundleError:
        return False
    return True

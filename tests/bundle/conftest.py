from pathlib import Path

import pytest

from coldframe.testing.bundle_attacks import sound_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small sound bundle with every kind of array."""
    return sound_bundle(tmp_path / "bundles")

"""A short run of benchmarks/fuzz.py: the service answers nothing with 5xx, and each answer has its documented shape."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fuzz import PROGRAM, answered, fuzz
from hostile import with_bundle


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM.exists(), reason="needs .venv-hostile (make hostile)")
def test_what_is_made_of_the_document_is_answered_as_the_document_says(tmp_path):
    with with_bundle(tmp_path / "data") as server:
        well, words = fuzz(PROGRAM, server.address, tmp_path, examples=5, seconds=60, seed=1)
        statuses = answered(server.address)
        assert server.running()
    assert well, words
    assert statuses.total() > 500
    assert max(statuses) < 500

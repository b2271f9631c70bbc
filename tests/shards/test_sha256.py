"""The compiled hash of ids is the one that the rest of the project calls `hash_ids`, whatever the text."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.dataset.draws import hash_ids
from coldframe.shards.encoded import Vocabularies


def hashes(texts):
    return Vocabularies(pa.array(texts, pa.string()), pa.array([], pa.string())).user_hash


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200)))
def test_any_texts(texts):
    assert np.array_equal(hashes(texts), hash_ids(texts))


def test_every_length_around_the_padding():
    texts = ["é" * (size // 2) + "x" * (size % 2) for size in range(200)]
    assert np.array_equal(hashes(texts), hash_ids(texts))

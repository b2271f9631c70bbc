"""One hash, three ways to it: the standard library's word is what counts, also for whole columns and for look-ups."""

from hashlib import blake2b

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldframe import hashing
from coldframe.hashing import FEW, among, column_digests, compiled, digests, order

CROWDED = st.lists(st.binary(min_size=16, max_size=16).map(lambda text: text[:1] * 8 + text[8:9] * 8), max_size=40)
"""Hashes of which many share the first half: real ones never do, and the answer is right all the same."""


def hashed(texts):
    return [blake2b(text.encode(), digest_size=16).digest() for text in texts]


def as_bytes(found):
    return [found[place : place + 1].tobytes() for place in range(len(found))]


@pytest.fixture(params=["compiled", "plain"])
def _either(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(hashing, "compiled", lambda: None)
    elif compiled() is None:
        pytest.skip("blake2b.c is not compiled: .venv/bin/python hatch_build.py")


@pytest.mark.usefixtures("_either")
def test_a_column_is_hashed_as_the_standard_library_does():
    texts = [*("x" * size for size in range(300)), "", "a\x00b", "кружка", "😀" * 5_000]
    assert as_bytes(column_digests(pl.Series(texts))) == hashed(texts)
    assert column_digests(pl.Series([], dtype=pl.String)).shape == (0,)


def test_a_column_too_long_for_one_piece_is_hashed_in_halves(monkeypatch):
    monkeypatch.setattr(hashing, "MOST_BYTES", 10)
    texts = ["x" * size for size in (0, 3, 30, 4, 4, 1, 0)]
    assert as_bytes(column_digests(pl.Series(texts))) == hashed(texts)


def test_a_few_texts_are_hashed_alike():
    assert as_bytes(digests(["ann", "", "кружка"])) == hashed(["ann", "", "кружка"])
    assert digests([]).shape == (0,)


@given(CROWDED)
def test_order_sorts_and_keeps_equal_ones_in_their_order(texts):
    places = order(np.array(texts, dtype="S16"))
    assert places.tolist() == sorted(range(len(texts)), key=lambda place: texts[place])


@given(CROWDED, CROWDED, st.sampled_from([1, FEW + 1]))
def test_among_says_who_is_there(texts, wanted, times):
    there = np.sort(np.repeat(np.array(texts, dtype="S16"), times))
    held = {text.rstrip(b"\x00") for text in texts}
    assert among(there, np.array(wanted, dtype="S16")).tolist() == [text.rstrip(b"\x00") in held for text in wanted]

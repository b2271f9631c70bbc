"""What an event is worth, by table and against the scalar form."""

import numpy as np
import polars as pl
import pytest
from dataset_worlds import KINDS, log, time
from hypothesis import given
from hypothesis import strategies as st

from coldframe.dataset.weights import decay, event_weight, event_weights, half_life_days, labels_and_weights
from coldframe.settings import Settings, default_event_weights, with_value

REJECTING = with_value(Settings(), "events.unknown", "reject")


@pytest.mark.parametrize(("kind", "weight"), [*default_event_weights().items(), ("wink", 0.1)])
def test_the_default_map(kind, weight):
    assert event_weight(kind, Settings()) == weight


def test_an_unknown_type_is_worth_what_the_settings_say():
    assert event_weight("wink", with_value(Settings(), "events.default_weight", -2.0)) == -2.0
    assert event_weight("wink", REJECTING) == 0
    assert event_weight("view", REJECTING) == 0.1


@given(st.lists(st.sampled_from(KINDS)), st.sampled_from([Settings(), REJECTING]))
def test_many_are_weighed_as_one(kinds, settings):
    found = event_weights(pl.DataFrame({"event_type": kinds}, schema={"event_type": pl.String}), settings)
    assert found.dtype == np.float32
    assert found.tolist() == [np.float32(event_weight(kind, settings)) for kind in kinds]


def test_half_lives_by_type():
    settings = with_value(Settings(), "events.half_life_days", 30.0)
    settings = with_value(settings, "events.half_lives", {"view": 7, "purchase": 0})
    assert [half_life_days(kind, settings) for kind in ("view", "click", "purchase")] == [7, 30, 0]
    frame = log(("ann", "a", 0, "view"), ("ann", "a", 0, "click"), ("ann", "a", 0), ("ann", "a", 90, "view"))
    times = frame["timestamp"].dt.epoch("us").to_numpy()
    kept = decay(frame, times, settings, as_of=time(60))
    assert kept.tolist() == pytest.approx([2 ** (-60 / 7), 0.25, 1, 1])
    assert decay(frame, times, Settings(), as_of=time(60)).tolist() == [1, 1, 1, 1]


@given(st.lists(st.floats(-10, 10, width=32)))
def test_nothing_liked_ever_counts_negatively(signed):
    label, weight = labels_and_weights(np.array(signed, np.float32))
    assert (weight >= 0).all()
    assert np.array_equal((2 * label - 1) * weight, np.array(signed, np.float32))

"""What an event is worth: a signed weight by its type, halved every so many days.

Owns the rules of `settings.events`. Training, evaluation and serving all weigh here, so that an event says the same
thing everywhere. Never looks at a clock: who wants decay says what age counts from.
"""

import numpy as np
import polars as pl

from coldframe.dataset.training_set import DAY_US, Floats, Times
from coldframe.settings import Settings


def event_weight(event_type: str, settings: Settings) -> float:
    """Return what one event of a type is worth; 0 where `events.unknown = "reject"` and nobody listed the type.

    >>> event_weight("purchase", Settings()), event_weight("rating_1", Settings()), event_weight("wink", Settings())
    (1.0, -0.5, 0.1)
    """
    rule = settings.events
    return rule.weights.get(event_type, rule.default_weight if rule.unknown == "default" else 0.0)


def event_weights(events: pl.DataFrame, settings: Settings) -> Floats:
    """Return the signed weight of each row by its `event_type`, float32 [n_events], without decay.

    >>> event_weights(pl.DataFrame({"event_type": ["click", "rating_2"]}), Settings()).tolist()
    [0.30000001192092896, -0.25]
    """
    types = events["event_type"].unique()
    return _by_type(events["event_type"], {kind: event_weight(kind, settings) for kind in types}).astype(np.float32)


def half_life_days(event_type: str, settings: Settings) -> float:
    """Return after how many days an event of a type is worth half; 0: never.

    >>> half_life_days("view", Settings())
    0.0
    """
    return settings.events.half_lives.get(event_type, settings.events.half_life_days)


def decay(events: pl.DataFrame, timestamp: Times, settings: Settings, *, as_of: int) -> Floats:
    """Return the share of its weight that each event keeps at `as_of` (µs): 2^(−age ÷ half-life), float32 [n_events].

    `timestamp` is the time of each row in µs. An event at or after `as_of` keeps all of it.
    """
    types = events["event_type"].unique()
    rates = {kind: 1 / days if (days := half_life_days(kind, settings)) else 0.0 for kind in types}
    if not any(rates.values()):
        return np.ones(events.height, np.float32)
    age_days = np.maximum(as_of - timestamp, 0) / DAY_US
    return np.exp2(-age_days * _by_type(events["event_type"], rates)).astype(np.float32)


def labels_and_weights(signed: Floats) -> tuple[Floats, Floats]:
    """Split signed weights into labels (1 liked, 0 disliked) and how much each counts (never below 0).

    A `rating_1` of −0.5 is an example of label 0 that counts 0.5. As label 1 with weight −0.5 its loss would have no
    lower bound.

    >>> labels_and_weights(np.array([1.0, -0.5], np.float32))
    (array([1., 0.], dtype=float32), array([1. , 0.5], dtype=float32))
    """
    return (signed > 0).astype(np.float32), np.abs(signed)


def _by_type(types: pl.Series, values: dict[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return types.replace_strict(list(values), list(values.values()), return_dtype=pl.Float64).to_numpy()

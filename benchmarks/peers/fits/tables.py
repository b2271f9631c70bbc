"""Our arrays as the tables that Cicerone reads: events, items and users, ids as text.

Owns the translation alone. A user is the number of his training row; somebody new who told something is `told …`, one
for each set of attributes in training, so that Cicerone's feature-only users exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from cicerone.feature_config import BlendingConfig, FeatureColumn, FeatureConfig
from fits.data import Csr, Data

FEATURES = FeatureColumn("labels", "list")
"""One column of categories and tags for items, of attributes for users; Cicerone reads no free text."""


@dataclass(frozen=True)
class Clock:
    """Times moved so that the end of training, µs, is now: Cicerone measures age from the wall clock."""

    shift: pd.Timedelta

    @staticmethod
    def ending(as_of: int) -> "Clock":
        """Return the clock of a training."""
        return Clock(pd.Timestamp.now(tz="UTC") - pd.to_datetime(as_of, unit="us", utc=True))

    def events(self, user: np.ndarray, item: np.ndarray, weight: np.ndarray, timestamp: np.ndarray) -> pd.DataFrame:
        """Return events whose type is their weight, as `event_weights` gives it back."""
        return pd.DataFrame(
            {
                "user_id": user.astype(str),
                "item_id": item.astype(str),
                "event_type": weight.astype(np.float64).astype(str),
                "occurred_at": pd.to_datetime(timestamp, unit="us", utc=True) + self.shift,
            }
        )


def configuration(weight: np.ndarray, blending: Mapping[str, Any]) -> FeatureConfig:
    """Return Cicerone's configuration: every weight an event type, one column of features on either side."""
    return FeatureConfig(
        event_weights={str(one): float(one) for one in np.unique(weight.astype(np.float64))},
        quantity_scaled_events=set(),
        event_caps={},
        user_features=[FEATURES],
        item_features=[FEATURES],
        item_availability_filters=[],
        blending=BlendingConfig(**blending),
    )


def item_table(data: Data) -> pd.DataFrame | None:
    """Return item_id and its labels, for items that have any; None where nothing is known of any."""
    return _table("item_id", [str(row) for row in range(data.n_items)], data.item_features[:, : data.n_labels])


def user_table(data: Data) -> pd.DataFrame | None:
    """Return user_id and his attributes: users of the training, then one `told …` for each set of attributes."""
    attributes = data.user_attributes
    row_of = {told(attributes, row): row for row in range(data.n_users)}
    ids = [*(str(row) for row in range(data.n_users)), *row_of]
    return _table("user_id", ids, attributes[[*range(data.n_users), *row_of.values()]])


def told(attributes: Csr, row: int) -> str:
    """Return the id of somebody new who told this."""
    return "told " + " ".join(map(str, sorted(_row(attributes, row))))


def _table(name: str, ids: list[str], features: Csr) -> pd.DataFrame | None:
    lists = [[str(column) for column in _row(features, row)] for row in range(len(ids))]
    table = pd.DataFrame({name: ids, FEATURES.column: lists})
    table = table[table[FEATURES.column].map(len) > 0].reset_index(drop=True)
    return table if len(table) else None


def _row(matrix: Csr, row: int) -> list[int]:
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tolist()

"""Cicerone: its own data set, strategies and combiners, from events to lists.

Trained as its job does and asked as its online refresh does (without the optional LightFM step): what a user did since
is among the interactions that item-kNN, the curve's count and the filter of what was had read, as far as user and item
are of the training. Beyond the first `DEPTH` of a list an item gets NaN, and so does everything for a user whom
Cicerone knows nothing of: it would show him popularity.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from cicerone.config.settings import ExplainSettings
from cicerone.dataset import BuiltDataset, build_dataset, build_interactions
from cicerone.feature_config import FeatureConfig
from cicerone.model.fit import ModelRunPlan, fit_strategies, plan_model_run
from cicerone.model.recommend import recommend_with_models
from cicerone.model.strategies import RecommenderModel
from fits.data import Answer, Batch, Data
from fits.tables import Clock, configuration, item_table, told, user_table
from rectools import Columns
from rectools.dataset import Dataset, Interactions

DEPTH = 200
"""The longest list asked for; candidates are chosen from it afterwards. Cicerone's time grows with it."""
HALF_LIFE_DAYS = 90.0
"""Cicerone's default."""


def fit(data: Data, params: dict[str, Any]) -> Answer:
    """Return the fitted peer. `models` in Cicerone's order, `weights` for its fusion, `blending` for its curve."""
    half_life = params.get("half_life_days", HALF_LIFE_DAYS)
    config, clock = configuration(data.weight, params.get("blending", {})), Clock.ending(data.as_of)
    events = clock.events(data.user, data.item, data.weight, data.timestamp)
    built = build_dataset(events, user_table(data), item_table(data), config, half_life)
    plan = plan_model_run(params["models"], blending_enabled=config.blending.enabled)
    everybody = [str(user) for user in built.dataset.user_id_map.external_ids]
    chosen = list(plan.recommend_models)
    _, models = fit_strategies(built, everybody, chosen, content_feature_columns=config.item_features)
    # Without rules of who may see what, the table of users only costs time from here on.
    return _Cicerone(
        data, replace(built, users=None), config, plan, models, clock, half_life, params.get("weights")
    ).answer


@dataclass(frozen=True)
class _Cicerone:
    """What one run of the job leaves behind."""

    data: Data
    built: BuiltDataset
    config: FeatureConfig
    plan: ModelRunPlan
    models: Mapping[str, RecommenderModel]
    clock: Clock
    half_life_days: float
    weights: dict[str, float] | None

    def answer(self, batch: Batch) -> np.ndarray:
        """Return places on the lists as scores, the first the highest; float32 [n, n_items]."""
        scores = np.full((len(batch), self.data.n_items), np.nan, np.float32)
        for wave in _waves([self._user(batch, i) for i in range(len(batch))], batch):
            lists = self._lists(self._refreshed(batch, wave), sorted(wave))
            for user, own in lists.groupby(Columns.User):
                rows = own[Columns.Item].astype(np.int64).to_numpy()
                scores[np.ix_(wave.get(str(user), []), rows)] = -own[Columns.Rank].to_numpy(np.float32)
        return scores

    @cached_property
    def _known(self) -> set[str]:
        return {str(user) for user in self.built.dataset.user_id_map.external_ids}

    @cached_property
    def _hot_users(self) -> set[str]:
        return set(self.built.interactions[Columns.User].astype(str))

    @cached_property
    def _hot_items(self) -> np.ndarray:
        return np.bincount(self.built.interactions[Columns.Item].astype(np.int64), minlength=self.data.n_items) > 0

    def _user(self, batch: Batch, i: int) -> str | None:
        """Return what Cicerone calls the user of a question, None where it knows nothing of him."""
        name = str(batch.user[i]) if batch.user[i] >= 0 else told(batch.attributes, i)
        return name if name in self._known else None

    def _refreshed(self, batch: Batch, wave: Mapping[str, list[int]]) -> BuiltDataset:
        """Return the training's data and what the users of a wave did since; each user has one past in a wave."""
        parts = [self._since(batch, user, questions[0]) for user, questions in wave.items()]
        if not any(len(part) for part in parts):
            return self.built
        since = build_interactions(pd.concat(parts), self.config, self.half_life_days)
        both = pd.concat([self.built.interactions, since], ignore_index=True)
        both = both.groupby([Columns.User, Columns.Item], as_index=False).agg(
            {Columns.Weight: "sum", Columns.Datetime: "max"}
        )
        maps = self.built.dataset
        interactions = Interactions.from_raw(both, maps.user_id_map, maps.item_id_map)
        dataset = Dataset(maps.user_id_map, maps.item_id_map, interactions, maps.user_features, maps.item_features)
        return replace(self.built, dataset=dataset, interactions=dataset.get_raw_interactions())

    def _since(self, batch: Batch, user: str, i: int) -> pd.DataFrame:
        """Return the events of a question's past that training has not seen, on items that it has."""
        past = batch.history(i)
        item, weight, timestamp = batch.item[past], batch.weight[past], batch.timestamp[past]
        new = (timestamp >= self.data.as_of) & self._hot_items[item] & (user in self._hot_users)
        return self.clock.events(np.repeat(user, new.sum()), item[new], weight[new], timestamp[new])

    def _lists(self, now: BuiltDataset, users: list[str]) -> pd.DataFrame:
        return recommend_with_models(
            dict(self.models),
            now,
            users,
            self.config,
            top_k=min(DEPTH, self.data.n_items),
            enabled_models=list(self.plan.enabled_models),
            weights=self.weights,
            run_plan=self.plan,
            explain=ExplainSettings(enabled=False),
        )


def _waves(users: list[str | None], batch: Batch) -> Iterator[dict[str, list[int]]]:
    """Yield user → questions, until all are answered: in one wave every user has one past."""
    open_questions: dict[str, dict[int, list[int]]] = {}
    for i, user in enumerate(users):
        if user is not None:
            size = int(batch.indptr[i + 1] - batch.indptr[i])
            open_questions.setdefault(user, {}).setdefault(size, []).append(i)
    while open_questions:
        yield {user: sizes.pop(min(sizes)) for user, sizes in open_questions.items()}
        open_questions = {user: sizes for user, sizes in open_questions.items() if sizes}

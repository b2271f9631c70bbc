"""A published split that one column spells out: train, warm and cold validation, warm and cold test.

Owns the protocol of `--split column:NAME`. Experts learn from train rows, mixers and settings from validation rows,
and test rows are only ever right answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from coldframe.clock import generator
from coldframe.dataset.training_set import Bools, Rows, TrainingSet, micros
from coldframe.domain import Item, User
from coldframe.errors import ColumnError, DataError
from coldframe.evaluation.log import Log, read_log
from coldframe.evaluation.plan import (
    OVERALL,
    Case,
    Cases,
    Plan,
    Sampling,
    Split,
    Weigh,
    complete_catalogue,
    end_of,
    request_of,
    sampled,
)

COLUMN = "column"
WARM, COLD = "warm", "cold"
PARTS = ("train", "warm_val", "cold_val", "warm_test", "cold_test")


@dataclass(frozen=True)
class _Side:
    """One side of the split: held-out likes by view, what is masked for everybody and what per user."""

    held_out: Mapping[str, Log]
    candidates: Mapping[str, Bools]
    known: tuple[Log, ...]


def column_split(
    events: pl.DataFrame,
    items: Sequence[Item] = (),
    users: Sequence[User] = (),
    *,
    column: str,
    values: Mapping[str, str] | None = None,
) -> Split:
    """Return the protocol that a column of the events spells out; `values` maps our part names to the file's.

    An item is cold when only cold rows mention it. Three questions per user: `overall` ranks all items against his
    warm and cold test items, `warm` only the warm ones, `cold` only the cold ones; a question without right answers
    is not asked. His train and validation items are never candidates. Validation questions never rank items that only
    test rows mention, nor test questions those that only validation rows do, as the split was published (GAR, ALDI).
    Raises `ColumnError` without the column and `DataError` for a value nobody mapped, no train or no test row, or an
    item that is both warm and cold.
    """
    parts = _parts(events, column, values or {})
    catalogue = complete_catalogue(tuple(items), events)

    def lay_out(training_set: TrainingSet, weigh: Weigh, sampling: Sampling) -> Plan:
        logs = {name: read_log(frame, training_set.items, weigh) for name, frame in parts.items()}
        return _plan(training_set, logs, micros(split.as_of), sampling)

    split = Split(COLUMN, parts["train"], catalogue, tuple(users), end_of(parts["train"]), lay_out)
    return split


def _parts(events: pl.DataFrame, column: str, values: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    if column not in events.columns:
        raise ColumnError(f"The events have no column {column!r}.", remedy=f"They have: {', '.join(events.columns)}.")
    theirs = {part: values.get(part, part) for part in PARTS}
    _refuse_unmapped(events, column, theirs, values)
    parts = {part: events.filter(pl.col(column).cast(pl.String) == name).drop(column) for part, name in theirs.items()}
    if parts["train"].is_empty() or (parts["warm_test"].is_empty() and parts["cold_test"].is_empty()):
        raise DataError(f"Column {column!r} marks no train or no test row.", remedy="Map its values: --split-values.")
    _refuse_lukewarm(parts)
    return parts


def _refuse_unmapped(events: pl.DataFrame, column: str, theirs: Mapping[str, str], values: Mapping[str, str]) -> None:
    strange = sorted(set(values) - set(PARTS))
    if strange:
        raise DataError(f"There is no part {strange[0]!r} of a split.", remedy=f"Parts: {', '.join(PARTS)}.")
    found = events[column].cast(pl.String).unique().to_list()
    unmapped = sorted(str(value) for value in found if value not in theirs.values())
    if unmapped:
        remedy = f"Map it: --split-values PART={unmapped[0]}, with PART one of {', '.join(PARTS)}."
        raise DataError(
            f"Column {column!r} has rows marked {unmapped[0]!r}, which is no part of a split.", remedy=remedy
        )


def _refuse_lukewarm(parts: Mapping[str, pl.DataFrame]) -> None:
    warm = pl.concat([parts[part].select("item_id") for part in ("train", "warm_val", "warm_test")]).unique()
    cold = pl.concat([parts[part].select("item_id") for part in ("cold_val", "cold_test")]).unique()
    both = cold.join(warm, on="item_id", how="semi")["item_id"].sort()
    if len(both):
        raise DataError(f"Item {both[0]!r} has warm and cold rows.", remedy="Check the column and --split-values.")


def _plan(training_set: TrainingSet, logs: Mapping[str, Log], now: int, sampling: Sampling) -> Plan:
    warm = _mentioned(training_set, logs["train"], logs["warm_val"], logs["warm_test"])
    tested = _mentioned(training_set, logs["warm_test"], logs["cold_test"])
    mentioned_before = _mentioned(training_set, logs["train"], logs["warm_val"], logs["cold_val"])
    asked = warm | tested | ~mentioned_before
    test = _Side(
        {WARM: logs["warm_test"], COLD: logs["cold_test"]},
        {OVERALL: asked, WARM: warm, COLD: asked & ~warm},
        (logs["train"], logs["warm_val"], logs["cold_val"]),
    )
    validation = _Side(
        {WARM: logs["warm_val"], COLD: logs["cold_val"]}, {OVERALL: ~(tested & ~mentioned_before)}, (logs["train"],)
    )
    facts = {f"{part}_events": float(len(log.item)) for part, log in logs.items()}
    facts |= {"warm_items": float(warm.sum()), "cold_items": float((~warm).sum())}
    return Plan(
        COLUMN,
        training_set,
        _cases(training_set, test, now, sampling),
        _cases(training_set, validation, now, Sampling()),
        facts,
    )


def _mentioned(training_set: TrainingSet, *logs: Log) -> Bools:
    mask = np.zeros(training_set.n_items, dtype=np.bool_)
    for log in logs:
        mask[log.item] = True
    return mask


def _cases(training_set: TrainingSet, side: _Side, now: int, sampling: Sampling) -> Cases:
    answers = _answers(side)
    asked = sorted(answers)
    rows = sampled(len(asked), sampling, generator(sampling.seed, "evaluation", "requests"))
    chosen = [asked[row] for row in rows]

    def make() -> Iterator[Case]:
        for user_id in chosen:
            history = side.known[0].history(side.known[0].actors.row_of.get(user_id, -1), now)
            fresh = ~_masked(side, user_id, training_set.n_items)
            for view, relevant in answers[user_id].items():
                request = request_of(training_set, user_id, history, now, side.candidates[view] & fresh)
                yield Case(user_id, request, relevant, view)

    return Cases(sum(len(answers[user_id]) for user_id in chosen), make)


def _answers(side: _Side) -> dict[str, dict[str, Rows]]:
    """Return user → view → right answers, for the views of this side that have any."""
    found: dict[str, dict[str, Rows]] = {}
    for view, log in side.held_out.items():
        for actor, user_id in enumerate(log.actors.ids):
            if len(liked := log.liked(actor)):
                found.setdefault(user_id, {})[view] = liked
    return {user_id: _with_overall(views, side) for user_id, views in found.items()}


def _with_overall(views: Mapping[str, Rows], side: _Side) -> dict[str, Rows]:
    """Put all right answers of a user first, as `overall`; drop the views that this side does not ask."""
    overall = np.unique(np.concatenate(list(views.values())))
    return {OVERALL: overall} | {view: rows for view, rows in views.items() if view in side.candidates}


def _masked(side: _Side, user_id: str, n_items: int) -> Bools:
    mask = np.zeros(n_items, dtype=np.bool_)
    for log in side.known:
        actor = log.actors.row_of.get(user_id, -1)
        if actor >= 0:
            mask[log.item[log.starts[actor] : log.starts[actor + 1]]] = True
    return mask

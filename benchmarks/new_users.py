"""What the first events of a new user are worth: people the training never saw, known by 0, 1, 2, 5, 10, 20 events.

    python benchmarks/new_users.py [--sets online_retail,ml1m_cold] [--users N] [--refit]

A tenth of the users is kept out of training. Each is asked about with his first n events known, for the rest of what
he liked; every item is ranked but those known. The hybrid is compared with dense EASE filled by popularity, and with
--refit with the hybrid trained again on the known events too. Writes `results/new_users.json`.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from datasets import SEED, SETS, is_there
from rich.console import Console
from rich.table import Table

from coldframe.dataset.training_set import TrainingSet
from coldframe.evaluation import Case, Cases, Plan, evaluate, fit_baselines
from coldframe.models import fit_models
from coldframe.pipeline import trainer
from coldframe.scoring.request import History, Request, Scorer
from coldframe.settings import Settings, load

KNOWN = (0, 1, 2, 5, 10, 20)
RESULTS = Path(__file__).parent / "results" / "new_users.json"
EASE = "item-item"


@dataclass(frozen=True)
class People:
    """The training events of the others, and the events of those kept out, in order of user and time."""

    others: pl.DataFrame
    kept_out: pl.DataFrame


def main() -> None:
    """Measure the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="online_retail,ml1m_cold")
    parser.add_argument("--users", type=int, default=600)
    parser.add_argument("--refit", action="store_true")
    asked, console, found = parser.parse_args(), Console(width=160), {}
    for name in asked.sets.split(","):
        if is_there(name):
            found[name] = _measured(name, asked.users, refit=asked.refit)
            console.print(_table(name, found[name]))
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _measured(name: str, n_users: int, *, refit: bool) -> list[dict[str, object]]:
    path = Path(__file__).parent / "settings" / f"{name}.toml"
    settings, split = load(path if path.exists() else None), SETS[name]().test()
    people = _kept_out(split.train, n_users)

    def fitted(events: pl.DataFrame) -> tuple[TrainingSet, Mapping[str, Scorer]]:
        made = trainer(settings).build(events, split.items, split.users, settings, as_of=split.as_of, window_days=None)
        return made, fit_models(made, None, ["hybrid", EASE], settings)

    training_set, models = fitted(people.others)
    rows = []
    for n in KNOWN:
        plan = _plan(training_set, people.kept_out, n, settings)
        scorers = dict(models)
        if refit and n:
            known = people.kept_out.filter(pl.int_range(pl.len()).over("user_id") < n)
            scorers["refitted"] = fitted(pl.concat([people.others, known]))[1]["hybrid"]
        fallback = fit_baselines(training_set, recent_days=settings.popularity.recent_days)["popular"]
        report = evaluate(plan, scorers, ks=(10,), fallback=fallback, threads=settings.training.threads)
        values = {model: numbers["ndcg@10"].value for model, numbers in report.models.items()}
        gaps = {model: own["ndcg@10"].relative for model, own in report.differences.items()}
        rows.append(
            {"known": n, "users": report.n_requests, "ndcg@10": values}
            | {f"over {model}": [gap.value, gap.low, gap.high] for model, gap in gaps.items()}
        )
    return rows


def _kept_out(events: pl.DataFrame, n_users: int) -> People:
    """Return a tenth of the users, at most so many, apart; their events without times come in an order drawn once."""
    users = events["user_id"].drop_nulls().unique().sort()
    chosen = users.gather(
        np.sort(np.random.default_rng(SEED).permutation(len(users))[: min(n_users, len(users) // 10)])
    )
    theirs = pl.col("user_id").is_in(chosen.implode())
    lot = pl.col("event_id").hash(SEED)
    return People(events.filter(~theirs), events.filter(theirs).sort("user_id", "timestamp", lot))


def _plan(training_set: TrainingSet, kept_out: pl.DataFrame, n: int, settings: Settings) -> Plan:
    """Return one question a user about everything liked after the first n events and not among them.

    He comes as the training ends: the last of his known events is moved to that moment, the others with it.
    """
    weights = trainer(settings).weigh(kept_out)
    frame = kept_out.with_columns(pl.Series("weight", weights)).filter(
        pl.col("item_id").is_in(list(training_set.items.ids))
    )
    counts = np.bincount(training_set.interactions.item, minlength=training_set.n_items).astype(np.int32)
    cases = []
    for (user_id,), own in frame.group_by("user_id", maintain_order=True):
        item = training_set.items.rows(own["item_id"].to_list()).astype(np.int32)
        weight = own["weight"].to_numpy().astype(np.float32)
        time = own["timestamp"].dt.epoch("us").to_numpy()
        later = np.setdiff1d(item[n:][weight[n:] > 0], item[:n]).astype(np.int32)
        if not len(later) or len(item) < max(KNOWN):
            continue
        allowed = np.ones(training_set.n_items, np.bool_)
        allowed[item[:n]] = False
        arrived = time[:n] - (time[n - 1] if n else 0) + training_set.as_of
        request = Request.known_at(
            training_set.as_of + 1, History(item[:n], weight[:n], arrived), allowed=allowed, item_counts=counts
        )
        cases.append(Case(str(user_id), request, later))
    return Plan("new users", training_set, Cases(len(cases), lambda: iter(cases)))


def _table(name: str, rows: list[dict[str, object]]) -> Table:
    table = Table(title=name, title_justify="left")
    for heading in rows[-1]:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*(_cell(row.get(heading)) for heading in rows[-1]))
    return table


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{model} {number:.4f}" for model, number in value.items())
    if isinstance(value, list):
        return f"{value[0]:+.1%} [{value[1]:+.1%}, {value[2]:+.1%}]"
    return "–" if value is None else str(value)


if __name__ == "__main__":
    main()

"""What the first events of a new user are worth: people the training never saw, known by 0, 1, 2, 5, 10, 20 events.

    python benchmarks/new_users.py [--sets online_retail,ml1m_cold] [--users N] [--refit]

Where events have times, the new users are those who first come after the test split's cut; elsewhere a tenth of the
users is kept out of training, and comes as it ends; items that a split keeps back are known, too. Each is asked about
with his first n events known, for the rest of what he liked; every item that exists by then is ranked but those known.
The hybrid is compared with dense EASE filled by popularity, and with --refit with the hybrid trained again on the known
events too. Writes `results/new_users.json`.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from counted import Moments
from datasets import SEED, SETS, Marked, Timed, is_there
from rich.console import Console
from rich.table import Table

from coldframe.dataset.training_set import TrainingSet
from coldframe.evaluation import Cases, Plan, Split, evaluate, fit_baselines
from coldframe.evaluation.log import read_log
from coldframe.evaluation.plan import end_of
from coldframe.models import fit_models
from coldframe.pipeline import trainer
from coldframe.scoring.request import Scorer
from coldframe.settings import Settings, load

KNOWN = (0, 1, 2, 5, 10, 20)
RESULTS = Path(__file__).parent / "results" / "new_users.json"
EASE = "item-item"


@dataclass(frozen=True)
class People:
    """The events to train on, those of the new users in order of user and time, and, where events have times, all."""

    others: pl.DataFrame
    newcomers: pl.DataFrame
    everything: pl.DataFrame | None


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
    data = SETS[name]()
    settings, split = load(path if path.exists() else None), data.test()
    if isinstance(data, Timed):
        people = _first_seen(data.events, split, n_users)
    else:  # no item is new here: where a split keeps items back, their events are there again
        people = _kept_out(data.events.drop("split") if isinstance(data, Marked) else split.train, n_users)

    def fitted(events: pl.DataFrame) -> tuple[TrainingSet, Mapping[str, Scorer]]:
        as_of = max(split.as_of, end_of(events))  # what is known of new users is later than the cut
        made = trainer(settings).build(events, split.items, split.users, settings, as_of=as_of, window_days=None)
        return made, fit_models(made, None, ["hybrid", EASE], settings)

    training_set, models = fitted(people.others)
    rows = []
    for n in KNOWN:
        plan = _plan(training_set, people, n, settings)
        scorers = dict(models)
        if refit and n:
            known = people.newcomers.filter(pl.int_range(pl.len()).over("user_id") < n)
            scorers["refitted"] = fitted(pl.concat([people.others, known.select(people.others.columns)]))[1]["hybrid"]
        fallback = fit_baselines(training_set, recent_days=settings.popularity.recent_days)["popular"]
        report = evaluate(plan, scorers, ks=(10,), fallback=fallback, threads=settings.training.threads)
        values = {model: numbers["ndcg@10"].value for model, numbers in report.models.items()}
        gaps = {model: own["ndcg@10"].relative for model, own in report.differences.items()}
        rows.append(
            {"known": n, "users": report.n_requests, "ndcg@10": values}
            | {f"over {model}": [gap.value, gap.low, gap.high] for model, gap in gaps.items()}
        )
    return rows


def _first_seen(events: pl.DataFrame, split: Split, n_users: int) -> People:
    """Return the users whose first event is after the cut, with enough of them; at most so many."""
    new = (pl.col("timestamp").min().over("user_id") >= split.as_of) & (pl.len().over("user_id") > max(KNOWN))
    theirs = events.filter(new)
    chosen = _some(theirs["user_id"].drop_nulls().unique().sort(), n_users)
    newcomers = theirs.filter(pl.col("user_id").is_in(chosen.implode())).sort("user_id", "timestamp")
    return People(split.train, newcomers, events)


def _kept_out(events: pl.DataFrame, n_users: int) -> People:
    """Return a tenth of the users, at most so many, apart; their events without times come in an order drawn once."""
    users = events["user_id"].drop_nulls().unique().sort()
    theirs = pl.col("user_id").is_in(_some(users, min(n_users, len(users) // 10)).implode())
    lot = pl.col("event_id").hash(SEED)
    return People(events.filter(~theirs), events.filter(theirs).sort("user_id", "timestamp", lot), None)


def _some(users: pl.Series, n: int) -> pl.Series:
    return users.gather(np.sort(np.random.default_rng(SEED).permutation(len(users))[:n]))


def _plan(training_set: TrainingSet, people: People, n: int, settings: Settings) -> Plan:
    """Return one question a user about everything liked after the first n events and not among them."""
    weigh = trainer(settings).weigh
    log = read_log(people.newcomers, training_set.items, weigh)
    everything = None if people.everything is None else read_log(people.everything, training_set.items, weigh)
    moments = Moments.of(training_set, everything)
    asked = np.flatnonzero(np.diff(log.starts) > max(KNOWN))
    cases = [case for actor in asked.tolist() if (case := moments.case(log, actor, n))]
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

"""What a new item's lists are worth on the day it comes, before any training knows that it exists.

    python benchmarks/new_items.py [--sets ml1m_cold,…] [--split development] [--max-requests N] [--seed N]

Two trainings on the same events answer the same questions. `in-catalogue` had the new items in its catalogue, without
an event; `taken-in` never saw them and takes them in afterwards, as a server does. Prints NDCG of both on the lists of
new items alone and of all, with the paired difference over whole users.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from datasets import SETS, is_there
from quality import settings_of
from rich.console import Console
from rich.table import Table

from coldframe.dataset.training_set import Floats, TrainingSet
from coldframe.evaluation import Split, run
from coldframe.evaluation.plan import Cases
from coldframe.evaluation.run import Trainer
from coldframe.models import train_hybrid
from coldframe.models.recommender import served
from coldframe.pipeline import asked, trainer
from coldframe.scoring.extending import likeness_of, with_newcomers
from coldframe.scoring.request import History, Request, Scorer
from coldframe.settings import Settings, load

NAMES = ("taken-in", "in-catalogue")


@dataclass(frozen=True)
class Renumbered:
    """A scorer of the same items in another order: `rows` int32 [n_items] are where each of ours is there."""

    scorer: Scorer
    rows: np.ndarray
    name: str = "taken-in"

    def score(self, request: Request) -> Floats:
        """Return float32 [n_items]."""
        past = request.history
        there = {name: self._moved(getattr(request, name)) for name in ("allowed", "item_counts")}
        history = History(self.rows[past.item], past.weight, past.timestamp)
        return self.scorer.score(replace(request, history=history, **there))[self.rows]

    def _moved(self, values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        moved = np.zeros_like(values)
        moved[self.rows] = values
        return moved


def compared(split: Split, settings: Settings) -> Trainer:
    """Return a trainer that fits both ways on a split."""
    ours = trainer(settings)
    taken = set(split.train["item_id"])

    def fit(training_set: TrainingSet, validation: Cases, names: Sequence[str]) -> dict[str, Scorer]:
        questions = asked(validation) if len(validation) else None
        whole = train_hybrid(training_set, settings, questions=questions).hybrid
        known = [item for item in split.items if item.item_id in taken]
        early = ours.build(split.train, known, split.users, settings, as_of=split.as_of)
        model = served(early, train_hybrid(early, settings))
        new = tuple(item for item in split.items if item.item_id not in early.items.row_of)
        longer = with_newcomers(model, new, likeness_of(model))
        scorers = {
            "taken-in": Renumbered(longer.hybrid, longer.items.rows(training_set.items.ids)),
            "in-catalogue": whole,
        }
        return {name: scorers[name] for name in names}

    return replace(ours, fit=fit)


def main() -> None:
    """Compare the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="ml1m_cold")
    parser.add_argument("--split", choices=("test", "development"), default="development")
    parser.add_argument("--max-requests", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    console = Console(width=120)
    for name in args.sets.split(","):
        if not is_there(name):
            console.print(f"{name}: not here, skipped")
            continue
        settings = load(settings_of(name), flags={"training.seed": str(args.seed)})
        split = getattr(SETS[name](), args.split)()
        report = run(split, NAMES, compared(split, settings), settings, max_requests=args.max_requests)
        table = Table(title=f"{name}, {args.split}: {report.n_requests:,} requests", title_justify="left")
        for heading in ("list", *NAMES, "taken-in is better by"):
            table.add_column(heading)
        for view in ("cold", "overall"):
            values = [f"{report.slices[view][model]['ndcg@10'].value:.4f}" for model in NAMES]
            gap = report.slice_differences[view]["in-catalogue"]["ndcg@10"].relative
            table.add_row(view, *values, f"{gap.value:+.1%} [{gap.low:+.1%}, {gap.high:+.1%}]")
        console.print(table)


if __name__ == "__main__":
    main()

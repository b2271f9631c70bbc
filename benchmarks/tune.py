"""Search the settings of each data set on the training side of its test split, and keep them with their evidence.

    python benchmarks/tune.py [--sets NAME,…] [--budget SECONDS]

The same search as `coldframe tune`, on later events of the training side, on the published validation part, or, where a
split has neither times nor that, on its development split; the test events are never read. Writes
`benchmarks/settings/SET.toml`, which `quality.py` starts from.
"""

import argparse
from pathlib import Path

from datasets import SETS, Published, is_there
from rich.console import Console

from coldframe.models.tuning import tune
from coldframe.pipeline import asked, trainer
from coldframe.settings import load
from coldframe.settings.rewriting import rewrite

FOLDER = Path(__file__).parent / "settings"


def main() -> None:
    """Tune the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--budget", type=float, default=240.0)
    flags, console = parser.parse_args(), Console(width=160)
    for name in flags.sets.split(","):
        if is_there(name):
            changed = tune_set(name, flags.budget)
            console.print(f"{name}: {changed}")
        else:
            console.print(f"{name}: not here, skipped")


def tune_set(name: str, budget: float) -> dict[str, object]:
    """Return what the search changed, written to the set's file; it begins from what the file says already."""
    path = FOLDER / f"{name}.toml"
    path.touch()
    settings = load(path)
    data, made = SETS[name](), trainer(settings)
    like_the_test = isinstance(data, Published)
    split = data.development() if like_the_test else data.test()
    training_set = made.build(split.train, split.items, split.users, settings, as_of=split.as_of, window_days=None)
    plan = split.plan(training_set, made.weigh)
    questions = asked(plan.cases if like_the_test else plan.validation) or None
    tuned = tune(training_set, settings, budget_seconds=budget, progress=lambda *_: None, questions=questions)
    rewrite(path, tuned.changed, evidence=tuned.evidence)
    return tuned.changed


if __name__ == "__main__":
    main()

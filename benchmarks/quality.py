"""How good the hybrid is, beside each expert, the fixed blend, the article's softmax, a tuned switch and popularity.

    python benchmarks/quality.py [--sets NAME,…] [--split test] [--seed N] [--max-requests N] [--set NAME=VALUE]
        [--peers NAME,… [--peer-budget SECONDS]] [--keep]

Every model answers the same questions of each data set, with the settings that `tune.py` found on the training side
(`settings/SET.toml`) unless --set changes them.
Peers are outside recommenders: peers/__init__.py names them, `make peers` installs them. They are tuned on the set's
development split first; where that is the split asked, their settings have seen the questions that they answer.
Prints one table per set; with --keep writes `results/SET-seedN.json`, which `pages.py` makes `docs/benchmarks.md` of.
Data sets that are not there are skipped by name.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

from datasets import FOLDERS, SETS, is_there
from peers.beside import Peers
from rich.console import Console
from rich.table import Table

from coldframe.evaluation import EvaluationReport, as_tree, run
from coldframe.models.fits import EXPERTS
from coldframe.models.learned import LEARNED
from coldframe.pipeline import trainer
from coldframe.settings import load

RESULTS = Path(__file__).parent / "results"
MODELS = ("hybrid", "exposed", *LEARNED, "switch", "count-curve", *EXPERTS, "popular", "recent-popular")


def main() -> None:
    """Measure the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--split", choices=("test", "development"), default="development")
    parser.add_argument("--max-requests", type=int)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--peers", default="", metavar="NAME,…")
    parser.add_argument("--peer-budget", type=float, default=300.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    flags = dict(each.split("=", 1) for each in asked.set) | {"training.seed": str(asked.seed)}
    peers = [name for name in asked.peers.split(",") if name]
    console = Console(width=240)
    for name in asked.sets.split(","):
        if not is_there(name):
            console.print(f"{name}: not here, skipped")
            continue
        started, settings = perf_counter(), load(settings_of(name), flags=flags)
        data, ours = SETS[name](), trainer(settings)
        with Peers(peers, data, ours, settings, budget_seconds=asked.peer_budget) as beside:
            report = run(
                getattr(data, asked.split)(),
                [*asked.models.split(","), *peers],
                beside.trainer,
                settings,
                ks=(10, 20),
                max_requests=asked.max_requests,
            )
        seconds = perf_counter() - started
        fitting = report.seconds["fitting"]
        console.rule(f"{name}, {asked.split}, seed {asked.seed}, {seconds:.0f} s, of which fitting {fitting:.0f} s")
        console.print(_table(report))
        if asked.keep:
            facts = {"set": name, "split": asked.split, "seed": asked.seed, "wall_seconds": round(seconds)}
            facts |= {"settings": flags, "peers": beside.chosen}
            RESULTS.mkdir(exist_ok=True)
            path = RESULTS / f"{name}-seed{asked.seed}.json"
            path.write_text(_lines(facts | _kept(as_tree(report))), encoding="utf-8")


def _lines(tree: dict[str, Any]) -> str:
    """Return JSON with a line for each model, so that a result is small and its changes can be read."""
    lines = [f"{json.dumps(key)}: {_indented(value)}" for key, value in tree.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _indented(value: object) -> str:
    if not isinstance(value, dict) or not any(isinstance(each, dict) for each in value.values()):
        return json.dumps(value)
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(each)}" for key, each in value.items()) + "\n}"


def _kept(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a report with no more than NDCG of each slice, so that results stay small enough to keep."""
    for part in ("slices", "slice_differences"):
        tree[part] = {
            name: {model: {kept: metrics[kept] for kept in ("ndcg@10", "ndcg@20")} for model, metrics in models.items()}
            for name, models in tree[part].items()
        }
    return tree


def settings_of(name: str) -> Path | None:
    """Return the file of settings that tuning wrote for a set, or for the set that it asks other questions of."""
    paths = [Path(__file__).parent / "settings" / f"{each}.toml" for each in (name, FOLDERS.get(name, name))]
    return next((path for path in paths if path.exists()), None)


def _table(report: EvaluationReport) -> Table:
    """Return one row per model: accuracy overall, coverage, and NDCG@10 by slice; * where the reference is better."""
    table = Table(title=f"{report.n_requests:,} requests of {report.n_users:,} users", title_justify="left")
    overall = ("ndcg@10", "ndcg@20", "recall@20", "hit_rate@10", "coverage@10", "tail@10", "young@10")
    slices = [name for name in report.slices if name != "overall"]
    for heading in ("model", *overall, *(f"{name} ({report.slice_requests[name]:,})" for name in slices)):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for model, numbers in report.models.items():
        row = [f"{numbers[metric].value:.4f}" for metric in overall]
        for name in slices:
            gap = report.slice_differences[name].get(model, {}).get("ndcg@10")
            mark = "" if gap is None else "*" if gap.difference.low > 0 else "!" if gap.difference.high < 0 else ""
            row.append(f"{report.slices[name][model]['ndcg@10'].value:.4f}{mark}")
        table.add_row(model, *row)
    return table


if __name__ == "__main__":
    main()

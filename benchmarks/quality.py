"""How good the hybrid is, beside each expert, the fixed blend, the article's softmax, a tuned switch and popularity.

    python benchmarks/quality.py [--sets NAME,…] [--split test] [--max-requests N] [--set NAME=VALUE] [--json FILE]

Every model answers the same questions of each data set; settings are the defaults unless --set changes them.
Prints one table per set, and writes everything as JSON. Data sets that are not there are skipped by name.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

from datasets import SETS, is_there
from rich.console import Console

from coldframe.evaluation import as_table, as_tree, run
from coldframe.pipeline import trainer
from coldframe.settings import load

MODELS = ("hybrid", "blend", "softmax", "switch", "count-curve", "item-item", "spectral", "stacked", "smoothed")
MORE = ("collaborative", "content", "attributes", "transitions", "repeat", "popular", "recent-popular")


def main() -> None:
    """Measure the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--split", choices=("test", "development"), default="development")
    parser.add_argument("--max-requests", type=int)
    parser.add_argument("--models", default=",".join((*MODELS, *MORE)))
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    settings = load(flags=dict(each.split("=", 1) for each in asked.set))
    console, found = Console(width=240), {}
    for name in asked.sets.split(","):
        if not is_there(name):
            console.print(f"{name}: not here, skipped")
            continue
        started = perf_counter()
        report = run(
            getattr(SETS[name](), asked.split)(),
            asked.models.split(","),
            trainer(settings),
            settings,
            ks=(10, 20),
            max_requests=asked.max_requests,
        )
        console.rule(f"{name}, {perf_counter() - started:.0f} s")
        console.print(as_table(report))
        found[name] = as_tree(report)
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes the table "How good" of the README from an evaluation, so that nobody types a number.

coldframe evaluate --events src/coldframe/demo/data/events.parquet --items src/coldframe/demo/data/items.parquet \
        --users src/coldframe/demo/data/users.parquet --split time:0.9 --k 10 --k 20 --json evaluation.json
python benchmarks/readme.py evaluation.json
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- evaluation:begin -->", "<!-- evaluation:end -->"
COLUMNS = ("ndcg@10", "recall@20", "hit_rate@10", "coverage@10")
SLICES = {
    "user:0": "0 events",
    "user:1": "1 event",
    "user:2-5": "2–5 events",
    "user:6-20": "6–20 events",
    "user:>20": "more than 20 events",
}


def table(report: dict[str, Any]) -> str:
    """Return the report as Markdown: models with intervals, then NDCG@10 by user history."""
    models = report["models"]
    counts = report["n"]
    lines = [
        f"Online Retail II, `coldframe evaluate --split time:0.9`: {counts['requests']:,} visits of "
        f"{counts['users']:,} customers among {counts['items']:,} products, full ranking, 95 % intervals.",
        "",
        f"| model | {' | '.join(COLUMNS)} |",
        f"|---|{'---|' * len(COLUMNS)}",
        *(
            f"| {name} | {' | '.join(_interval(numbers[column]) for column in COLUMNS)} |"
            for name, numbers in models.items()
        ),
        "",
        f"| NDCG@10 by history | visits | {' | '.join(models)} |",
        f"|---|---|{'---|' * len(models)}",
    ]
    for name, words in SLICES.items():
        if name in report["slices"]:
            values = (f"{report['slices'][name][model]['ndcg@10']['value']:.3f}" for model in models)
            lines.append(f"| {words} | {report['slice_requests'][name]:,} | {' | '.join(values)} |")
    return "\n".join(lines)


def _row(name: str, numbers: dict[str, Any]) -> str:
    return f"| {name} | {' | '.join(_interval(numbers[column]) for column in COLUMNS)} |"


def _interval(number: dict[str, float]) -> str:
    return f"{number['value']:.3f} ({number['low']:.3f}–{number['high']:.3f})"


def main(path: str) -> None:
    """Rewrite the README's table."""
    text = README.read_text(encoding="utf-8")
    made = f"{BEGIN}\n{table(json.loads(Path(path).read_text(encoding='utf-8')))}\n{END}"
    README.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: made, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

"""Write docs/benchmarks.md from what `quality.py --keep` and `new_users.py` found.

    python benchmarks/pages.py

Every number of the page is in `results/`, with the settings, the seed and the seconds that it took.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from datasets import SETS

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
METRICS = ("ndcg@10", "ndcg@20", "recall@20", "hit_rate@10", "coverage@10", "tail@10", "diversity@10", "young@10")
HEAD = """# Benchmarks: how good are the lists?

Made by `python benchmarks/pages.py` from `benchmarks/results/`; no number here is typed by hand. Every model ranks the
whole catalogue for the same questions (docs/evaluation.md says how they are asked), never against sampled negatives.
Settings stand in `benchmarks/settings/`: those with a score beside them were found by `benchmarks/tune.py`, the others
were set by hand on development splits; neither has seen more than the training side of a split. A result is as old as
its file: the code may have changed since. Peers are tuned on the development split of the same set, in the seconds
named.

`hybrid` is what a training would serve, `exposed` the same with its slots for young items, `switch` the best tuned hard
switch, `blend` the learned fixed blend of the same experts, `softmax` the seed article's mixer. *vs hybrid* is how much
better the hybrid is in NDCG@10, paired, 95 % over whole users; bold where the interval is above 0.
"""


def main() -> None:
    """Write the page."""
    parts = [HEAD]
    for name, make in SETS.items():
        runs = [
            json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "results").glob(f"{name}-*.json"))
        ]
        if runs:
            parts.append(_section(name, (make.__doc__ or "").strip(), runs))
    path = HERE / "results" / "new_users.json"
    if path.exists():
        parts.append(_new_users(json.loads(path.read_text(encoding="utf-8"))))
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _section(name: str, about: str, runs: list[dict[str, Any]]) -> str:
    first = runs[0]
    n, facts = first["n"], first["facts"]
    lines = [f"## {name}", "", about.replace("\n", " "), ""]
    lines.append(
        f"{n['requests']:,} questions of {n['users']:,} users among {n['items']:,} items; "
        f"seeds {', '.join(str(run['seed']) for run in runs)}; {first['wall_seconds']} s, of which fitting "
        f"{first['seconds']['fitting']:.0f} s."
    )
    if "repeats_are_candidates" in facts:
        lines.append(f"What a user had before {'is' if facts['repeats_are_candidates'] else 'is not'} a candidate.")
    lines += ["", *_main_table(runs), "", *_slice_table(first), "", *_peers(first)]
    return "\n".join(lines) + "\n"


def _main_table(runs: list[dict[str, Any]]) -> Iterable[str]:
    """Return one row per model: means over the seeds, and the first seed's paired gap."""
    metrics = [metric for metric in METRICS if metric in runs[0]["models"]["hybrid"]]
    yield _row("model", *metrics, "vs hybrid")
    yield _row("---", *["--:"] * (len(metrics) + 1))
    for model in runs[0]["models"]:
        values = [
            _mean(run["models"][model][metric]["value"] for run in runs if model in run["models"]) for metric in metrics
        ]
        yield _row(model, *values, _gap(runs[0]["differences"].get(model)))


def _slice_table(run: dict[str, Any]) -> Iterable[str]:
    """Return NDCG by slice for every model; * where the hybrid is better, ! where it is worse, both beyond doubt.

    It is NDCG@10, and where warm and cold lists are asked apart NDCG@20, as such splits are published.
    """
    slices = [name for name in run["slices"] if name != "overall"]
    metric = "ndcg@20" if {"warm", "cold"} <= {*slices} else "ndcg@10"
    if slices:
        yield _row(metric.upper(), *(f"{name} ({run['slice_requests'][name]:,})" for name in slices))
        yield _row("---", *["--:"] * len(slices))
        for model in run["models"]:
            yield _row(model, *(_in_slice(run, name, model, metric) for name in slices))


def _in_slice(run: dict[str, Any], name: str, model: str, metric: str) -> str:
    value = run["slices"][name][model][metric]["value"]
    gap = run["slice_differences"][name].get(model)
    if gap is None:
        return _number(value)
    difference = gap[metric]["difference"]
    return _number(value) + ("\\*" if (difference["low"] or 0) > 0 else "!" if (difference["high"] or 0) < 0 else "")


def _peers(run: dict[str, Any]) -> Iterable[str]:
    for name, chosen in run["peers"].items():
        yield f"- {name}: `{json.dumps(chosen, ensure_ascii=False)}`"


def _new_users(found: Mapping[str, list[dict[str, Any]]]) -> str:
    lines = [
        "## New users",
        "",
        "People the training never saw, known by their first events; `benchmarks/new_users.py`.",
        "",
    ]
    for name, rows in found.items():
        models = list(rows[-1]["ndcg@10"])
        gaps = [key for key in rows[-1] if key.startswith("over ")]
        lines += [_row(name, "users", *models, *gaps), _row("---", *["--:"] * (1 + len(models) + len(gaps)))]
        for row in rows:
            values = [_number(row["ndcg@10"].get(model)) for model in models]
            lines.append(
                _row(f"{row['known']} known", f"{row['users']:,}", *values, *(_range(row.get(key)) for key in gaps))
            )
        lines.append("")
    return "\n".join(lines)


def _gap(compared: dict[str, Any] | None) -> str:
    if compared is None:
        return ""
    gap = compared["ndcg@10"]["relative"]
    text = _range([gap["value"], gap["low"], gap["high"]])
    return f"**{text}**" if (gap["low"] or 0) > 0 else text


def _range(gap: list[float | None] | None) -> str:
    if gap is None or any(value is None for value in gap):
        return "–"
    value, low, high = (float(each or 0) for each in gap)
    return f"{value:+.1%} [{low:+.1%}, {high:+.1%}]"


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return _number(sum(known) / len(known)) if known else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

"""From a log to a bundle: import, train, peak memory, and whether two trainings agree to the byte.

    python benchmarks/first_flow.py

Imports the shipped shop (every event), trains twice on the default window with one seed, and asks the bundle for lists
singly and in a batch. Prints seconds, memory and what was equal.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from coldframe.demo.shipped import SHIPPED

PROBE = """
import resource, sys
from coldframe.cli import app
try:
    app(sys.argv[1:], standalone_mode=True)
finally:
    print("peak_kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
AGREE = """
import sys
from coldframe.cli.project import Project
from coldframe.settings import load
from pathlib import Path
config = Path(sys.argv[1]) / "coldframe.toml"
with Project(config, load(config)).engine() as engine:
    people = sys.argv[2:]
    many = engine.recommend_many(people)
    one = [engine.recommend(person) for person in people]
    print(all(a.items == b.items for a, b in zip(many, one, strict=True)))
"""


def run(*arguments: str) -> tuple[float, int, str]:
    """Run one command in a process of its own; return its seconds, its peak memory in MiB and what it printed."""
    started = perf_counter()
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    peak = int(done.stderr.rsplit("peak_kib", 1)[1].split()[0]) // 1024
    return perf_counter() - started, peak, done.stdout


def main() -> None:
    """Print every figure."""
    with TemporaryDirectory() as folder:
        config = str(Path(folder) / "shop" / "coldframe.toml")
        run("init", str(Path(folder) / "shop"))
        for kind, file in (("users", SHIPPED.users), ("items", SHIPPED.items)):
            run("import", kind, str(file), "--config", config)
        seconds, peak, out = run("import", "events", str(SHIPPED.events), "--config", config, "--json")
        print(f"import: {json.loads(out)[0]['accepted']:,} events in {seconds:.1f} s, peak {peak:,} MiB")
        bundles = []
        for attempt in (1, 2):
            seconds, peak, out = run("train", "--config", config, "--json")
            result = json.loads(out)["result"]
            bundles.append(result["bundle"])
            print(
                f"train {attempt}: {result['bundle']} in {seconds:.1f} s, peak {peak:,} MiB, serves {result['serves']}"
            )
        print(f"two trainings, one bundle: {bundles[0] == bundles[1]}")
        people = ["12346", "17850", "nobody-yet", "14911"]
        agree = [sys.executable, "-c", AGREE, str(Path(folder) / "shop"), *people]
        print(
            f"batch equals single: {subprocess.run(agree, capture_output=True, text=True, check=True).stdout.strip()}"
        )


if __name__ == "__main__":
    main()

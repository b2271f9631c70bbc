"""Events to shuffled training shards: seconds, events per CPU-second and peak memory, on a generated log.

    python benchmarks/pipeline.py [--events N] [--format parquet|tfrecord] [--repeats N]

1 million users, 100,000 items, 100 days of which the window holds 90, 1:3 negatives. Each run is a process of its own,
so that its start-up counts and its peak memory is its own. The log is generated beside the results and kept there.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from logs import generate
from rich.console import Console
from rich.table import Table

FOLDER = Path(tempfile.gettempdir()) / "coldframe-bench"
FLAGS = ("--set", "negatives.large_catalogue=1000000000", "--set", "training.threads=2")
WATCHED = """
import json, resource, sys, time
from coldframe.cli import main
started = time.perf_counter()
sys.argv = ["coldframe", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
spent = resource.getrusage(resource.RUSAGE_SELF)
seconds = time.perf_counter() - started
facts = {"wall": seconds, "cpu": spent.ru_utime + spent.ru_stime, "peak_mb": spent.ru_maxrss / 1024}
print(json.dumps(facts), file=sys.stderr)
"""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--format", choices=("parquet", "tfrecord"), default="parquet")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    log = FOLDER / f"log-{asked.events}"
    generate(log, events=asked.events, users=1_000_000, items=100_000)
    table = Table(title=f"{asked.events:,} events, {asked.format}", title_justify="left")
    for name in ("run", "wall s", "CPU s", "events per CPU s", "peak MiB", "rows", "fingerprint", "steps"):
        table.add_column(name, justify="right")
    for number in range(asked.repeats):
        sink = FOLDER / "rows"
        shutil.rmtree(sink, ignore_errors=True)
        spent, report = _run(log, sink, asked.format)
        steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in report["seconds"].items())
        table.add_row(
            str(number + 1),
            f"{spent['wall']:.1f}",
            f"{spent['cpu']:.1f}",
            f"{report['read'] / spent['cpu']:,.0f}",
            f"{spent['peak_mb']:,.0f}",
            f"{report['rows']:,}",
            report["fingerprint"],
            steps,
        )
        shutil.rmtree(sink, ignore_errors=True)
    Console(width=160).print(table)


def _run(log: Path, sink: Path, kind: str) -> tuple[dict[str, float], dict]:
    command = [sys.executable, "-c", WATCHED, "pipeline", "run", "--source", str(log), "--sink", str(sink)]
    command += ["--as-of", "2026-06-01T00:00Z", "--seed", "7", "--format", kind, "--json", *FLAGS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stderr.splitlines()[-1]), json.loads(done.stdout)


if __name__ == "__main__":
    main()

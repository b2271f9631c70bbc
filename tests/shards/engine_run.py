"""One run of one engine, in the environment that has it: what it reports, or the error it ends with, as JSON.

python engine_run.py ENGINE SOURCE SINK [OPTION ...]
"""

import json
import sys
from pathlib import Path

import msgspec
from shard_worlds import PLAN, SMALL

from coldframe.errors import ColdframeError
from coldframe.shards.beam import run_beam
from coldframe.shards.local import run_local
from coldframe.shards.report import Report
from coldframe.shards.source import event_files
from coldframe.shards.spark import run_spark
from coldframe.shards.writing import Sink


def quiet(step: str, done: int, n: int) -> None:
    """Say how far a run is where the test looks for it."""
    sys.stderr.write(f"{step} {done} {n}\n")


def run(engine: str, source: str, sink: str, options: list[str]) -> Report:
    files, to = event_files(source), Sink(Path(sink), "parquet")
    if engine == "local":
        return run_local(files, to, PLAN, threads=2, progress=quiet, sizes=SMALL)
    if engine == "beam":
        return run_beam(files, to, PLAN, runner=options[0], options=options[1:], progress=quiet, sizes=SMALL)
    settings = dict(option.split("=", 1) for option in options[1:])
    return run_spark(files, to, PLAN, master=options[0], options=settings, progress=quiet, sizes=SMALL)


if __name__ == "__main__":
    try:
        answer = msgspec.json.encode(run(*sys.argv[1:4], sys.argv[4:])).decode()
    except ColdframeError as error:
        answer = json.dumps({"error": type(error).__name__, "message": str(error)})
    sys.stdout.write(f"{answer}\n")

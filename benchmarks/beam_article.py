"""An article's pipeline on Beam, with a dict per event, beside coldframe's pipeline on Beam and on one machine.

    .venv-engines/bin/python benchmarks/beam_article.py [--events 1000000]

The baseline filters the last 90 days, weighs by type, draws three negatives evenly per event, encodes each row as a
tf.train.Example, reshuffles and writes TFRecord files; coldframe writes TFRecord, too, with three negatives per liking
event. Each contender runs in a process of its own; its CPU seconds are those of that process and its children, start-up
included, and again for the smallest log to tell start-up apart. How many records each wrote is counted in its files.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from logs import END, generate

WEIGHTS = {"view": 1.0, "click": 2.0, "add_to_cart": 3.0, "purchase": 5.0, "rating_1": -0.5}
NEGATIVES = 3
TARGETS = {"coldframe on Beam": 20, "coldframe, one machine": 50}
"""Times the article's events per CPU-second, at a million events, that are asked for."""
START_UP = 1_000
"""Events of a run that is next to nothing but start-up."""
CONTENDERS = ("article on Beam", "coldframe on Beam", "coldframe, one machine")


def dicts(path: str) -> Iterator[dict]:
    """Yield a file's events, each a dict."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def recent(event: dict, since: datetime) -> bool:
    """Return whether an event is of the last 90 days."""
    return event["timestamp"] >= since


def weighed(event: dict) -> dict:
    """Return the event with its weight."""
    return {**event, "weight": WEIGHTS.get(event["event_type"], 1.0)}


def with_negatives(event: dict, n_items: int) -> Iterator[dict]:
    """Yield the event as a positive and three random items as negatives."""
    yield {**event, "label": 1.0}
    for _ in range(NEGATIVES):
        item = f"i{random.randrange(n_items):06d}"
        if item != event["item_id"]:
            yield {**event, "item_id": item, "label": 0.0}


def example_class() -> type:
    """Return a message class with the wire format of tf.train.Example, without TensorFlow."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tf", syntax="proto3")

    def message(name: str, *fields: tuple) -> None:
        made = file.message_type.add(name=name)
        for number, (field, kind, repeated, type_name) in enumerate(fields, 1):
            label = 3 if repeated else 1
            made.field.add(name=field, number=number, type=kind, label=label, type_name=type_name or None)

    message("BytesList", ("value", 12, True, ""))
    message("FloatList", ("value", 2, True, ""))
    message("Int64List", ("value", 3, True, ""))
    kinds = ("BytesList", "FloatList", "Int64List")
    message("Feature", *((f"{kind[:-4].lower()}_list", 11, False, f".tf.{kind}") for kind in kinds))
    message("Features", ("feature", 11, True, ".tf.Features.FeatureEntry"))
    entry = file.message_type[-1].nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=11, label=1, type_name=".tf.Feature")
    message("Example", ("features", 11, False, ".tf.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tf.Example"))


EXAMPLE: list[type] = []
"""The message class, made once in each process."""


def encoded(row: dict) -> bytes:
    """Return a row as the bytes of an Example."""
    if not EXAMPLE:
        EXAMPLE.append(example_class())
    example = EXAMPLE[0]()
    feature = example.features.feature
    feature["user_id"].bytes_list.value.append(row["user_id"].encode())
    feature["item_id"].bytes_list.value.append(row["item_id"].encode())
    feature["label"].float_list.value.append(row["label"])
    feature["weight"].float_list.value.append(row["weight"])
    feature["timestamp"].int64_list.value.append(round(row["timestamp"].timestamp()))
    return example.SerializeToString()


def run_article(files: list[Path], out: Path, n_items: int) -> None:
    """Run the baseline in memory."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        _ = (
            pipeline
            | beam.Create([str(path) for path in files])
            | beam.FlatMap(dicts)
            | beam.Filter(recent, END - timedelta(days=90))
            | beam.Map(weighed)
            | beam.FlatMap(with_negatives, n_items)
            | beam.Map(encoded)
            | beam.Reshuffle()
            | beam.io.WriteToTFRecord(str(out / "rows"), file_name_suffix=".tfrecord")
        )


def run_ours(files: list[Path], out: Path, engine: str) -> None:
    """Run coldframe's pipeline on the same files."""
    from coldframe.settings import Settings
    from coldframe.shards.beam import run_beam
    from coldframe.shards.local import run_local
    from coldframe.shards.plan import Plan
    from coldframe.shards.writing import Sink

    plan, sink = Plan.of(Settings(), as_of=END, days=90, seed=1), Sink(out, "tfrecord")
    if engine == CONTENDERS[1]:
        run_beam(files, sink, plan, runner="FnApiRunner", options=(), progress=lambda *_: None)
    else:
        run_local(files, sink, plan, threads=2, progress=lambda *_: None)


def n_records(folder: Path) -> int:
    """Return how many records the TFRecord files of a folder hold, by their lengths."""
    found = 0
    for path in folder.glob("*.tfrecord*"):
        data, at = path.read_bytes(), 0
        while at < len(data):
            at += int.from_bytes(data[at : at + 8], "little") + 16
            found += 1
    return found


def one(asked: argparse.Namespace) -> None:
    """Run one contender and print what it took."""
    files = sorted(asked.log.glob("*.parquet"))
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as out:
        if asked.contender == CONTENDERS[0]:
            run_article(files, Path(out), asked.items)
        else:
            run_ours(files, Path(out), asked.contender)
        wall = (datetime.now(UTC) - began).total_seconds()
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
        peak = max(usage.ru_maxrss for usage in used) / 1024
        print(json.dumps({"cpu": cpu, "wall": wall, "mb": peak, "records": n_records(Path(out))}))


def measured(contender: str, log: Path, items: int) -> dict:
    """Return what a contender took, in a process of its own."""
    flags = ["--contender", contender, "--log", log, "--items", str(items)]
    done = subprocess.run([sys.executable, __file__, *flags], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(n: int) -> None:
    """Print events per CPU-second of all contenders, and the article's times."""
    users, items = max(100, n // 10), max(100, n // 50)
    with tempfile.TemporaryDirectory() as folder:
        log, little = Path(folder) / "log", Path(folder) / "little"
        generate(log, events=n, users=users, items=items)
        generate(little, events=START_UP, users=users, items=items)
        print(f"{n:,} events to TFRecord; events per CPU-second with start-up and without, and times the article's\n")
        print(f"{'':24}{'records':>11}{'CPU s':>8}{'wall s':>8}{'MB':>7}{'events/s':>12}{'times':>7}", end="")
        print(f"{'no start':>12}{'times':>7}{'asked':>7}")
        first: tuple[float, float] = (0.0, 0.0)
        for name in CONTENDERS:
            measured(name, little, items)  # compiled code is made once and kept
            idle, took = measured(name, little, items), measured(name, log, items)
            pace, net = n / took["cpu"], n / max(took["cpu"] - idle["cpu"], 0.01)
            first = first if any(first) else (pace, net)
            print(f"{name:24}{took['records']:11,}{took['cpu']:8.1f}{took['wall']:8.1f}{took['mb']:7.0f}", end="")
            print(f"{pace:12,.0f}{pace / first[0]:7.1f}{net:12,.0f}{net / first[1]:7.1f}", end="")
            print(f"{TARGETS.get(name, ''):>7}", flush=True)


def main() -> None:
    """Compare, or run one contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--items", type=int, default=2_000, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contender:
        one(asked)
    else:
        compare(asked.events)


if __name__ == "__main__":
    main()

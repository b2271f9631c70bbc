"""Measures TFRecord shards on one core: rows to memory, to a file and back, beside plain Python and protobuf.

    python benchmarks/tfrecord.py [--rows 1000000] [--repeats 5] [--folder DIR]

A row is a training example of five features: user, item, label, weight, timestamp. The folder's disk takes part in what
is measured (default: the working directory); it is left as it was. protobuf is measured only where it is installed.
"""

import argparse
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.shards.crc32c import tables
from coldframe.shards.tfrecord import encode, read_tfrecord, write_tfrecord

Columns = Mapping[str, NDArray[Any]]

PLAIN_ROWS = 20_000
"""Rows that plain Python and protobuf are measured on; both take as long for each row however many there are."""


def made(rows: int) -> Columns:
    """Return rows of five features, nobody's data: ids up to a million, timestamps in microseconds."""
    rng = np.random.default_rng(0)
    return {
        "user": rng.integers(0, 1_000_000, rows),
        "item": rng.integers(0, 1_000_000, rows),
        "label": rng.integers(0, 2, rows).astype(np.float32),
        "weight": rng.random(rows, np.float32),
        "timestamp": rng.integers(1_600_000_000_000_000, 1_700_000_000_000_000, rows),
    }


def pinned() -> int | None:
    """Keep this process on one core where the system can, and return which."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def paced(what: str, rows: int, repeats: int, work: Callable[[], object]) -> None:
    """Print rows a second by the clock and by the processor's time, each the best and the median of some repeats."""
    clocks, works = [], []
    for _ in range(repeats):
        started, worked = perf_counter(), process_time()
        work()
        clocks.append(rows / (perf_counter() - started))
        works.append(rows / (process_time() - worked))
    told = [f"{name} {max(each):>11,.0f} {np.median(each):>11,.0f}" for name, each in (("", clocks), ("CPU", works))]
    print(f"{what:<34} {'   '.join(told)}")


def masked(data: bytes, table: list[int]) -> bytes:
    """Return the masked CRC-32C, a byte at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(message: bytes, table: list[int]) -> bytes:
    """Return a message as a record."""
    length = struct.pack("<Q", len(message))
    return length + masked(length, table) + message + masked(message, table)


def varint(value: int) -> bytes:
    """Return a varint, of ten bytes where the value is negative."""
    out, value = bytearray(), value & (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sized(tag: bytes, content: bytes) -> bytes:
    """Return a field with a length."""
    return tag + varint(len(content)) + content


def feature(value: float) -> bytes:
    """Return a list of one value."""
    if isinstance(value, float):
        return sized(b"\x12", sized(b"\n", struct.pack("<f", value)))
    return sized(b"\x1a", sized(b"\n", varint(value)))


def plain(columns: Columns) -> bytes:
    """Return the records, by plain Python."""
    names, table = sorted(columns), [int(each) for each in tables()[0]]
    keys = [sized(b"\n", name.encode()) for name in names]
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    return b"".join(
        framed(
            sized(
                b"\n",
                b"".join(
                    sized(b"\n", key + sized(b"\x12", feature(value))) for key, value in zip(keys, row, strict=True)
                ),
            ),
            table,
        )
        for row in rows
    )


def example_class() -> Any:
    """Return protobuf's class of `tf.train.Example`, described here."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # pyright: ignore

    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tf", syntax="proto3")

    def add(parent: Any, name: str, **fields: tuple[int, int, int, str]) -> Any:
        made = parent.add(name=name)
        for field, (number, label, kind, of) in fields.items():
            made.field.add(name=field, number=number, label=label, type=kind, type_name=of or None)
        return made

    add(file.message_type, "FloatList", value=(1, 3, 2, ""))
    add(file.message_type, "Int64List", value=(1, 3, 3, ""))
    kinds = add(
        file.message_type, "Feature", float_list=(2, 1, 11, ".tf.FloatList"), int64_list=(3, 1, 11, ".tf.Int64List")
    )
    kinds.oneof_decl.add(name="kind")
    for field in kinds.field:
        field.oneof_index = 0
    features = add(file.message_type, "Features", feature=(1, 3, 11, ".tf.Features.FeatureEntry"))
    entry = add(features.nested_type, "FeatureEntry", key=(1, 1, 9, ""), value=(2, 1, 11, ".tf.Feature"))
    entry.options.map_entry = True
    add(file.message_type, "Example", features=(1, 1, 11, ".tf.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tf.Example"))


def by_protobuf(columns: Columns) -> list[bytes]:
    """Return the messages, neither framed nor with checksums, by protobuf."""
    example, names, messages = example_class(), sorted(columns), []
    for row in zip(*(columns[name].tolist() for name in names), strict=True):
        message = example()
        for name, value in zip(names, row, strict=True):
            one = message.features.feature[name]
            (one.float_list if isinstance(value, float) else one.int64_list).value.append(value)
        messages.append(message.SerializeToString(deterministic=True))
    return messages


def beside(columns: Columns, repeats: int) -> None:
    """Measure what others take for the same bytes."""
    few = {name: column[:PLAIN_ROWS] for name, column in columns.items()}
    rows, whole = len(few["user"]), bytes(encode(few))
    assert plain(few) == whole
    paced("plain Python, to memory", rows, repeats, lambda: plain(few))
    if find_spec("google") is None or find_spec("google.protobuf") is None:
        print("protobuf is not installed")
        return
    table = [int(each) for each in tables()[0]]
    assert b"".join(framed(message, table) for message in by_protobuf(few)) == whole
    paced("protobuf, messages alone, to memory", rows, repeats, lambda: by_protobuf(few))


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    given = parser.parse_args()
    core, columns = pinned(), made(given.rows)
    size = encode(columns).size / given.rows
    print(f"{os.cpu_count()} cores, this one: {core}, load {os.getloadavg()[0]:.1f}; {size:.1f} bytes a record")
    print("records a second: best and median by the clock, then by the processor's time")
    with tempfile.TemporaryDirectory(dir=given.folder, prefix=".bench-") as folder:
        path = Path(folder) / "rows.tfrecord"
        paced("encode, to memory", given.rows, given.repeats, lambda: encode(columns))
        paced("write_tfrecord, synced", given.rows, given.repeats, lambda: write_tfrecord(path, columns))
        found = read_tfrecord(path, rows=given.rows)
        assert all(np.array_equal(found[name], column) for name, column in columns.items())
        paced("read_tfrecord", given.rows, given.repeats, lambda: read_tfrecord(path))
    beside(columns, given.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())

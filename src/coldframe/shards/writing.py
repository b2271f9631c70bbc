"""Shards and the manifest that publishes them: nothing is there until the manifest is, and then all of it is.

Owns names, order and atomicity in the sink's folder. Never knows which engine made the rows.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coldframe import disk
from coldframe.clock import generator
from coldframe.errors import InputError
from coldframe.shards.encoded import Vocabularies
from coldframe.shards.rows import Columns, Rows, fingerprint

Format = Literal["parquet", "tfrecord"]
MANIFEST = "manifest.json"
VERSION = 1


class Shard(msgspec.Struct, frozen=True):
    """One file of rows: its name, how many rows and bytes it has, and the fingerprint of the rows."""

    name: str
    rows: int
    bytes: int
    sha256: str
    fingerprint: int


@dataclass(frozen=True)
class Sink:
    """A folder that gets one run's rows."""

    folder: Path
    format: Format

    def open(self) -> None:
        """Make the folder ready: what an interrupted run left is removed.

        Raises `InputError` when another run is published there, `StoreError` when the disk refuses.
        """
        if (self.folder / MANIFEST).exists():
            raise InputError(f"{self.folder} holds a published run.", remedy="Name another folder for this one.")
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in {*self.folder.glob("shard-*"), *self.folder.glob("*.parquet"), *self.folder.glob(".*.tmp")}:
                left.unlink()

    def write(self, number: int, n_shards: int, rows: Rows, seed: int) -> Shard:
        """Shuffle a shard's rows by the seed and write them; a half-written file never has the name of a shard."""
        order = generator(seed, "shuffle", str(number)).permutation(len(rows))
        name = f"shard-{number:05d}-of-{n_shards:05d}.{self.format}"
        columns = Columns.of(rows, order)
        self._whole(name, _WRITERS[self.format](columns))
        data = self.folder / name
        with data.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Shard(name, len(rows), data.stat().st_size, digest, fingerprint(columns))

    def publish(self, names: Vocabularies, facts: Mapping[str, Any], shards: list[Shard]) -> None:
        """Write the vocabularies and, last, the manifest; what workers that died had begun is removed."""
        with disk_errors(self.folder):
            for left in self.folder.glob(".*.tmp"):
                left.unlink(missing_ok=True)
        for kind, vocabulary in (("users", names.users), ("items", names.items)):
            table = pa.table({"row": np.arange(len(vocabulary), dtype=np.int32), "id": vocabulary})
            self._whole(f"{kind}.parquet", lambda path, table=table: pq.write_table(table, path, compression="zstd"))
        total = sum(shard.fingerprint for shard in shards) % 2**64
        body = {"version": VERSION, "format": self.format, **facts}
        body |= {"rows": sum(shard.rows for shard in shards), "fingerprint": f"{total:016x}", "shards": shards}
        text = msgspec.json.format(msgspec.json.encode(body), indent=1)
        self._whole(MANIFEST, lambda path: path.write_bytes(text))
        with disk_errors(self.folder):
            disk.sync(self.folder)

    def _whole(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a file beside its place, make sure that it is on the disk, and give it its name.

        Two workers may do so at once, where an engine takes one of them for dead: each has a file of its own.
        """
        path = self.folder / f".{name}.{secrets.token_hex(8)}.tmp"
        with disk_errors(self.folder / name):
            try:
                write(path)
                disk.sync(path)
                path.replace(self.folder / name)
            finally:
                path.unlink(missing_ok=True)


disk_errors = partial(disk.refusals, remedy="Make room or name another folder, and run again: nothing was published.")


def as_arrow(rows: Columns) -> Any:
    """Return rows as a table, their time as a timestamp."""
    columns = dict(zip(Columns._fields, (pa.array(column) for column in rows), strict=True))
    return pa.table(columns | {"timestamp": columns["timestamp"].cast(pa.timestamp("us", "UTC"))})


_COUNTED: Any = ["weight", "probability"]
_PACKED: Any = dict.fromkeys(("user", "item", "label", "timestamp", "user_count", "item_count"), "DELTA_BINARY_PACKED")
"""Whole numbers take the bits they need, the few distinct floats a dictionary: as small as compression makes shuffled
rows, in less time.
"""


def _parquet(rows: Columns) -> Callable[[Path], object]:
    how: Any = {"use_dictionary": _COUNTED, "column_encoding": _PACKED}
    return lambda path: pq.write_table(as_arrow(rows), path, compression="none", write_statistics=False, **how)


def _tfrecord(rows: Columns) -> Callable[[Path], object]:
    from coldframe.shards.tfrecord import write_tfrecord

    columns = rows._asdict() | {"label": rows.label.astype(np.float32)}
    return lambda path: write_tfrecord(path, columns)


_WRITERS: dict[Format, Callable[[Columns], Callable[[Path], object]]] = {"parquet": _parquet, "tfrecord": _tfrecord}

"""A copy is whole or not there; a killed run's is taken up by the same question, and by no other."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coldframe.errors import InputError, StoreError
from coldframe.sources.stage import ROWS_PER_GROUP, File, Record, completed, opened, write_rows
from coldframe.testing.full_disk import no_file_larger_than

SCHEMA = pa.schema([("n", pa.int64())])
MANY = (ROWS_PER_GROUP,) * 3
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def batches(*sizes):
    start = 0
    for size in sizes:
        yield pa.record_batch([pa.array(range(start, start + size), pa.int64())], schema=SCHEMA)
        start += size


def written(folder, rows, **how):
    told = []
    files = write_rows(rows, SCHEMA, folder, source="db", progress=told.append, **{"rows_per_file": None, **how})
    return files, told


@pytest.mark.parametrize(
    ("sizes", "rows_per_file", "n_files"),
    [((), None, 1), ((3,), None, 1), ((3, 4), None, 1), (MANY, 1, 3), (MANY, None, 1)],
)
def test_every_row_is_there_in_order(tmp_path, sizes, rows_per_file, n_files):
    files, told = written(tmp_path, batches(*sizes), rows_per_file=rows_per_file)
    assert [file.name for file in files] == [f"rows-{number:05d}.parquet" for number in range(n_files)]
    assert all((tmp_path / file.name).stat().st_size == file.bytes for file in files)
    found = pa.concat_tables(pq.read_table(tmp_path / file.name) for file in files)
    assert found["n"].to_pylist() == list(range(sum(sizes)))
    assert found.schema.equals(SCHEMA)
    assert told == sorted(told)
    assert told[-1:] == [sum(sizes)][: len(told)]


def test_small_batches_wait_for_each_other_and_no_more_are_read_than_fit(tmp_path):
    taken = []

    def counted():
        for batch in batches(*[ROWS_PER_GROUP // 4] * 9):
            taken.append(batch.num_rows)
            yield batch

    ahead = []
    write_rows(
        counted(),
        SCHEMA,
        tmp_path,
        source="db",
        rows_per_file=None,
        progress=lambda rows: ahead.append(sum(taken) - rows),
    )
    assert pq.ParquetFile(tmp_path / "rows-00000.parquet").num_row_groups == 3
    assert max(ahead) == 0


def test_columns_that_change_on_the_way_are_refused(tmp_path):
    def changing():
        yield from batches(ROWS_PER_GROUP)
        yield pa.record_batch({"n": pa.array(["one"])})

    with pytest.raises(InputError, match="db changed its columns"):
        written(tmp_path, changing())


def test_a_full_disk_is_named(tmp_path):
    with no_file_larger_than(20_000), pytest.raises(StoreError, match="rows-00000"):
        written(tmp_path, batches(*[ROWS_PER_GROUP] * 4))


def complete(folder, question="what?"):
    assert opened(folder, question) is None
    (folder / "a.parquet").write_bytes(b"abc")
    completed(folder, Record(question, NOW, [File("a.parquet", 3, "db")]))


def test_what_a_killed_run_left_is_taken_up(tmp_path):
    complete(tmp_path / "copy")
    left = opened(tmp_path / "copy", "what?")
    assert left is not None
    assert left.read_at == NOW
    assert [file.name for file in left.files] == ["a.parquet"]


@pytest.mark.parametrize("fault", ["another question", "cut file", "no file", "cut record", "no record"])
def test_what_is_not_the_whole_answer_is_thrown_away(tmp_path, fault):
    folder = tmp_path / "copy"
    complete(folder)
    record, file = folder / "complete.json", folder / "a.parquet"
    {
        "another question": lambda: None,
        "cut file": lambda: file.write_bytes(b"ab"),
        "no file": file.unlink,
        "cut record": lambda: record.write_bytes(record.read_bytes()[:-3]),
        "no record": record.unlink,
    }[fault]()
    assert opened(folder, "what else?" if fault == "another question" else "what?") is None
    assert list(folder.iterdir()) == []

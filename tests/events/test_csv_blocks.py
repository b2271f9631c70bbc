"""A CSV file read many lines at once is what it is row by row, and special lines keep their numbers."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coldframe.events import csv_blocks, csv_table
from coldframe.events.csv_table import CsvTable

FIELDS = st.sampled_from(
    [b"", b"1", b"a b", b" x", "né".encode(), b"\xff", b'"q"', b'5" wide', b'"two\nlines"', b"\x00"]
)
LINES = st.lists(st.lists(FIELDS, min_size=0, max_size=4).map(b",".join), max_size=12)
PLAIN = st.lists(
    st.lists(st.sampled_from([b"", b"1", b"a b", b"z"]), min_size=3, max_size=3).map(b",".join), max_size=12
)
ENDINGS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def read(text: bytes) -> tuple[pl.DataFrame, list[int], list[tuple[int, str, str]]]:
    """Return the rows of a file, their lines, and the rows that are broken, in order of their lines."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(text)
        batches = list(CsvTable(path).batches(["c", "a"]))
    blank = pl.DataFrame(schema={"c": pl.String, "a": pl.String})
    lines = [line for batch in batches for line in batch.lines]
    broken = sorted(each for batch in batches for each in batch.broken)
    return pl.concat([blank, *(batch.frame for batch in batches)]), lines, broken


@settings(max_examples=300, deadline=None)
@given(lines=st.one_of(LINES, PLAIN), ending=ENDINGS, last=st.booleans(), block=st.sampled_from([1, 7, 20, 1 << 20]))
@example(lines=[b",,\xff", b","], ending=b"\n", last=False, block=1)
@example(lines=[b"1,2,3", b"4,5", b"", b"6,7,8"], ending=b"\n", last=True, block=1)
@example(lines=[b"1,2,3", b"\xef\xbb\xbf4,5,6", b"7,8,9"], ending=b"\n", last=True, block=1)
@example(lines=[b"1,2,3", b"", b'4,"5",6', b"7,8", b"9,9,9"], ending=b"\n", last=False, block=7)
def test_what_is_read_at_once_is_what_is_read_row_by_row(lines, ending, last, block):
    text = ending.join([b"a,b,c", *lines]) + (ending if last else b"")
    with mock.patch.object(csv_blocks, "BLOCK_BYTES", block):
        found = read(text)
    with mock.patch.object(csv_table, "is_simple", return_value=False):
        expected = read(text)
    assert found[0].equals(expected[0])
    assert found[1:] == expected[1:]


def test_plain_lines_are_not_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("row by row")

    text = b"a,b,c\n" + b"1,2,3\r\n" * 1_000 + b",,9"
    monkeypatch.setattr(csv_table, "_batch", never)
    frame, lines, broken = read(text)
    assert frame.rows()[-2:] == [("3", "1"), ("9", None)]
    assert (lines[0], lines[-1], broken) == (2, 1_002, [])


def test_one_special_line_does_not_slow_the_blocks_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", 600)
    text = b"a,b,c\n" + b"1,2,3\n" * 150 + b"4,5\n" + b"6,7,8\n" * 850
    whole = read(text)
    by_row, batch = [], csv_table._batch

    def noted(chunk: csv_table._Chunk, chosen: dict[str, int]) -> object:
        by_row.append(len(chunk.rows))
        return batch(chunk, chosen)

    monkeypatch.setattr(csv_table, "_batch", noted)
    again = read(text)
    assert again[0].equals(whole[0])
    assert [(each.line, each.reason) for each in again[2]] == [(152, "has fewer fields than the header")]
    assert sum(by_row) <= 100

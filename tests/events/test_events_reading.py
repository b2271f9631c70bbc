"""Files as events: what every format may hold, what is refused and on which line."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coldframe.errors import ColumnError, InputError
from coldframe.events.event_rows import EventRows
from coldframe.events.files import open_table
from coldframe.events.frame_table import FrameTable
from coldframe.events.reading import read_events
from coldframe.events.schema import EVENT_COLUMNS, TIME
from coldframe.events.table import MAX_KEPT, Refused

GOOD: dict[str, Any] = {"user_id": "u", "item_id": "i", "event_type": "view", "timestamp": "2020-01-02T03:04:05Z"}
MOMENT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


def rows_of(table_or_path: Any, **options: Any) -> tuple[pl.DataFrame, Refused]:
    table = open_table(table_or_path) if isinstance(table_or_path, Path) else FrameTable(table_or_path)
    rows = EventRows(table, **options)
    return pl.concat([pl.DataFrame(schema=EVENT_COLUMNS), *rows.frames()]), rows.refused


def one(**changes: Any) -> tuple[pl.DataFrame, Refused]:
    row = {**GOOD, **changes}
    return rows_of(
        pl.DataFrame({name: value if isinstance(value, pl.Series) else [value] for name, value in row.items()})
    )


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(refused: Refused) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in refused.kept]


def test_a_row_becomes_exactly_the_columns_of_the_schema() -> None:
    found, refused = one()
    assert found.schema == pl.Schema(EVENT_COLUMNS)
    assert found.row(0)[1:6] == ("u", None, "i", "view", MOMENT)
    assert len(refused) == 0


@pytest.mark.parametrize(
    ("given", "micros"),
    [
        (pl.Series([MOMENT], dtype=TIME), 0),
        (pl.Series([MOMENT.replace(tzinfo=None)], dtype=pl.Datetime("ms")), 0),
        (pl.Series([MOMENT.replace(tzinfo=None)], dtype=pl.Datetime("ns")), 0),
        (pl.Series([MOMENT]).dt.convert_time_zone("Asia/Kathmandu"), 0),
        (pl.Series([MOMENT.date()]), -(3 * 3600 + 4 * 60 + 5) * 10**6),
        (1577934245, 0),
        (1577934245.5, 500_000),
        (1577934245500, 500_000),
        (1577934245500123, 500_123),
        (1577934245500123000, 500_123),
        (pl.Series([1577934245], dtype=pl.UInt32), 0),
        ("1577934245", 0),
        ("1577934245.5", 500_000),
        ("1577934245500", 500_000),
        ("2020-01-02T03:04:05Z", 0),
        ("2020-01-02 03:04:05", 0),
        ("2020-01-02T03:04", -5_000_000),
        ("2020-01-02", -(3 * 3600 + 4 * 60 + 5) * 10**6),
        ("2020-01-02T03:04:05.123456789Z", 123_456),
        ("2020-01-02t03:04:05,5z", 500_000),
        ("2020-01-02T05:34:05+02:30", 0),
        ("2020-01-01T22:04:05-0500", 0),
        ("2020-01-02 03:04:05 UTC", 0),
        ("2020-01-02T04:04:05+01", 0),
    ],
)
def test_times(given: Any, micros: int) -> None:
    found, refused = one(timestamp=given)
    assert lines(refused) == []
    assert found["timestamp"].dt.epoch("us")[0] - int(MOMENT.timestamp()) * 10**6 == micros


def test_the_median_decides_the_unit_of_a_whole_column() -> None:
    seconds = [1577934245, 1577934246, 1577934245000]
    found, refused = rows_of(pl.DataFrame({**GOOD, "timestamp": seconds}))
    assert found.height == 2
    assert lines(refused) == [(3, "timestamp is before 1970 or after 2199")]


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("user_id", 12346, "12346"),
        ("user_id", 12346.0, "12346"),
        ("user_id", pl.Series([2**64 - 1], dtype=pl.UInt64), "18446744073709551615"),
        ("user_id", pl.Series([2**100], dtype=pl.Int128), str(2**100)),
        ("user_id", pl.Series(["a"], dtype=pl.Categorical), "a"),
        ("item_id", "007", "007"),
        ("item_id", " a ", " a "),
        ("item_id", "é" * 256, "é" * 256),
        ("event_type", "rating_4", "rating_4"),
    ],
)
def test_ids(name: str, given: Any, text: str) -> None:
    found, refused = one(**{name: given})
    assert lines(refused) == []
    assert found[name].to_list() == [text]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"item_id": None}, "item_id is missing"),
        ({"item_id": ""}, "item_id is empty"),
        ({"item_id": "é" * 257}, "item_id is longer than 512 bytes"),
        ({"item_id": "a\x00b"}, "item_id holds NUL"),
        ({"item_id": 1.5}, "item_id is a float that is no exact whole number"),
        ({"item_id": float("inf")}, "item_id is a float that is no exact whole number"),
        ({"item_id": 2.0**53}, "item_id is a float that is no exact whole number"),
        ({"item_id": float("nan")}, "item_id is missing"),
        ({"user_id": None}, "user_id and session_id are missing"),
        ({"user_id": ""}, "user_id is empty"),
        ({"session_id": ""}, "session_id is empty"),
        ({"event_id": "\x00"}, "event_id holds NUL"),
        ({"recommendation_id": "x" * 513}, "recommendation_id is longer than 512 bytes"),
        ({"event_type": None}, "event_type is missing"),
        ({"timestamp": None}, "timestamp is missing"),
        ({"timestamp": "yesterday"}, "timestamp is neither ISO 8601 nor a Unix time"),
        ({"timestamp": "2020-02-30"}, "timestamp is neither ISO 8601 nor a Unix time"),
        ({"timestamp": "2020-01-02T24:30"}, "timestamp is neither ISO 8601 nor a Unix time"),
        ({"timestamp": "1/2/2020 3:04"}, "timestamp is neither ISO 8601 nor a Unix time"),
        ({"timestamp": float("nan")}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": float("inf")}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": -1}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": 2**63 - 1}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": "1969-12-31T23:59:59Z"}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": "2200-01-01"}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": pl.Series([2**31 - 1], dtype=pl.Int32).cast(pl.Date)}, "timestamp is before 1970 or after 2199"),
        ({"timestamp": pl.Series([2**62]).cast(pl.Datetime("ms"))}, "timestamp is before 1970 or after 2199"),
        ({"value": float("nan")}, "value is not finite"),
        ({"value": float("-inf")}, "value is not finite"),
        ({"value": "a lot"}, "value is not a number"),
        ({"value": "nan"}, "value is not finite"),
        ({"position": -1}, "position is no whole number from 0"),
        ({"position": 0.5}, "position is no whole number from 0"),
        ({"position": 2**31}, "position is no whole number from 0"),
        ({"context": "[1]"}, "context is no JSON object of texts, numbers and booleans"),
        ({"context": '{"a":{"b":1}}'}, "context is no JSON object of texts, numbers and booleans"),
        ({"event_type": "rating"}, "the rating's value is no whole number from 1 to 5"),
        ({"event_type": "rating", "value": 0.0}, "the rating's value is no whole number from 1 to 5"),
        ({"event_type": "rating", "value": 3.5}, "the rating's value is no whole number from 1 to 5"),
        ({"event_type": "rating", "value": 6}, "the rating's value is no whole number from 1 to 5"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    found, refused = one(**changes)
    assert found.is_empty()
    assert lines(refused) == [(1, reason)]


@pytest.mark.parametrize("stars", range(1, 6))
def test_a_rating_takes_its_value_into_its_name(stars: int) -> None:
    found, _ = one(event_type="rating", value=float(stars))
    assert found.select("event_type", "value").row(0) == (f"rating_{stars}", float(stars))


@pytest.mark.parametrize("context", ['{"b":1,"a":"x"}', {"b": 1, "a": "x", "c": None}])
def test_contexts_have_one_form(context: Any) -> None:
    assert one(context=pl.Series([context]))[0]["context"].to_list() == ['{"a":"x","b":1.0}']


def test_csv_lines_that_do_not_fit_are_refused_by_number(tmp_path: Path) -> None:
    head = b"\xef\xbb\xbfuser_id,item_id,event_type,timestamp,note\r\n"
    body = (
        b'u,i,view,2020-01-01,"two\nlines"\r\n'  # lines 2 and 3
        b"u,i,view\r\n"
        b"u,i,view,2020-01-01,a,b\r\n"
        b"\r\n"
        b"u,\xff,view,2020-01-01,a\r\n"
        b"u,,view,2020-01-01,a\r\n"
        b"u,i,view,2020-01-01,\xff is not read\r\n"
        b"u,j,view,2020-01-01,a"
    )
    found, refused = rows_of(write(tmp_path, "e.csv", head + body))
    assert found["item_id"].to_list() == ["i", "i", "j"]
    assert sorted(lines(refused)) == [
        (4, "has fewer fields than the header"),
        (5, "has more fields than the header"),
        (7, "is not UTF-8"),
        (8, "item_id is missing"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_shows_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in (GOOD, GOOD.values()))
    assert rows_of(write(tmp_path, "e.csv", text))[0].height == 1


def test_a_column_of_ids_that_became_floats_is_mended_only_as_a_whole(tmp_path: Path) -> None:
    text = "user_id,item_id,event_type,timestamp\n1.0,1.0,view,2020-01-01\n2.0,x,view,2020-01-01\n"
    found, _ = rows_of(write(tmp_path, "e.csv", text))
    assert found.select("user_id", "item_id").rows() == [("1", "1.0"), ("2", "x")]


def test_json_lines_that_are_no_objects_are_refused_by_number(tmp_path: Path) -> None:
    good = '{"user_id":%s,"item_id":"i","event_type":"view","timestamp":1577934245}\n'
    content = (
        (good % "12345678901234567890123").encode()
        + b"\n"
        + b"[1]\n"
        + b'{"user_id":\n'
        + (good % '"\\ud800"').encode()
        + (good % '"x"').encode().replace(b"x", b"\xff")
        + (good % "NaN").encode()
        + (good % "7.0").encode()
        + (good % '"seven"').replace("}", ',"value":2.5,"context":{"a":true}}').encode()
    )
    found, refused = rows_of(write(tmp_path, "e.jsonl", content))
    assert found["user_id"].to_list() == ["12345678901234567890123", "7", "seven"]
    assert found["value"].to_list() == [None, None, 2.5]
    assert found["context"].to_list() == [None, None, '{"a":true}']
    assert lines(refused) == [
        (3, "is not a JSON object"),
        (4, "is not strict JSON"),
        (5, "is not strict JSON"),
        (6, "is not UTF-8"),
        (7, "is not strict JSON"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.parquet", b"PAR1 and no more"),
        ("empty.parquet", b""),
        ("empty.csv", b""),
        ("utf16.csv", "user_id,item_id".encode("utf-16")),
        ("binary.csv", b"\x00\x01\x02\n"),
        ("events.xlsx", b""),
        ("events", b""),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(InputError, match=name) as caught:
        open_table(path)
    assert caught.value.remedy


def test_a_parquet_file_cut_anywhere_is_unreadable(tmp_path: Path) -> None:
    whole = tmp_path / "e.parquet"
    pl.DataFrame([GOOD] * 100).write_parquet(whole)
    content = whole.read_bytes()
    for size in range(0, len(content), 97):
        path = write(tmp_path, "cut.parquet", content[:size])
        with pytest.raises(InputError, match=r"cut\.parquet"):
            rows_of(path)


def test_a_parquet_page_that_is_damaged_is_an_input_error(tmp_path: Path) -> None:
    whole = tmp_path / "e.parquet"
    pl.DataFrame([GOOD] * 100).write_parquet(whole)
    content = bytearray(whole.read_bytes())
    content[4:40] = b"\xff" * 36
    with pytest.raises(InputError, match="damaged"):
        rows_of(write(tmp_path, "damaged.parquet", bytes(content)))


def test_no_rows_are_no_error(tmp_path: Path) -> None:
    for path in (write(tmp_path, "e.csv", ",".join(GOOD)), write(tmp_path, "e.jsonl", "")):
        found, refused = rows_of(path)
        assert (found.height, len(refused)) == (0, 0)


def test_a_missing_column_is_named_with_what_there_is_and_what_to_write() -> None:
    frame = pl.DataFrame({"UserId": ["u"], "sku": ["i"], "event_type": ["view"], "timestamp": ["2020-01-01"]})
    with pytest.raises(ColumnError) as caught:
        rows_of(frame)
    assert "UserId, sku, event_type, timestamp" in caught.value.message
    assert "--columns item_id=THEIRS,user_id=UserId" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": {"user": "user_id"}}, "user_id"),
        ({"columns": {"user_id": "usr"}}, "It has: user_id"),
        ({"constants": {"kind": "view"}}, "Ours:"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ColumnError, match=said):
        rows_of(pl.DataFrame([GOOD]), **options)


def test_a_twice_named_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="two columns 'a'"):
        open_table(write(tmp_path, "e.csv", "a,b,a\n"))


def test_renaming_constants_and_unread_columns() -> None:
    frame = pl.DataFrame({"who": ["u"], "item_id": ["i"], "event_type": ["x"], "day": ["2020-01-01"], "more": [1]})
    rows = EventRows(
        FrameTable(frame), columns={"user_id": "who", "timestamp": "day"}, constants={"event_type": "purchase"}
    )
    found = pl.concat(rows.frames())
    assert found.row(0)[1:5] == ("u", None, "i", "purchase")
    assert rows.ignored == ["event_type", "more"]


def test_a_column_of_a_type_that_cannot_be_meant_is_refused() -> None:
    for name, value in [("user_id", [1]), ("value", [1]), ("timestamp", {"a": 1}), ("context", 1.5), ("item_id", True)]:
        with pytest.raises(ColumnError, match=name):
            one(**{name: pl.Series([value])})


def test_refused_rows_are_all_counted_and_some_kept() -> None:
    _, refused = rows_of(pl.DataFrame([GOOD] * (MAX_KEPT + 5)).with_columns(item_id=pl.lit("")))
    assert (len(refused), len(refused.kept)) == (MAX_KEPT + 5, MAX_KEPT)


def test_bare_pairs_are_enough_for_an_evaluation(tmp_path: Path) -> None:
    a = write(tmp_path, "a.csv", "user_id,item_id,split\n1,7,train\n2,8,test\n")
    b = write(tmp_path, "b.csv", "user_id,item_id,split,timestamp\n3,9,test,2020-01-01\n")
    found = read_events([a, b], keep="split")
    assert found.columns == ["user_id", "item_id", "timestamp", "split"]
    assert found.select("user_id", "item_id", "split").rows() == [
        ("1", "7", "train"),
        ("2", "8", "test"),
        ("3", "9", "test"),
    ]
    assert found.schema["timestamp"] == TIME


def test_an_evaluation_never_loses_a_row_in_silence(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "user_id,item_id\n1,7\n2,\n")
    with pytest.raises(InputError) as caught:
        read_events([path])
    assert caught.value.message == f"1 rows of {path} cannot be used; the first ends on line 3: item_id is missing."
    told: list[tuple[Path, int]] = []
    assert read_events([path], on_refused=lambda at, refused: told.append((at, len(refused)))).height == 1
    assert told == [(path, 1)]


def test_an_evaluation_names_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="no column 'splt'"):
        read_events([write(tmp_path, "a.csv", "user_id,item_id,split\n")], keep="splt")

"""Files as items and users, and both as frames and back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coldframe.domain import Item, User
from coldframe.errors import ColumnError, InputError
from coldframe.events.files import open_table
from coldframe.events.frame_table import FrameTable
from coldframe.events.frames import frame_items, frame_users, items_frame, users_frame
from coldframe.events.lists import join_names, split_names
from coldframe.events.reading import read_items, read_users
from coldframe.events.records import item_records, user_records
from coldframe.events.schema import ITEM_COLUMNS, TIME, USER_COLUMNS

NEW_YEAR = datetime(2020, 1, 1, tzinfo=UTC)
FULL = Item(
    item_id="a",
    title="A",
    text="words, words",
    categories=("toys", "games|cards"),
    tags=("new",),
    numeric={"price": 1.5},
    embedding=(0.25, -1.0),
    created_at=NEW_YEAR,
    expires_at=NEW_YEAR,
    available=False,
)


def only(frame: pl.DataFrame) -> Item:
    (found,) = frame_items(frame)
    return found


def refusal(frame: pl.DataFrame) -> str:
    records = item_records(FrameTable(frame))
    assert [*records.batches()] == [[]]
    return records.refused.kept[0].reason


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("categories", [["a", "b"]], ("a", "b")),
        ("categories", ["a | b||"], ("a", "b")),
        ("categories", ['["a|b", "c"]'], ("a|b", "c")),
        ("categories", ["[sale] shoes"], ("[sale] shoes",)),
        ("categories", [7], ("7",)),
        ("tags", [[1, 2]], ("1", "2")),
        ("embedding", [[1, 2]], (1.0, 2.0)),
        ("embedding", ["0.5|-1e3"], (0.5, -1000.0)),
        ("embedding", ["[0.5, 1]"], (0.5, 1.0)),
        ("numeric", [{"price": 1}], {"price": 1.0}),
        ("numeric", ['{"price": 1}'], {"price": 1.0}),
        ("price", [2], {"price": 2.0}),
        ("sold", [True], {"sold": 1.0}),
        ("created_at", ["2020-01-01"], NEW_YEAR),
        ("expires_at", [1577836800], NEW_YEAR),
        ("available", ["No"], False),
        ("available", [0], False),
        ("available", [None], True),
        ("title", [12], "12"),
    ],
)
def test_an_item_column_may_be_written_as(column: str, values: list[Any], expected: Any) -> None:
    item = only(pl.DataFrame({"item_id": ["a"], column: values}))
    assert getattr(item, column if column in ITEM_COLUMNS else "numeric") == expected


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("title", "a\x00", "title holds NUL"),
        ("text", "x" * 100_001, "text is longer than 100,000 characters"),
        ("tags", ["x" * 513], "one of tags is empty, too long or holds NUL"),
        ("numeric", '{"a": "b"}', "numeric is no JSON object of numbers"),
        ("embedding", [float("nan")], "embedding is not finite"),
        ("embedding", "a|b", "embedding is no list of numbers"),
        ("price", float("inf"), "price is not finite"),
        ("available", "perhaps", "available is neither true nor false"),
        ("created_at", "soon", "created_at is neither ISO 8601 nor a Unix time"),
        ("item_id", None, "item_id is missing"),
    ],
)
def test_an_item_that_cannot_be_used_is_refused(column: str, value: Any, reason: str) -> None:
    frame = pl.DataFrame({"item_id": ["a"], column: [value]}, schema_overrides={"item_id": pl.String})
    assert refusal(frame) == reason
    with pytest.raises(InputError, match=reason):
        frame_items(frame)


def test_text_that_is_not_ours_is_unread_in_items_and_an_attribute_in_users() -> None:
    frame = pl.DataFrame({"item_id": ["a"], "user_id": ["u"], "colour": ["red"], "age": [40], "vip": [True]})
    items = item_records(FrameTable(frame.drop("user_id")))
    assert next(items.batches())[0].numeric == {"age": 40.0, "vip": 1.0}
    assert items.ignored == ["colour"]
    (user,) = frame_users(frame.drop("item_id"))
    assert user.attributes == {"colour": "red", "age": 40.0, "vip": True}


def test_csv_knows_only_text_so_its_values_tell_numbers(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id,age,zip,plan\nu,40,01234,free\nv,,94110,\n")
    assert read_users(path) == [
        User(user_id="u", attributes={"age": 40.0, "zip": "01234", "plan": "free"}),
        User(user_id="v", attributes={"zip": "94110"}),
    ]


def test_items_are_renamed(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("Code;Name;Price\n7;Seven;1.5\n")
    found = read_items(path, {"item_id": "Code", "title": "Name", "price": "Price"})
    assert found == [Item(item_id="7", title="Seven", numeric={"price": 1.5})]


def test_without_an_id_there_is_no_item() -> None:
    with pytest.raises(ColumnError, match="item_id"):
        frame_items(pl.DataFrame({"sku": ["a"]}))


def test_refused_items_are_never_lost_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,available\na,1\nb,perhaps\n")
    with pytest.raises(InputError, match="line 3"):
        read_items(path)
    told: list[int] = []
    assert len(read_items(path, on_refused=lambda _, refused: told.append(len(refused)))) == 1
    assert told == [1]


def test_frames_and_back() -> None:
    items = [FULL, Item(item_id="b", numeric={"weight": 2.0})]
    frame = items_frame(items)
    assert {*frame.columns} == {*ITEM_COLUMNS}
    assert isinstance(frame.schema["numeric"], pl.Struct)
    assert frame_items(frame) == items
    users = [User(user_id="u", signed_up_at=NEW_YEAR, attributes={"a": 1.0, "b": True, "c": "x"}), User(user_id="v")]
    assert users_frame(users).columns == [*USER_COLUMNS]
    assert frame_users(users_frame(users)) == users


def test_nothing_has_columns_too() -> None:
    assert items_frame([]).schema["created_at"] == TIME
    assert users_frame([]).schema["signed_up_at"] == TIME
    assert frame_items(items_frame([])) == []


def test_every_column_of_ours_has_a_reader() -> None:
    frame = pl.DataFrame({name: pl.Series([], dtype=pl.Null) for name in (*ITEM_COLUMNS, *USER_COLUMNS)})
    assert item_records(FrameTable(frame.select(ITEM_COLUMNS))).ignored == []
    assert user_records(FrameTable(frame.select(USER_COLUMNS))).ignored == []


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"], ["a|b"], ["[a]"], [" a"], ['"']])
def test_joined_names_split_into_themselves(names: list[str]) -> None:
    assert split_names(join_names(names)) == names


def test_json_lines_of_items(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text('{"item_id":1,"tags":["a|b"],"numeric":{"p":1},"embedding":[1,2.5]}\n{"item_id":"x","price":3}\n')
    assert [*item_records(open_table(path)).batches()] == [
        [
            Item(item_id="1", tags=("a|b",), numeric={"p": 1.0}, embedding=(1.0, 2.5)),
            Item(item_id="x", numeric={"price": 3.0}),
        ]
    ]

"""import, rejects, doctor and export, end to end in a project of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from coldframe.cli import app

COLUMNS = ["--columns", "user_id=CustomerID,item_id=StockCode,timestamp=InvoiceDate"]
CONSTANT = ["--constant", "event_type=purchase"]
ORDERS = """CustomerID,StockCode,InvoiceDate,Quantity
12346.0,85123A,2011-01-18T10:01:00,3
12347.0,71053,2011-01-19 11:00,1
,71053,2011-01-19,1
12348.0,71053,yesterday,1
12346.0,85123A,2011-01-18T10:01:00,3
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert coldframe("init").exit_code == 0
    (tmp_path / "orders.csv").write_text(ORDERS)
    return tmp_path


def coldframe(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def result_of(*arguments: str) -> Any:
    done = coldframe(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_import_accounts_for_every_row_and_again_changes_nothing(shop: Path) -> None:
    counts = [result_of("import", "events", "orders.csv", *COLUMNS, *CONSTANT)[0] for _ in range(2)]
    assert [(c["accepted"], c["repeated"], c["rejected"]) for c in counts] == [(3, 0, 2), (0, 3, 2)]
    assert counts[0]["ignored_columns"] == ["Quantity"]


def test_import_tells_a_person_what_happened(shop: Path) -> None:
    done = coldframe("import", "events", "orders.csv", *COLUMNS, *CONSTANT)
    assert done.exit_code == 0
    assert "timestamp is neither ISO 8601 nor a Unix time" in done.stdout
    assert "import orders.csv" in done.stderr
    assert "not read: Quantity" in done.stderr


def test_import_says_which_columns_to_name(shop: Path) -> None:
    done = coldframe("import", "events", "orders.csv")
    assert done.exit_code == 4
    assert "CustomerID, StockCode, InvoiceDate, Quantity" in done.stderr
    assert "user_id=CustomerID" in done.stderr


def test_import_ends_with_4_when_no_row_can_be_used(shop: Path) -> None:
    (shop / "bad.csv").write_text("user_id,item_id,event_type,timestamp\nu,,view,2020-01-01\n")
    done = coldframe("import", "events", "bad.csv", "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)[0]["rejected"] == 1
    assert "item_id is missing" in json.loads(done.stderr)["error"]["message"]


def test_import_of_an_unknown_format_ends_with_4(shop: Path) -> None:
    (shop / "orders.xlsx").write_bytes(b"PK")
    done = coldframe("import", "events", "orders.xlsx")
    assert done.exit_code == 4
    assert ".parquet" in done.stderr


def test_rejects_show_line_reason_and_row(shop: Path) -> None:
    coldframe("import", "events", "orders.csv", *COLUMNS, *CONSTANT)
    found = {(each["line"], each["reason"]) for each in result_of("rejects")}
    assert found == {
        (4, "user_id and session_id are missing"),
        (5, "timestamp is neither ISO 8601 nor a Unix time"),
    }
    assert "yesterday" in coldframe("rejects").stdout


def test_doctor_sees_what_was_imported(shop: Path) -> None:
    (shop / "items.jsonl").write_text('{"item_id": "85123A", "title": "Lantern", "price": 2.5}\n')
    (shop / "users.csv").write_text("user_id,country\n12346,Finland\n")
    coldframe("import", "events", "orders.csv", *COLUMNS, *CONSTANT)
    coldframe("import", "items", "items.jsonl")
    coldframe("import", "users", "users.csv")
    volume = result_of("doctor")["volume"]
    assert (volume["events"], volume["users"], volume["items"]) == (3, 2, 2)
    assert (volume["catalogue_items"], volume["items_without_content"], volume["user_records"]) == (1, 0, 1)
    assert coldframe("doctor").exit_code == 0


def test_doctor_of_an_empty_project_says_so(shop: Path) -> None:
    assert [problem["name"] for problem in result_of("doctor")["problems"]] == ["no_events"]
    assert coldframe("doctor").exit_code == 0


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("kind", ["events", "items", "users"])
def test_what_is_exported_imports_without_a_change(shop: Path, kind: str, ending: str) -> None:
    (shop / "items.csv").write_text("item_id,title,tags,price\n85123A,Lantern,new|red,2.5\n")
    (shop / "users.csv").write_text("user_id,country\n12346,Finland\n")
    coldframe("import", "events", "orders.csv", *COLUMNS, *CONSTANT)
    coldframe("import", "items", "items.csv")
    coldframe("import", "users", "users.csv")
    rows = result_of("export", kind, f"out.{ending}")["rows"]
    assert rows == {"events": 3, "items": 1, "users": 1}[kind]
    again = result_of("import", kind, f"out.{ending}")[0]
    assert (again["accepted"], again["repeated"], again["rejected"]) == (0, rows, 0)

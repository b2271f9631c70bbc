"""What people and scripts read: tables, facts, JSON, bars; and the texts that options hold."""

import json
import math
from datetime import UTC, datetime

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from coldframe.cli import output
from coldframe.cli.options import moment, names, pairs
from coldframe.domain import RecommendedItem

IDS = st.text(st.characters(codec="utf-8"), min_size=1)


def test_table_goes_to_stdout_unfolded_and_without_markup(capsys) -> None:
    long = "x" * 500
    output.table(("item", "score"), [("[bold]a[/bold]", 0.5), (long, None)], title="Items [1]")
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "[bold]a[/bold]" in shown.out
    assert long in shown.out
    assert "Items [1]" in shown.out


def test_numbers_are_aligned_to_the_right(capsys) -> None:
    output.table(("n",), [(1,), (1_000,)])
    rows = capsys.readouterr().out.rstrip().split("\n")[-2:]
    assert rows[0].rstrip().endswith("    1")
    assert rows[1].rstrip().endswith("1,000")


@given(IDS)
def test_no_text_can_steer_a_terminal(text: str) -> None:
    assert all(c.isprintable() or c == "\n" for c in output.printable(text))


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert output.printable(text) == text


def test_facts_are_aligned(capsys) -> None:
    output.facts({"a": 1, "long name": None}, title="Title")
    assert capsys.readouterr().out == "Title\na          1\nlong name  –\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04"),
        (12_345.678, "12,346"),
        (-0.00012, "-0.00012"),
        (math.nan, "nan"),
        (False, "no"),
        ((1, None), "1, –"),
    ],
)
def test_cells(value: object, shown: str) -> None:
    assert output.cell(value) == shown


def test_emitted_json_is_one_document_and_nan_is_null(capsys) -> None:
    output.emit({"x": math.nan, "item": RecommendedItem(item_id="é\n", score=1.0)})
    shown = json.loads(capsys.readouterr().out)
    assert shown["x"] is None
    assert shown["item"]["item_id"] == "é\n"


@pytest.mark.parametrize(("quiet", "said"), [(False, "read\nfit\n"), (True, "")])
def test_steps_are_named_once_where_stderr_is_a_file(capsys, quiet: bool, said: str) -> None:
    with output.progress_bar(quiet=quiet) as show:
        for step, done in (("read", 0), ("read", 10), ("fit", 0)):
            show(step, done, 10)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", said)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (None, {}),
        (["a=b"], {"a": "b"}),
        (["a=b,c=d", "e=f"], {"a": "b", "c": "d", "e": "f"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a=x, y,c= z "], {"a": "x, y", "c": " z "}),
    ],
)
def test_pairs(texts: list[str] | None, found: dict[str, str]) -> None:
    assert pairs(texts, option="--columns") == found


@pytest.mark.parametrize("text", ["", "a", "a=", "=b", "a=1,a=2"])
def test_bad_pairs_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        pairs([text], option="--columns")


@pytest.mark.parametrize("text", ["", "a,,b", ","])
def test_bad_lists_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        names(text, option="--models")


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:00:00Z", "2026-01-02T03:00:00", "2026-01-02 04:00+01:00", "2026-01-01T22:00-05:00"]
)
def test_moments_are_utc(text: str) -> None:
    assert moment(text) == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert moment(text).utcoffset() == datetime(2026, 1, 1, tzinfo=UTC).utcoffset()

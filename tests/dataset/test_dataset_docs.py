"""docs/dataset.md: its example runs, and what it names exists."""

import doctest
import re
from pathlib import Path

from coldframe.settings import describe

PAGE = Path(__file__).parents[2] / "docs" / "dataset.md"


def test_the_worked_example_is_true():
    tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried.attempted > 15
    assert tried.failed == 0


def test_settings_named_exist():
    known = {info.name for info in describe()}
    sections = {name.partition(".")[0] for name in known}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)", PAGE.read_text(encoding="utf-8")))
    assert {name for name in named if name.partition(".")[0] in sections} <= known

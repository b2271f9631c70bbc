"""The disk that power cuts are tried on: what each kind of change leaves when it is not fsynced, and when it is."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from faults import script
from faults.disk import Change, Disk
from faults.page import Result, page
from faults.script import Known, Step, judged

from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.store_samples import events

WHOLE, PART = b"a" * 2_048, b"b" * 2_048


def change(op: str, path: str, *, other: str = "", offset: int = 0, data: bytes = b"") -> Change:
    return Change(op, path, other, offset, data)


def disk(*changes: Change) -> Disk:
    made = Disk()
    for each in changes:
        made.apply(each)
    return made


CREATED = (change("O", "f"), change("W", "f", data=WHOLE))
KEPT = (*CREATED, change("S", "f"), change("S", ""))
CHANGED = (*KEPT, change("W", "f", offset=1_024, data=PART))


@pytest.mark.parametrize(
    ("changes", "variant", "left"),
    [
        (CREATED, "nothing", {}),
        (CREATED, "data", {}),
        (CREATED, "names", {"f": b""}),
        (CREATED, "everything", {"f": WHOLE}),
        (CREATED, "torn", {"f": WHOLE[:1_024]}),
        ((*CREATED, change("S", "f")), "nothing", {}),
        ((*CREATED, change("S", "f")), "names", {"f": WHOLE}),
        (KEPT, "nothing", {"f": WHOLE}),
        (CHANGED, "nothing", {"f": WHOLE}),
        (CHANGED, "torn", {"f": WHOLE[:1_024] + PART[:1_024]}),
        (CHANGED, "data", {"f": WHOLE[:1_024] + PART}),
        ((*KEPT, change("T", "f", offset=3)), "nothing", {"f": WHOLE}),
        ((*KEPT, change("T", "f", offset=3)), "everything", {"f": b"aaa"}),
        ((*KEPT, change("R", "f", other="g")), "nothing", {"f": WHOLE}),
        ((*KEPT, change("R", "f", other="g")), "names", {"g": WHOLE}),
        ((*KEPT, change("R", "f", other="g"), change("S", "")), "nothing", {"g": WHOLE}),
        ((*KEPT, change("U", "f")), "nothing", {"f": WHOLE}),
        ((*KEPT, change("U", "f")), "everything", {}),
        ((change("M", "d"), change("O", "d/f"), change("S", "d")), "nothing", {}),
        ((change("M", "d"), change("O", "d/f"), change("S", "d"), change("S", "")), "nothing", {"d": None, "d/f": b""}),
    ],
)
def test_what_a_power_cut_leaves(changes: tuple[Change, ...], variant: str, left: dict[str, bytes | None]) -> None:
    assert disk(*changes).left(variant, random.Random(7)) == left


def test_a_toss_of_the_coin_leaves_anything_but_what_was_not_written() -> None:
    left = [disk(*CHANGED).left("some", random.Random(seed))["f"] for seed in range(50)]
    assert len(set(left)) == 3
    assert {len(each) for each in left} == {2_048, 3_072}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    store = SQLiteStore(tmp_path / "data", Settings().store)
    store.append_events(events(0, 5))
    store.close()
    return tmp_path / "data"


FIVE, NEXT = Step("append", range(5)), Step("append", range(5, 8))


@pytest.mark.parametrize(
    ("begun", "ended", "says"),
    [
        ([FIVE], [FIVE], None),
        ([FIVE, NEXT], [FIVE], None),
        ([FIVE, NEXT], [FIVE, NEXT], "event 5 was acknowledged and is lost"),
        ([Step("append", range(3))], [], "event 3 was never sent"),
        ([Step("append", range(8))], [], "half of"),
        ([FIVE, Step("items", range(2, 3))], [FIVE, Step("items", range(2, 3))], "version -1 of items"),
    ],
)
def test_the_judge_sees_what_is_wrong(data: Path, begun: list[Step], ended: list[Step], says: str | None) -> None:
    found = judged(data, Known(begun, ended))
    assert found == [] if says is None else any(says in each for each in found)


def test_the_script_has_every_kind_of_step_and_200_events() -> None:
    steps = script.steps()
    assert {step.kind for step in steps} == {"append", "import", "seal", "items", "bundle", "reopen"}
    assert len(Known([], []).numbers(steps)) > 200


def test_the_page_says_what_was_not_as_it_must_be() -> None:
    good = Result(what="a", must="0 lost", figures={"lost": 0}, faults=[], seconds=1, cores=2, load=0.5)
    bad = Result(what="b", must="0 lost", figures={"lost": 3}, faults=["three are lost"], seconds=1, cores=2, load=0.5)
    text = "\n".join(page({"x": good, "y": bad}, ["y", "x", "z"]))
    assert "| a | 0 lost | as it must be | lost 0 |" in text
    assert "Not run at full size yet: z (" in text
    assert "| b | 0 lost | **not so**: three are lost | lost 3 |" in text

"""A sample of benchmarks/hostile.py, in process: no 5xx, and every refusal is a problem."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from asgi import call
from serving_doubles import service

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from corpus import Attack, corpus
from hostile import Answer, fault, parse
from payloads import NEVER_JSON

SAMPLE = [attack for attack in corpus(420, seed=11) if attack.framing is None][:300]


def test_no_attack_breaks_the_service() -> None:
    app, statuses, faults = service(), Counter(), []
    for attack in SAMPLE:
        parts = [attack.body[at : at + 65_536] for at in range(0, len(attack.body), 65_536)]
        found = call(app, method=attack.method, target=attack.target, headers=attack.headers, parts=parts)
        answer = Answer(found.status, found.headers, found.body)
        statuses[answer.status] += 1
        if (wrong := fault(attack, answer)) is not None:
            faults.append((attack.name, attack.method, attack.target[:60], wrong))
    assert faults == []
    assert sum(statuses.values()) == 300
    assert {400, 404, 405, 413, 415} <= set(statuses)


def test_the_corpus_is_the_same_for_a_seed_and_holds_every_family() -> None:
    first = list(corpus(2_000))
    assert [attack.name for attack in first] == [attack.name for attack in corpus(2_000)]
    names = {attack.name.split(" ")[0] for attack in first}
    assert {"value", "id", "query", "content", "method", "bytes", "10", "100,000", "chunk", "too"} <= names
    assert sum(attack.certain for attack in first) > 800
    assert len({token for token in NEVER_JSON if any(token in attack.body for attack in first)}) == len(NEVER_JSON)


@pytest.mark.parametrize(
    ("answer", "certain", "is_fault"),
    [
        (Answer(503, {}, b""), False, True),
        (Answer(200, {}, b"{}"), True, True),
        (Answer(200, {}, b"{}"), False, False),
        (Answer(400, {"content-type": "text/html"}, b"<p>no"), True, True),
        (Answer(400, {"content-type": "application/problem+json"}, b"{}"), True, True),
        (Answer(0, {}, b""), False, True),
    ],
)
def test_the_judge_sees_faults(answer: Answer, certain: bool, is_fault: bool) -> None:
    attack = Attack("a", b"GET", b"/", (), b"", certain)
    assert (fault(attack, answer) is not None) == is_fault


def test_a_cut_answer_is_noticed() -> None:
    with pytest.raises(ValueError, match="cut short"):
        parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")

"""The dead-letter file: every refused message is in it, whole, whatever happened to the writer before."""

import base64
import json
import multiprocessing

import pytest
from feed_worlds import STAMP, message

from coldframe.errors import StoreError
from coldframe.feed.letters import DeadLetters
from coldframe.testing.full_disk import no_file_larger_than


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "below" / "clicks.jsonl"


def test_a_letter_says_what_and_where_and_why(path):
    DeadLetters(path).keep([(message(b"nope", partition=2, offset=9, key=b"k"), "no JSON")])
    assert lines(path) == [
        {
            "topic": "clicks",
            "partition": 2,
            "offset": 9,
            "reason": "no JSON",
            "stamp": STAMP,
            "key": "k",
            "value": "nope",
        }
    ]


@pytest.mark.parametrize(
    "value", [b"", b"\xff\x00", b'{"a":\n"b"}', "ü\u2028".encode(), bytes(range(256)), b"x" * 10**6]
)
def test_the_message_can_be_had_back_byte_for_byte(path, value):
    DeadLetters(path).keep([(message(value), "why")])
    (letter,) = lines(path) if b"\xe2\x80\xa8" not in value else [json.loads(path.read_bytes())]
    back = letter["value"].encode() if "value" in letter else base64.b64decode(letter["value_base64"])
    assert back == value


def test_a_missing_value_is_not_an_empty_one(path):
    DeadLetters(path).keep([(message(None), "no value"), (message(b""), "empty")])
    assert ["value" in letter for letter in lines(path)] == [False, True]


def test_nothing_refused_makes_no_file(path):
    DeadLetters(path).keep([])
    assert not path.exists()


@pytest.mark.parametrize("torn", [b"{", b'{"topic": "cl', b"x" * 200_000])
def test_a_piece_that_a_killed_writer_left_is_cut_off(path, torn):
    letters = DeadLetters(path)
    letters.keep([(message(b"one", offset=1), "why")])
    with path.open("ab") as file:
        file.write(torn)
    letters.keep([(message(b"two", offset=2), "why")])
    assert [letter["offset"] for letter in lines(path)] == [1, 2]


def test_a_file_that_was_moved_away_begins_anew(path):
    letters = DeadLetters(path)
    letters.keep([(message(b"one", offset=1), "why")])
    path.rename(path.with_suffix(".old"))
    letters.keep([(message(b"two", offset=2), "why")])
    assert [letter["offset"] for letter in lines(path)] == [2]


def test_a_full_disk_is_said_and_leaves_what_was_there(path):
    letters = DeadLetters(path)
    letters.keep([(message(b"one", offset=1), "why")])
    with no_file_larger_than(1_000), pytest.raises(StoreError, match=r"1 refused messages cannot be kept in .*clicks"):
        letters.keep([(message(b"x" * 2_000, offset=2), "why")])
    letters.keep([(message(b"three", offset=3), "why")])
    assert [letter["offset"] for letter in lines(path)] == [1, 3]


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be kept"):
        DeadLetters(tmp_path / "file" / "letters.jsonl").keep([(message(b"x"), "why")])


def write_many(path, first):
    for offset in range(first, first + 50):
        DeadLetters(path).keep([(message(b"x" * 5_000, offset=offset), "why")])


def test_two_processes_may_keep_letters_in_one_file(path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, first)) for first in (0, 50)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert sorted(letter["offset"] for letter in lines(path)) == list(range(100))

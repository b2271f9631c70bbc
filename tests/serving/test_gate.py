"""Limits that hold before any route is known: size and pace of a body, what an address may be."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

import pytest
from asgi import call
from hypothesis import given
from hypothesis import strategies as st
from serving_doubles import ListingEngine, MemoryStore, service

from coldframe.serving.access import Access
from coldframe.serving.gate import Gate, readable_path, restore_slashes
from coldframe.serving.metrics import ServingMetrics
from coldframe.serving.problems import RefusedError
from coldframe.serving.rates import RateLimits
from coldframe.settings import ServingSettings

POST = {"method": b"POST", "target": b"/v1/events", "headers": [(b"content-type", b"application/json")]}
EVENT = json.dumps({"user_id": "u", "item_id": "i", "event_type": "view"}).encode()


def test_a_body_in_pieces_is_one_body() -> None:
    assert call(service(), **POST, parts=[EVENT[:7], b"", EVENT[7:]]).status == 200


@pytest.mark.parametrize(("size", "status"), [(1_024, 200), (1_025, 413)])
def test_a_body_without_a_length_is_limited_too(size: int, status: int) -> None:
    padded = EVENT + b" " * (size - len(EVENT))
    parts = [padded[at : at + 100] for at in range(0, size, 100)]
    answer = call(service(max_body_bytes=1_024), **POST, parts=parts)
    assert answer.status == status
    assert status == 200 or answer.headers["connection"] == "close"


def test_a_body_announced_too_large_is_refused_before_it_is_sent() -> None:
    headers = [*POST["headers"], (b"content-length", b"99999999"), (b"expect", b"100-continue")]
    assert call(service(), **{**POST, "headers": headers}, parts=_fails()).status == 413


def test_a_body_that_breaks_off_is_refused() -> None:
    answer = call(service(), **POST, parts=[EVENT[:7]], complete=False)
    assert (answer.status, answer.json()["code"]) == (400, "incomplete")


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("the app must not see it")

    metrics, access = ServingMetrics(ListingEngine(MemoryStore())), Access.of(ServingSettings())
    gate = Gate(app, ServingSettings(), metrics, access, RateLimits(ServingSettings()), body_seconds=0.05)
    answer = call(gate, **POST, parts=_never())
    assert (answer.status, answer.json()["code"]) == (408, "timeout")


@pytest.mark.parametrize("parts", [[b"x" * 1_000_000] * 40, [b"x" * 1_000_000] * 400])
def test_an_endless_body_is_read_only_so_far(parts: list[bytes]) -> None:
    taken = 0

    def counted() -> Iterable[bytes]:
        nonlocal taken
        for part in parts:
            taken += 1
            yield part

    assert call(service(), **POST, parts=counted()).status == 413
    assert taken <= 70


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=30))
def test_any_id_survives_the_address(name: str) -> None:
    from urllib.parse import quote

    path = readable_path({"raw_path": b"/v1/items/" + quote(name, safe="").encode(), "query_string": b""})
    *_, segment = path.split("/")
    assert restore_slashes({"item_id": segment}) == {"item_id": name}


@given(st.binary(max_size=60))
def test_any_address_is_text_or_refused(raw: bytes) -> None:
    with suppress(RefusedError):
        assert readable_path({"raw_path": b"/" + raw, "query_string": raw}).encode()


async def _never() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.sleep(60)


async def _fails() -> AsyncIterator[bytes]:
    raise AssertionError("nobody should read the body")
    yield b""

"""A queue before the app: in order, one a round, and full when a newcomer would wait too long."""

import asyncio
import json

import pytest
from asgi import call
from serving_doubles import ListingEngine, MemoryStore

from coldframe.serving.admission import Admission, Queue
from coldframe.serving.metrics import ServingMetrics


class Time:
    now = 0.0

    def __call__(self):
        return self.now


def test_requests_start_in_order_and_whoever_arrives_meanwhile_is_heard_first():
    seen = []

    async def run():
        queue = Queue(1.0)

        async def request(number):
            await queue.turn()
            seen.append(number)
            if number == 0:
                asyncio.get_running_loop().call_soon(seen.append, "arrival")

        await asyncio.gather(*(request(number) for number in range(4)))
        await queue.turn()

    asyncio.run(run())
    assert [each for each in seen if each != "arrival"] == [0, 1, 2, 3]
    assert seen.index("arrival") < 3


async def served(queue, timer, requests, seconds):
    """Serve so many requests, each taking so long."""

    async def request():
        await queue.turn()
        timer.now += seconds

    await asyncio.gather(*(request() for _ in range(requests)))
    await asyncio.sleep(0.01)


def test_the_queue_is_full_when_a_newcomer_would_wait_too_long():
    async def run():
        timer = Time()
        queue = Queue(0.1, timer=timer)
        await served(queue, timer, 100, 0.01)
        assert not queue.full()
        tasks = [asyncio.create_task(queue.turn()) for _ in range(11)]
        await asyncio.sleep(0)
        assert not queue.full()
        tasks += [asyncio.create_task(queue.turn()) for _ in range(3)]
        await asyncio.sleep(0)
        assert queue.full()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.01)
        assert not queue.full()

    asyncio.run(run())


def test_one_stall_is_no_overload():
    async def run():
        timer = Time()
        queue = Queue(0.1, timer=timer)
        await served(queue, timer, 50, 0.001)
        tasks = [asyncio.create_task(queue.turn()) for _ in range(30)]
        await asyncio.sleep(0)
        timer.now += 5.0
        await asyncio.sleep(0)
        assert not queue.full()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_one_that_gives_up_keeps_nobody_waiting():
    async def run():
        queue = Queue(1.0)
        tasks = [asyncio.create_task(queue.turn()) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not queue.full()
        await queue.turn()

    asyncio.run(asyncio.wait_for(run(), 10))


class FullQueue(Queue):
    def full(self):
        return True


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/events", 503), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200)]
)
def test_a_full_queue_refuses_all_but_what_watches_the_service(path, status):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    metrics = ServingMetrics(ListingEngine(MemoryStore()))
    answer = call(Admission(app, FullQueue(0.0), metrics), target=path.encode())
    assert answer.status == status
    if status == 503:
        assert answer.headers["retry-after"] == "1"
        assert json.loads(answer.body)["code"] == "overloaded"
        assert b"coldframe_overload_refusals_total 1.0" in metrics.exposition()

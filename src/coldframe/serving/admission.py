"""Who is let in when more comes than can be answered.

Owns the queue before the app: one request starts in each round of the event loop, so that those that arrive meanwhile
hear at once when they have come too late. Bodies are read before a request queues, so that a slow client keeps nobody
waiting. What a request does once it has started is not limited here.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from coldframe.serving.metrics import ServingMetrics
from coldframe.serving.problems import MEDIA_TYPE, make_problem, retry_after
from coldframe.serving.scopes import open_paths

ALWAYS = open_paths() | {"/metrics"}
"""What is answered however much else waits: whoever restarts or watches the service asks there."""
LEARNING = 0.1
"""The part of the last request in the pace: some twenty requests decide it."""
STALL = 8
"""No request counts for more than this part of the limit."""


class Queue:
    """The requests that wait for their turn, first come, first served."""

    def __init__(self, limit_seconds: float, *, timer: Callable[[], float] = time.perf_counter) -> None:
        """`limit_seconds` is how long anybody may have to wait, judged by the pace of late."""
        self._limit = limit_seconds
        self._timer = timer
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False
        self._pace = 0.0
        self._started = 0.0

    def full(self) -> bool:
        """True when whoever comes now would have to wait too long."""
        return len(self._waiting) * self._pace > self._limit

    async def turn(self) -> None:
        """Return when it is the caller's turn: at once where nobody else started in this round of the event loop."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            self._started = self._timer()
            loop.call_soon(self._next)
            return
        mine = loop.create_future()
        self._waiting.append(mine)
        await mine

    def before(self, app: ASGIApp) -> ASGIApp:
        """Return an app whose requests each wait for their turn."""

        async def in_turn(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] not in ALWAYS:
                await self.turn()
            await app(scope, receive, send)

        return in_turn

    def _next(self) -> None:
        """Let the first one start that is still there; the one after it starts in the next round."""
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                self._note_pace()
                first.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False

    def _note_pace(self) -> None:
        """Learn how long one request keeps the next waiting. A stall, such as a bundle swapped in, counts little."""
        now = self._timer()
        self._pace += LEARNING * (min(now - self._started, self._limit / STALL) - self._pace)
        self._started = now


class Admission:
    """Wraps an app; refuses requests while its queue is full, before anything else is spent on them."""

    def __init__(self, app: ASGIApp, queue: Queue, metrics: ServingMetrics) -> None:
        self._app = app
        self._queue = queue
        self._metrics = metrics
        problem = make_problem("overloaded", "More requests arrive than can be answered.")
        headers = {"content-type": MEDIA_TYPE, **retry_after(problem)}
        self._body = msgspec.json.encode(problem)
        self._status = problem.status
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._headers.append((b"content-length", str(len(self._body)).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request on, or answer it with 503."""
        if scope["type"] != "http" or not self._queue.full() or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
            return
        self._metrics.refused()
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})

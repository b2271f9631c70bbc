"""An app on a free loopback port, for as long as a test needs it."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

from granian.constants import Interfaces
from granian.server.embed import Server


@contextmanager
def served(app):
    """Serve an app from a thread of this process; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_server(app, port))
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
    thread.start()
    try:
        _await_listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(timeout=10)
        assert not thread.is_alive()
        loop.close()


async def _server(app, port):
    return Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)


def _await_listening(port, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens at port {port}")

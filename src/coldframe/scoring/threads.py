"""One thread of linear algebra per request: many small products at once are slower with more, and spin while they wait.

Owns that limit. Fitting, whose products are large, never sets it.
"""

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_thread_each() -> AbstractContextManager[object]:
    """Return a context in which every product of NumPy runs on the thread that asks for it."""
    return threadpool_limits(1, user_api="blas")

"""One thread of linear algebra: many small products are slower with more, and spin while they wait for one another.

Owns that limit. Requests set it, and what fits in many small steps; large products never do.
"""

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_thread_each() -> AbstractContextManager[object]:
    """Return a context in which every product of NumPy runs on the thread that asks for it."""
    return threadpool_limits(1, user_api="blas")

"""coldframe: a self-hosted hybrid recommender, from an event log to live recommendations."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load `coldframe.open` when it is asked for, so that importing coldframe costs nothing."""
    if name != "open":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from coldframe.store.opening import open_project

    return open_project

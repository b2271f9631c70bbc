"""The only "now" and the only source of randomness.

Everything that needs either takes it as an argument, so that ninety days pass in a millisecond
in a test and one seed gives one answer.
"""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

Clock = Callable[[], datetime]
"""Returns the current moment, timezone-aware, in UTC."""


def system_clock() -> datetime:
    """Return the machine's current time in UTC."""
    return datetime.now(UTC)


def fixed_clock(moment: datetime) -> Clock:
    """Return a clock that stands still at `moment`."""
    return lambda: moment


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """Return a random generator for one purpose.

    Purposes with different names are independent, so adding one draw somewhere never shifts
    the draws of another.

    >>> float(generator(7, "negatives").random()) == float(generator(7, "negatives").random())
    True
    >>> float(generator(7, "negatives").random()) == float(generator(7, "mixer").random())
    False
    """
    digest = hashlib.sha256("/".join([str(seed), *purpose]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def new_recommendation_id() -> str:
    """Return an id for one delivered answer, unique without coordination."""
    return uuid.uuid4().hex


def new_training_id() -> str:
    """Return an id for one training, unique without coordination."""
    return uuid.uuid4().hex[:12]


def new_secret() -> str:
    """Return 256 random bits from the operating system as 43 letters, digits, `-` and `_`: what nobody can guess."""
    return secrets.token_urlsafe(32)


def new_erasure_id() -> str:
    """Return an id for one erasure, unique without coordination."""
    return uuid.uuid4().hex[:12]


def new_key_id() -> str:
    """Return the public name of one API key: eight letters and digits."""
    return secrets.token_hex(4)

"""Which bundles exist and which one serves."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np


class BundleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `coldframe models list`."""

    bundle: str
    created_at: datetime
    promoted: bool
    metrics: dict[str, float] = {}


class Registry:
    """A folder of bundles and a pointer to the one that serves."""

    def __init__(self, root: Path) -> None:
        raise NotImplementedError

    def publish(self, arrays: Mapping[str, np.ndarray], manifest: Mapping[str, Any], *, created_at: datetime) -> str:
        """Write a bundle beside the others and return its id; not yet promoted."""
        raise NotImplementedError

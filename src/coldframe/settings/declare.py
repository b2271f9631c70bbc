"""How one setting is declared.

Owns the shape of a declaration: default, bounds, unit, reason. Never decides a value.
"""

from dataclasses import field
from typing import TypeVar

T = TypeVar("T")


def setting(
    default: T,
    *,
    reason: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    secret: bool = False,
) -> T:
    """Declare one setting: its default, its bounds (inclusive), its unit and why that default.

    A secret is taken from the environment or a flag, never from a file, and written into none.
    """
    metadata = {"reason": reason, "unit": unit, "low": low, "high": high, "secret": secret}
    if isinstance(default, dict | list):
        return field(default_factory=default.copy, metadata=metadata)  # type: ignore[return-value]
    return field(default=default, metadata=metadata)

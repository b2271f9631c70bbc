"""What librdkafka is told: our settings as its properties.

Owns which properties are ours alone, because the promise of the feed stands on them. Never connects to anything.
"""

import re
from typing import Any

from coldframe.errors import SettingsError
from coldframe.settings import KafkaSettings

_OURS = {
    "bootstrap.servers": "Name brokers with --brokers or kafka.brokers.",
    "group.id": "Name the group with --group or kafka.group.",
    "enable.auto.commit": "Offsets are committed when the store has the events.",
    "enable.auto.offset.store": "Offsets are committed when the store has the events.",
    "enable.partition.eof": "Use --once to end where the topic ends.",
}
_CODE = {"logger", "on_commit", "on_delivery", "default.topic.config"}
"""What the client for Python takes besides librdkafka's properties."""
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SPARE_SECONDS = 60.0
_DEFAULT_POLL_SECONDS = 300.0


def properties(settings: KafkaSettings, *, once: bool) -> dict[str, Any]:
    """Return the properties of a consumer. Raises `SettingsError` for what is missing or not to be changed.

    >>> properties(KafkaSettings(brokers="localhost:9092", topic="clicks"), once=False)["auto.offset.reset"]
    'earliest'
    """
    for name in ("brokers", "topic", "group"):
        if not getattr(settings, name):
            raise SettingsError(f"kafka.{name} is empty.", remedy=f"Name it: --{name}, or kafka.{name}.")
    if not _TOPIC.fullmatch(settings.topic) or settings.topic in (".", ".."):
        raise SettingsError(f"{settings.topic!r} is no topic's name.", remedy="Name one topic, not a pattern.")
    for name in settings.options:
        if name in _OURS:
            raise SettingsError(f"kafka.options cannot change {name}.", remedy=_OURS[name])
        if name.endswith("_cb") or name in _CODE:
            raise SettingsError(
                f"kafka.options: {name} is no text.", remedy="Only properties of librdkafka can be set."
            )
    between_polls = max(_DEFAULT_POLL_SECONDS, settings.patience_seconds + _SPARE_SECONDS)
    return {
        "client.id": "coldframe",
        **({} if "debug" in settings.options else {"log_level": 2}),
        "auto.offset.reset": "earliest",
        "max.poll.interval.ms": int(between_polls * 1_000),
        **{name: _text(value) for name, value in settings.options.items()},
        "bootstrap.servers": settings.brokers,
        "group.id": settings.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": once,
    }


def _text(value: str | float | bool) -> str:
    """Return a value as librdkafka reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Settings of the live feeds.

Owns the values, one class a section of `coldframe.toml`. Never reads a file or the environment.
"""

from dataclasses import dataclass

from coldframe.settings.declare import setting

Option = str | int | float | bool


@dataclass(frozen=True)
class KafkaSettings:
    """The live feed from Apache Kafka."""

    brokers: str = setting("", reason="HOST:PORT, several with commas between them; empty: named with --brokers.")
    topic: str = setting("", reason="One event a message; empty: named with --topic.")
    group: str = setting(
        "coldframe", reason="The consumer group whose offsets say what is stored already; feeds of one group share."
    )
    options: dict[str, Option] = setting(
        {},
        reason="Further properties of librdkafka, such as security.protocol; a password may come by the environment.",
    )
    batch: int = setting(
        1_000,
        reason="Messages that share one fsync and one commit of offsets; a service beside it waits that long.",
        unit="messages",
        low=1,
        high=100_000,
    )
    work_share: float = setting(
        0.5,
        reason="A feed that is behind works half of the time at most, so that a service beside it keeps its turn.",
        unit="share of time",
        low=0.05,
        high=1.0,
    )
    patience_seconds: float = setting(
        300.0,
        reason="How long brokers or the store may be away before the feed ends; until then it tries again.",
        unit="seconds",
        low=1.0,
        high=86_400.0,
    )

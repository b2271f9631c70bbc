"""Settings of the answer: what a list may hold, and the service that gives it.

Owns their values. Never reads a file or the environment.
"""

from dataclasses import dataclass
from typing import Literal

from coldframe.settings.declare import setting


@dataclass(frozen=True)
class RecommendSettings:
    """How an answer is made."""

    n: int = setting(10, reason="A page of recommendations.", unit="items", low=1, high=1_000)
    max_n: int = setting(200, reason="Bounds the work of one request.", unit="items", low=1, high=10_000)
    history: int = setting(
        500,
        reason="Newest events of a user that are read; older ones hardly move the answer.",
        unit="events",
        low=1,
        high=100_000,
    )
    repeat: Literal["auto", "allow", "exclude"] = setting(
        "auto", reason="A shop's refills are wanted, a film seen is not: auto decides by the share of repeats seen."
    )
    newcomers: int = setting(
        1_000,
        reason="Items that came since the training are scored by what they are like; the newest, if there are more. "
        "Those described anew take the room that is left.",
        unit="items",
        low=0,
        high=100_000,
    )
    page_minutes: float = setting(
        60.0,
        reason="How long a page's `next` leads on: who comes back later wants to see a new list from its top.",
        unit="minutes",
        low=1.0,
        high=10_080.0,
    )
    young_share: float = setting(
        0.022,
        reason="Over 2 %, so that few lots reach it too; mixers alone give items of at most 5 events 0.01 to 0.07 %.",
        unit="share of slots",
        low=0.0,
        high=0.1,
    )
    young_budget: float = setting(
        0.01,
        reason="What young items may cost; where young_share costs more, a training lowers it.",
        unit="share of NDCG",
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True)
class ServingSettings:
    """The HTTP service and its limits."""

    host: str = setting("127.0.0.1", reason="Loopback; any other address needs an API key.")
    port: int = setting(8000, reason="Free on most machines.", unit="port", low=0, high=65_535)
    workers: int = setting(
        1,
        reason="Each answers on a core of its own and needs memory of its own.",
        unit="processes",
        low=1,
        high=64,
    )
    api_key: str = setting(
        "",
        reason="A first key that may do everything, for containers; for all else `coldframe keys create`.",
        secret=True,
    )
    max_body_bytes: int = setting(
        1_048_576, reason="A batch of 1,000 events fits twice.", unit="bytes", low=1_024, high=1_073_741_824
    )
    max_batch: int = setting(1_000, reason="Bounds one group commit.", unit="events or items", low=1, high=100_000)
    max_wait_ms: float = setting(
        250.0,
        reason="Whoever would have to queue longer gets 503 at once: an answer that comes late helps nobody.",
        unit="milliseconds",
        low=1.0,
        high=60_000.0,
    )
    rate: float = setting(
        0.0,
        reason="0: no limit. What one key may send on average, unless it has its own rate (`keys create --rate`).",
        unit="requests a second",
        low=0.0,
        high=1_000_000.0,
    )
    rate_burst: int = setting(
        100, reason="What one key may send at once after a pause.", unit="requests", low=1, high=1_000_000
    )
    cors_origins: list[str] = setting(
        [], reason="Empty: no page of another site may call. Else origins such as https://shop.example."
    )
    log_impressions: bool = setting(True, reason="No impression, no CTR@3.")
    telemetry_url: str = setting(
        "",
        reason="Empty: no traces. Else where OpenTelemetry spans go by OTLP over HTTP, such as "
        "http://127.0.0.1:4318/v1/traces (needs coldframe[telemetry]).",
    )
    telemetry_share: float = setting(
        1.0,
        reason="Which share of requests is traced; a caller's own sampling decision comes first.",
        unit="share of requests",
        low=0.0,
        high=1.0,
    )

"""What Prometheus reads at /metrics.

Owns the names and labels. A label never holds an id of a user, an item or an unmatched address, so their number stays
bounded whatever the callers send.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from coldframe.scoring import kernel

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"})
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Live(Protocol):
    """What is asked of an engine whenever Prometheus reads."""

    @property
    def bundle_id(self) -> str | None:
        """The live bundle."""
        ...

    @property
    def items_unknown_to_bundle(self) -> int:
        """Available items that no list has."""
        ...

    @property
    def bundle_age_seconds(self) -> float | None:
        """How long ago the events end that the live bundle was trained on."""
        ...


class ServingMetrics:
    """The counters of one app; two apps in one process do not share them.

    The workers of a server keep theirs in files of a shared folder, so that each tells the sums of all, of those that
    died too. Gauges are about the worker that is asked.
    """

    def __init__(self, live: Live, shared: Path | None = None) -> None:
        """`shared`: the folder that PROMETHEUS_MULTIPROC_DIR named when the library was imported, if it did."""
        self._registry = CollectorRegistry()
        self._told = CollectorRegistry() if shared else self._registry
        if shared:
            MultiProcessCollector(self._told, str(shared))
        self._requests = self._counter("http_requests", "Requests answered.", "method", "route", "status")
        self._seconds = Histogram(
            "coldframe_http_request_seconds",
            "Time from the request's head to the answer's end.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._events = self._counter("events", "Live events by what became of them.", "status")
        self._answers = self._counter("answers", "Recommendations by how they were made.", "level")
        self._overload = self._counter("overload_refusals", "Requests refused because too many waited.")
        self._refused = self._counter("bundle_refusals", "Promoted bundles that failed verification.")
        self._told.register(_LiveBundle(live))

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one answered request; `route` is the template, None where no route matched."""
        route, method = route or "unmatched", method if method in METHODS else "other"
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._counted[method, route, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def events(self, statuses: Iterable[str]) -> None:
        """Count what became of live events: accepted, repeated or rejected."""
        for status, number in Tally(statuses).items():
            self._events.labels(status).inc(number)

    def answer(self, level: str) -> None:
        """Count one recommendation by its level."""
        self._answers.labels(level).inc()

    def refused(self) -> None:
        """Count one request refused because too many waited."""
        self._overload.inc()

    def bundle_refused(self) -> None:
        """Count one promoted bundle that could not be used."""
        self._refused.inc()

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._told)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"coldframe_{name}", documentation, labels, registry=self._registry)


class _LiveBundle(Collector):
    """Names the live bundle and what it lacks when asked, so that a swapped one leaves no stale label behind."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def collect(self) -> Iterable[Metric]:
        """Yield gauges of value 1 for bundle (0 without one) and scan, the items the bundle lacks, and its age."""
        gauge = GaugeMetricFamily("coldframe_bundle_info", "1 for the live bundle.", labels=["bundle"])
        live = self._live.bundle_id
        gauge.add_metric([live or ""], 1.0 if live else 0.0)
        yield gauge
        scan = GaugeMetricFamily("coldframe_scan_info", "1 for what looks through the catalogue.", labels=["kernel"])
        scan.add_metric([kernel.name()], 1.0)
        yield scan
        yield GaugeMetricFamily(
            "coldframe_items_unknown_to_bundle",
            "Available items newer than the live bundle that no list has: beyond recommend.newcomers.",
            value=self._live.items_unknown_to_bundle,
        )
        if (age := self._live.bundle_age_seconds) is not None:
            name, text = "coldframe_bundle_age_seconds", "Since the end of the events the live bundle was trained on."
            yield GaugeMetricFamily(name, text, value=age)

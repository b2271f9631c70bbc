"""What OpenTelemetry hears of the service: a span for each request, within it reading, scoring, writing and ingestion.

Owns the spans and their attributes. Never says whom a request was for: no id, key, address, query, header or text of an
error is ever in one. Loaded only where `serving.telemetry_url` names a collector; without, nothing is wrapped.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, cast

from litestar import Litestar
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import coldframe
from coldframe.bundle.registry import Registry
from coldframe.clock import Clock, system_clock
from coldframe.domain import Event, RecommendedItem, Scalar
from coldframe.serving.engine import Answered, Engine
from coldframe.serving.intake import Intake
from coldframe.serving.live import LiveModel
from coldframe.serving.metrics import METHODS
from coldframe.serving.requests import Person, Wish
from coldframe.settings import ServingSettings, Settings
from coldframe.store.protocol import EventReport, Store

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class Tracing:
    """Wraps the parts of one service so that they tell a tracer."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("coldframe", coldframe.__version__)

    def engine(self, store: Store, registry: Registry, settings: Settings, *, clock: Clock = system_clock) -> Engine:
        """Return an engine that tells what its answers wait for."""
        return TracedEngine(store, registry, settings, tracer=self._tracer, clock=clock)

    def intake(self, store: Store, limit: int) -> Intake:
        """Return an intake that tells how long events wait to be durable."""
        return TracedIntake(store, limit, tracer=self._tracer)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an app with a span around each request, under the caller's own where its `traceparent` says so."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = 500

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            with step(self._tracer, "request", kind=SpanKind.SERVER, context=_caller(scope)) as span:
                try:
                    await app(scope, receive, watched)
                finally:
                    _describe(span, cast(HTTPScope, scope), status)

        return traced

    @asynccontextmanager
    async def running(self, _app: Litestar) -> AsyncGenerator[None]:
        """Send what is left when the service ends."""
        try:
            yield
        finally:
            self._provider.shutdown()


def tracing_to(settings: ServingSettings) -> Tracing:
    """Return the tracing that `serving.telemetry_url` asks for: spans in batches, by OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({"service.name": "coldframe", "service.version": coldframe.__version__}),
        sampler=ParentBased(TraceIdRatioBased(settings.telemetry_share)),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.telemetry_url)))
    return Tracing(provider)


def step(
    tracer: Tracer, name: str, *, kind: SpanKind = SpanKind.INTERNAL, context: Context | None = None
) -> AbstractContextManager[Span]:
    """Return a span that an error passes through unnamed: what its text says may be about a person."""
    return tracer.start_as_current_span(
        name, context, kind, record_exception=False, set_status_on_exception=False, end_on_exit=True
    )


class TracedEngine(Engine):
    """An engine whose answers have spans for the person, the score and the impression."""

    def __init__(
        self, store: Store, registry: Registry, settings: Settings, *, tracer: Tracer, clock: Clock = system_clock
    ) -> None:
        super().__init__(store, registry, settings, clock=clock)
        self._tracer = tracer

    def similar_items(self, item_id: str, *, n: int = 10) -> list[RecommendedItem]:
        """Return what the engine does."""
        with step(self._tracer, "score"):
            found = super().similar_items(item_id, n=n)
        _tell({"coldframe.bundle": self.bundle_id or "", "coldframe.items": len(found)})
        return found

    def _person(self, user_id: str) -> Person:
        with step(self._tracer, "read person"):
            return super()._person(user_id)

    def _visitor(
        self, events: Sequence[Event] | None, attributes: Mapping[str, Scalar], session_id: str | None
    ) -> Person:
        with step(self._tracer, "read person"):
            return super()._visitor(events, attributes, session_id)

    def _answer(self, live: LiveModel, person: Person, wish: Wish, now: datetime, user_id: str | None) -> Answered:
        with step(self._tracer, "score"):
            answered = super()._answer(live, person, wish, now, user_id)
        told = answered.told
        _tell({"coldframe.bundle": told.bundle, "coldframe.level": told.level, "coldframe.items": len(told.items)})
        return answered

    def _log(self, answers: Sequence[Answered], now: datetime, session_id: str | None = None) -> None:
        with step(self._tracer, "write impressions"):
            super()._log(answers, now, session_id)


class TracedIntake(Intake):
    """An intake with a span from an event's arrival to its commit."""

    def __init__(self, store: Store, limit: int, *, tracer: Tracer) -> None:
        super().__init__(store, limit)
        self._tracer = tracer

    async def append(self, events: Sequence[Event]) -> list[EventReport]:
        """Return what the intake does."""
        with step(self._tracer, "append events") as span:
            reports = await super().append(events)
            accepted = sum(report.status == "accepted" for report in reports)
            span.set_attributes({"coldframe.events": len(events), "coldframe.events_accepted": accepted})
            return reports


def _caller(scope: Scope) -> Context:
    """Return whose request this is a part of; of what callers may add, only the ids of their span are read."""
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return TraceContextTextMapPropagator().extract({"traceparent": found[0].decode("latin-1")} if found else {})


def _describe(span: Span, scope: HTTPScope, status: int) -> None:
    """Name a request's span by its route, never by its address."""
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = scope.get("path_template") or "unmatched"
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def _tell(attributes: Mapping[str, str | int]) -> None:
    get_current_span().set_attributes(attributes)

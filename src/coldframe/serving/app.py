"""The HTTP service as one app: its routes, what their handlers work with, and the gate before them.

Owns the assembly. Each resource's routes are in the module of its name; how the app runs is `server`'s business.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from coldframe.bundle.registry import Registry
from coldframe.clock import Clock, system_clock
from coldframe.serving import health, openapi
from coldframe.serving.access import Access, check_scope
from coldframe.serving.admission import Admission, Queue
from coldframe.serving.body import StrictRequest
from coldframe.serving.context import Context
from coldframe.serving.engine import Engine
from coldframe.serving.events import EventsController
from coldframe.serving.gate import Gate, restore_slashes
from coldframe.serving.intake import Intake
from coldframe.serving.items import ItemsController
from coldframe.serving.metrics import ServingMetrics
from coldframe.serving.models import ModelsController
from coldframe.serving.people import PeopleController
from coldframe.serving.problems import answer_problem
from coldframe.serving.rates import RateLimits
from coldframe.serving.recommendations import RecommendationsController
from coldframe.serving.users import UsersController
from coldframe.serving.workers import Workers
from coldframe.settings import Settings
from coldframe.store.protocol import Store

if TYPE_CHECKING:
    from coldframe.serving.tracing import Tracing

ROUTES: tuple[ControllerRouterHandler, ...] = (
    EventsController,
    ItemsController,
    UsersController,
    PeopleController,
    RecommendationsController,
    ModelsController,
    health.healthz,
    health.readyz,
    health.metrics,
    openapi.openapi_json,
)


def create_app(
    engine: Engine,
    store: Store,
    registry: Registry,
    settings: Settings,
    *,
    extra_handlers: Sequence[ControllerRouterHandler] = (),
    lifespan: Sequence[Callable[[Litestar], AbstractAsyncContextManager[None]]] = (),
    access: Access | None = None,
    clock: Clock = system_clock,
    workers: Workers | None = None,
    tracing: "Tracing | None" = None,
) -> Litestar:
    """Return the service. `extra_handlers` are mounted beside its own; `app.state` holds engine, store, registry,
    settings and metrics for them. Without `access` the one key is that of the settings, without `tracing` nobody hears
    of a request. `workers` are those that answer at the same address, if there are others.
    """
    shared = workers.folder if workers else None
    metrics = ServingMetrics(engine, shared)
    intake = (tracing.intake if tracing else Intake)(store, settings.store.queue_events)
    context = Context(engine, store, intake, registry, settings, metrics, clock, workers)
    state = State({"engine": engine, "store": store, "registry": registry, "settings": settings, "metrics": metrics})
    app = Litestar(
        [*ROUTES, *extra_handlers],
        dependencies={"context": Provide(lambda: context, sync_to_thread=False)},
        exception_handlers={Exception: answer_problem},
        before_request=_before_handler,
        request_class=StrictRequest,
        request_max_body_size=None,
        openapi_config=openapi.openapi_config(),
        logging_config=None,
        lifespan=[*lifespan, *([tracing.running] if tracing else ())],
        state=state,
    )
    queue = Queue(settings.serving.max_wait_ms / 1_000)
    rates = RateLimits(settings.serving, folder=shared)
    gate = Gate(queue.before(app.asgi_handler), settings.serving, metrics, access or Access.of(settings.serving), rates)
    answered = Admission(gate, queue, metrics)
    app.asgi_handler = tracing.around(answered) if tracing else answered
    return app


async def _before_handler(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Check the key against the route that matched, and give ids back their slashes; OPTIONS is answered here."""
    template = request.scope["path_template"]
    check_scope(request.scope["state"].get("key"), request.method, template)
    request.scope["path_params"] = restore_slashes(request.scope["path_params"])
    return (
        Response(None, status_code=204, headers={"Allow": _methods(request)}) if request.method == "OPTIONS" else None
    )


def _methods(request: Request[Any, Any, Any]) -> str:
    """Return the methods of the route that matched. The framework's own answer has those of one controller alone."""
    template = request.scope["path_template"]
    found = {method for route in request.app.routes if route.path_format == template for method in route.methods}
    return ", ".join(sorted(found))

"""What load balancers and Prometheus ask."""

from litestar import Response, get
from litestar.di import NamedDependency

from coldframe.errors import BundleError
from coldframe.serving.context import Context
from coldframe.serving.messages import Health


@get("/healthz", tags=["health"], sync_to_thread=False)
def healthz() -> Health:
    """Say that the process answers."""
    return Health(status="ok")


@get("/readyz", tags=["health"], sync_to_thread=False)
def readyz(context: NamedDependency[Context]) -> Health:
    """Say whether a verified bundle is live; 503 until then, while events are already accepted."""
    live = context.engine.bundle_id
    if live is None:
        raise BundleError("No verified bundle is live.", remedy="Train and promote one: `coldframe train`.")
    return Health(status="ready", bundle=live)


@get("/metrics", tags=["health"], media_type="text/plain; version=0.0.4", sync_to_thread=True)
def metrics(context: NamedDependency[Context]) -> Response[bytes]:
    """Return the counters of all workers in Prometheus' text format."""
    return Response(context.metrics.exposition())

"""/v1/models: which bundles there are, which one answers, and how to change that."""

from collections.abc import Generator
from contextlib import contextmanager

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from coldframe.errors import BundleError
from coldframe.pacing import at_most
from coldframe.serving.context import Context
from coldframe.serving.engine import BESIDE_ANSWERS
from coldframe.serving.messages import Models, Promoted
from coldframe.serving.problems import RefusedError


class ModelsController(Controller):
    """Shows and promotes bundles."""

    path = "/v1/models"
    tags = ("models",)

    @get(sync_to_thread=True)
    def index(self, context: NamedDependency[Context]) -> Models:
        """List every bundle, newest first."""
        return Models(live=context.engine.bundle_id, models=context.registry.list())

    @post("/{bundle:str}/promote", status_code=200, sync_to_thread=True)
    def promote(self, bundle: FromPath[str], context: NamedDependency[Context]) -> Promoted:
        """Verify a bundle and let it answer."""
        with _as_conflict():
            with at_most(BESIDE_ANSWERS):
                context.registry.promote(bundle)
            return _live_everywhere(bundle, context)

    @post("/rollback", status_code=200, sync_to_thread=True)
    def rollback(self, context: NamedDependency[Context]) -> Promoted:
        """Let the bundle that answered before answer again."""
        with _as_conflict():
            return _live_everywhere(context.registry.rollback(), context)


def _live_everywhere(bundle: str, context: Context) -> Promoted:
    """Take a promoted bundle up here and say so, then wait for the other workers. Raises `BundleError`.

    Said only a second later, another worker that is asked to go back would take this one for one that never left.
    """
    engine, workers, behind = context.engine, context.workers, 0
    engine.refresh()
    if workers:
        workers.tell(lambda: engine.bundle_id)
        behind = workers.wait_for(bundle)
    return Promoted(promoted=bundle, live=engine.bundle_id, behind=behind)


@contextmanager
def _as_conflict() -> Generator[None]:
    """Tell a bundle that cannot be used as the conflict it is for the one who asked, not as an outage."""
    try:
        yield
    except BundleError as error:
        raise RefusedError("conflict", error.message, remedy=error.remedy or None) from error

"""/v1/models: which bundles there are, which one answers, and how to change that."""

from collections.abc import Generator
from contextlib import contextmanager

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from coldframe.errors import BundleError
from coldframe.serving.context import Context
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
            context.registry.promote(bundle)
            context.engine.refresh()
        return Promoted(promoted=bundle, live=context.engine.bundle_id)

    @post("/rollback", status_code=200, sync_to_thread=True)
    def rollback(self, context: NamedDependency[Context]) -> Promoted:
        """Let the bundle that answered before answer again."""
        with _as_conflict():
            bundle = context.registry.rollback()
            context.engine.refresh()
        return Promoted(promoted=bundle, live=context.engine.bundle_id)


@contextmanager
def _as_conflict() -> Generator[None]:
    """Tell a bundle that cannot be used as the conflict it is for the one who asked, not as an outage."""
    try:
        yield
    except BundleError as error:
        raise RefusedError("conflict", error.message, remedy=error.remedy or None) from error

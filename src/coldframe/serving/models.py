"""/v1/models: which bundles there are, which one answers, and how to change that."""

import re

from litestar import Controller, get, post

from coldframe.errors import UnknownIdError
from coldframe.serving.context import Context
from coldframe.serving.messages import Models, Promoted

_BUNDLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class ModelsController(Controller):
    """Shows and promotes bundles."""

    path = "/v1/models"
    tags = ("models",)

    @get(sync_to_thread=True)
    def index(self, context: Context) -> Models:
        """List every bundle, newest first."""
        return Models(live=context.engine.bundle_id, models=list(context.registry.list()))

    @post("/{bundle:str}/promote", status_code=200, sync_to_thread=True)
    def promote(self, bundle: str, context: Context) -> Promoted:
        """Verify a bundle and let it answer."""
        if not _BUNDLE_ID.fullmatch(bundle):
            raise UnknownIdError("No bundle has such an id.", remedy="GET /v1/models lists them.")
        context.registry.promote(bundle)
        context.engine.refresh()
        return Promoted(promoted=bundle, live=context.engine.bundle_id)

    @post("/rollback", status_code=200, sync_to_thread=True)
    def rollback(self, context: Context) -> Promoted:
        """Let the bundle that answered before answer again."""
        bundle = context.registry.rollback()
        context.engine.refresh()
        return Promoted(promoted=bundle, live=context.engine.bundle_id)

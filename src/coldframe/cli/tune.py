"""`coldframe tune`: better settings for this data, found on its own later events, with their evidence."""

from typing import Annotated

import typer

from coldframe.cli.compiled import keep_compiled
from coldframe.cli.options import AsOf, Json, Window, moment
from coldframe.cli.output import emit, progress_bar, say, table
from coldframe.cli.project import open_project, require_extra


def tune(
    ctx: typer.Context,
    budget: Annotated[
        int, typer.Option("--budget", min=10, metavar="SECONDS", help="Stop the search after this time.")
    ] = 600,
    as_of: AsOf = None,
    window: Window = None,
    write: Annotated[
        bool, typer.Option("--write/--dry-run", help="Write the winners into coldframe.toml, or only show them.")
    ] = True,
    json: Json = False,
) -> None:
    """Search the experts' settings on the window's later events and write what won into coldframe.toml.

    Each expert is fitted on the earlier events and judged by NDCG@10 on the later ones, one setting at a time.

    Example: `coldframe tune --budget 300`
    """
    require_extra("train")
    project = open_project(ctx)
    keep_compiled(project.data)
    from coldframe import pipeline
    from coldframe.settings.rewriting import rewrite

    with project.store() as store, progress_bar(quiet=json) as show:
        tuned = pipeline.tune(
            store,
            project.settings,
            budget_seconds=budget,
            as_of=moment(as_of) if as_of else None,
            window_days=window,
            progress=show,
        )
    written = write and project.config is not None and bool(tuned.changed)
    if written and project.config is not None:
        rewrite(project.config, tuned.changed, evidence=tuned.evidence)
    if json:
        emit({"changed": tuned.changed, "written": written, "seconds": round(tuned.seconds, 1), "trials": tuned.trials})
        return
    rows = [(t.expert, t.setting, t.value, t.ndcg, "kept" if t.kept else "") for t in tuned.trials]
    table(("expert", "setting", "value", "NDCG@10", ""), rows)
    say(f"{len(tuned.changed)} settings changed{f' in {project.config}' if written else ''}. Next: coldframe train")

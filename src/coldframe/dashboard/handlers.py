"""The page's routes: `/` for a person, fragments of it under `/demo`, and the files it loads.

Owns addresses and what each needs. A fragment is a piece of the page that the browser swaps in; events go through the
public `POST /v1/events`, as any shop's would.
"""

from collections.abc import Sequence
from typing import Any

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler

from coldframe.dashboard.customers import warmth_of
from coldframe.dashboard.desk import Desk
from coldframe.dashboard.quality import FindQuality, bundle_quality
from coldframe.dashboard.rendering import HEADERS, STATIC, html, static_text
from coldframe.dashboard.story import Story
from coldframe.dashboard.trust import bundle_trust
from coldframe.dashboard.views import LEVELS, PersonView, person_view
from coldframe.serving.context import Context
from coldframe.serving.validation import checked_id

MAX_SEARCH_CHARS = 100


@get("/", sync_to_thread=True)
def page(
    context: NamedDependency[Context],
    desk: NamedDependency[Desk],
    person: FromQuery[str | None] = None,
    visitor: FromQuery[str | None] = None,
) -> Response[str]:
    """Return the whole page for a customer, a visitor or, without either, the most recent regular.

    Without a live bundle it is a page that says what is missing.
    """
    if context.engine.bundle_id is None:
        return html("waiting.html", status_code=503, story=desk.story)
    customers = desk.customers(context.store)
    groups = customers.sample()
    first = groups[0][1][0].user_id if groups else "visitor"
    shown = visitor or person or first
    return html(
        "page.html",
        story=desk.story,
        groups=groups,
        n_customers=len(customers),
        quality=desk.find_quality(context.registry, context.engine.bundle_id),
        trust=bundle_trust(context.registry, context.engine.bundle_id),
        **_person(context, desk, shown, is_visitor=visitor is not None or not groups),
    )


@get("/demo/people/{person_id:str}", sync_to_thread=True)
def person(person_id: FromPath[str], context: NamedDependency[Context], desk: NamedDependency[Desk]) -> Response[str]:
    """Return one customer: history, list and reasons."""
    return html("person.html", story=desk.story, **_person(context, desk, person_id, is_visitor=False))


@get("/demo/visitors/{person_id:str}", sync_to_thread=True)
def visitor(person_id: FromPath[str], context: NamedDependency[Context], desk: NamedDependency[Desk]) -> Response[str]:
    """Return a visitor, who can act: what happened so far, list and reasons."""
    return html("person.html", story=desk.story, **_person(context, desk, person_id, is_visitor=True))


@get("/demo/people", sync_to_thread=True)
def people(context: NamedDependency[Context], desk: NamedDependency[Desk], q: FromQuery[str] = "") -> Response[str]:
    """Return the customers that a search finds; without words, a few of each group."""
    customers = desk.customers(context.store)
    searched = q[:MAX_SEARCH_CHARS].strip()
    found = customers.search(searched) if searched else []
    return html("people.html", groups=customers.sample(), searched=searched, found=found, shown_id="")


@get("/demo/products", sync_to_thread=True)
def products(context: NamedDependency[Context], desk: NamedDependency[Desk], q: FromQuery[str] = "") -> Response[str]:
    """Return products that a visitor can act on."""
    searched = q[:MAX_SEARCH_CHARS].strip()
    return html("products.html", story=desk.story, searched=searched, found=desk.products(context.store, searched))


@get("/demo/static/{name:str}", sync_to_thread=False)
def static(name: FromPath[str]) -> Response[str]:
    """Return a style, a script or the icon. Raises `NotFoundException`."""
    if name not in STATIC:
        raise NotFoundException
    return Response(static_text(name), media_type=STATIC[name], headers=HEADERS)


def page_handlers(
    story: Story | None = None, find_quality: FindQuality = bundle_quality
) -> Sequence[ControllerRouterHandler]:
    """Return the page's routes, for `create_app(extra_handlers=page_handlers())`."""
    desk = Desk(story or Story(), find_quality)
    routes = [page, person, visitor, people, products, static]
    provide = {"desk": Provide(lambda: desk, sync_to_thread=False)}
    return [Router("/", route_handlers=routes, dependencies=provide, include_in_schema=False)]


def _person(context: Context, desk: Desk, person_id: str, *, is_visitor: bool) -> dict[str, Any]:
    """Return what the template of one person needs. Raises `InputError` for an id that nobody can have."""
    view: PersonView = person_view(
        context.engine,
        context.store,
        checked_id(person_id, "the person's id"),
        is_visitor=is_visitor,
        history_limit=context.settings.recommend.history,
    )
    context.metrics.answer(view.answer.level)
    customer = desk.customers(context.store).get(person_id)
    n_events = max(view.n_events, customer.n_events if customer else 0)
    return {
        "view": view,
        "customer": customer,
        "n_events": n_events,
        "warmth": warmth_of(n_events),
        "levels": LEVELS,
        "shown_id": person_id,
    }

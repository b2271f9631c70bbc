"""What a user or an anonymous visitor should see, and why."""

from typing import Annotated, TypedDict

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from coldframe.domain import Recommendation
from coldframe.serving.context import Context
from coldframe.serving.engine import Explanation
from coldframe.serving.messages import AnonymousRequest, ListRequest
from coldframe.serving.terms import NO_TERMS, Terms
from coldframe.serving.validation import checked_attributes, checked_id, split_ids, to_past_event

ANONYMOUS = "anonymous"
"""Stands in for the session of a visitor who has none."""

Exclude = Annotated[
    list[str] | None, QueryParameter(description="Item ids to leave out: repeated, or split by commas.")
]
Category = Annotated[str | None, QueryParameter(description="Only items of this category.")]
Filter = Annotated[
    str | None,
    QueryParameter(
        description='Only items that meet this condition, such as `price < 30 and not tag = "sale"`: docs/http.md.'
    ),
]
Pages = Annotated[bool, QueryParameter(description="Whether the answer's `next` shall lead to the page after it.")]
Next = Annotated[
    str | None, QueryParameter(description="The `next` of the page before; nothing but `n` is said beside it.")
]
Scenario = Annotated[str, QueryParameter(description="Where the list is shown, kept with the impression.")]


class RecommendationsController(Controller):
    """Asks the engine."""

    path = "/v1"
    tags = ("recommendations",)

    @get("/users/{user_id:str}/recommendations", sync_to_thread=False)
    def recommend(
        self,
        user_id: FromPath[str],
        context: NamedDependency[Context],
        n: FromQuery[int | None] = None,
        exclude: Exclude = None,
        category: Category = None,
        filter: Filter = None,  # noqa: A002
        pages: Pages = False,
        next: Next = None,  # noqa: A002
        scenario: Scenario = "default",
    ) -> Recommendation:
        """Return the best items for a user; an unknown one gets a useful list too."""
        answer = context.engine.recommend(
            checked_id(user_id, "user_id"),
            n=None if n is None and next else context.checked_n(n),
            exclude=split_ids(exclude, "exclude"),
            category=None if category is None else checked_id(category, "category"),
            terms=Terms(filter, pages=pages, next=next)
            if filter is not None or pages or next is not None
            else NO_TERMS,
            scenario=checked_id(scenario, "scenario"),
        )
        context.metrics.answer(answer.level)
        return answer

    @post("/users/{user_id:str}/recommendations", status_code=200, sync_to_thread=False)
    def recommend_under(
        self, user_id: FromPath[str], data: JSONBody[ListRequest], context: NamedDependency[Context]
    ) -> Recommendation:
        """Return the best items for a user under the caller's own pins, boosts and caps."""
        answer = context.engine.recommend(checked_id(user_id, "user_id"), **_asked(data, context))
        context.metrics.answer(answer.level)
        return answer

    @post("/recommendations", status_code=200, sync_to_thread=False)
    def recommend_anonymous(
        self, data: JSONBody[AnonymousRequest], context: NamedDependency[Context]
    ) -> Recommendation:
        """Return the best items for a visitor without a user id, by what the body says or what their session did.

        Events in the body are used for this answer and not stored; without any, those of `session_id` are read from the
        store.
        """
        context.check_batch(len(data.events or ()), "events")
        now, actor = context.clock(), checked_id(data.session_id or ANONYMOUS, "session_id")
        answer = context.engine.recommend_anonymous(
            None if data.events is None else [to_past_event(given, actor=actor, now=now) for given in data.events],
            checked_attributes(data.attributes),
            session_id=data.session_id,
            **_asked(data, context),
        )
        context.metrics.answer(answer.level)
        return answer

    @get("/users/{user_id:str}/explanation", sync_to_thread=False)
    def explain(
        self, user_id: FromPath[str], item_id: FromQuery[str], context: NamedDependency[Context]
    ) -> Explanation:
        """Say why an item has its score for a user, from the arithmetic that made it."""
        return context.engine.explain(checked_id(user_id, "user_id"), checked_id(item_id, "item_id"))


class _Asked(TypedDict):
    """What of a body the engine takes, by name."""

    n: int | None
    exclude: list[str]
    category: str | None
    terms: Terms
    scenario: str


def _asked(data: ListRequest, context: Context) -> _Asked:
    """Return what a body asks of a list. Raises `InputError`."""
    return {
        "n": None if data.n is None and data.next else context.checked_n(data.n),
        "exclude": [checked_id(value, "exclude") for value in data.exclude],
        "category": None if data.category is None else checked_id(data.category, "category"),
        "terms": _terms(data),
        "scenario": checked_id(data.scenario, "scenario"),
    }


def _terms(data: ListRequest) -> Terms:
    """Return the terms of a body; most have none, and none cost nothing."""
    told = data.filter is not None or data.diversity is not None or data.next is not None
    if not (told or data.pin or data.boost or data.cap or data.pages):
        return NO_TERMS
    return Terms(data.filter, data.pin, data.boost, data.cap, data.diversity, data.pages, data.next)

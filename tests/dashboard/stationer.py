"""A stationer's with seven products and four customers, in memory, and the page on it."""

from datetime import timedelta

from rig import NOW, MemoryShop, NeighbourEngine, OneBundle, event

from coldframe.clock import fixed_clock
from coldframe.dashboard import Story, page_handlers
from coldframe.domain import Item, User
from coldframe.serving.app import create_app
from coldframe.settings import Settings

TITLES = {
    "p1": "Red pencil",
    "p2": "Blue pencil",
    "p3": "Green pencil",
    "l1": "Lunch box <b>bold</b>",
    "l2": "Lunch bag & flask",
    "c1": "Candle",
    "c2": "Scented candle",
}
STORY = Story(
    title="Stationer", about="Pencils.", currency="£", credit="By somebody", credit_url="https://example.org/"
)


def new_shop():
    items = [
        Item(item_id=key, title=title, categories=("things",), numeric={"price": 1.5}) for key, title in TITLES.items()
    ]
    users = [User(user_id="ann", attributes={"country": "France"})]
    events = [
        *(event("ann", "p1", NOW - timedelta(days=day)) for day in range(1, 26)),
        event("ben", "c1", NOW - timedelta(days=2)),
        event("ben", "l1", NOW - timedelta(days=3)),
        event("eve & co/é", "l2", NOW - timedelta(days=4)),
        event("gus", "unlisted", NOW - timedelta(days=5)),
    ]
    return MemoryShop(events, items, users)


def app_on(shop, engine=None, registry=None, story=STORY):
    engine = engine or NeighbourEngine(shop)
    handlers = page_handlers(story)
    return create_app(
        engine, shop, registry or OneBundle(), Settings(), extra_handlers=handlers, clock=fixed_clock(NOW)
    )

"""A page for people: pick a customer or come as a new visitor, see the list and why each item is on it.

Owns what the page shows and how it looks. Everything it shows it asks the engine, the store and the registry for; it
scores nothing itself and fetches nothing from elsewhere.

    handlers.py    the routes, for `create_app(extra_handlers=…)`
    customers.py   who can be picked, and how much history each has
    views.py       one person's history, list and reasons, as plain values
    shares.py      what each expert made of a score
    quality.py     how good the live bundle is, as a table
    rendering.py   templates, formats and the headers of every page
    story.py       what the page says about the data behind it
"""

from coldframe.dashboard.handlers import page_handlers
from coldframe.dashboard.story import Story

__all__ = ["Story", "page_handlers"]

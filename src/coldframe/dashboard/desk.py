"""What the page's handlers share: its words, where its quality comes from, and lists that are expensive to make twice.

Owns the keeping: customers are counted again when one was forgotten, the catalogue is read when it changed.
"""

from itertools import islice
from threading import Lock

from coldframe.dashboard.customers import Customers, customers_of
from coldframe.dashboard.quality import FindQuality, bundle_quality
from coldframe.dashboard.story import Story
from coldframe.dashboard.views import Product, product
from coldframe.store.protocol import Store

FOUND_PRODUCTS = 8
"""Products shown of a search."""


class Desk:
    """Keeps what several requests ask for; safe from several threads."""

    def __init__(self, story: Story, find_quality: FindQuality = bundle_quality) -> None:
        self.story = story
        self.find_quality = find_quality
        self._lock = Lock()
        self._customers: tuple[int, Customers] | None = None
        self._catalogue: tuple[int, list[Product]] | None = None

    def customers(self, store: Store) -> Customers:
        """Return everybody who can be picked, and nobody who was forgotten; counts the log the first time."""
        forgotten = store.count_erasures()
        with self._lock:
            if self._customers is None or self._customers[0] != forgotten:
                self._customers = (forgotten, customers_of(store))
            return self._customers[1]

    def products(self, store: Store, text: str) -> list[Product]:
        """Return the first products whose title or category holds every word of `text`; none for no words."""
        words = text.lower().split()
        if not words:
            return []
        found = (p for p in self._products(store) if all(word in f"{p.title} {p.category}".lower() for word in words))
        return list(islice(found, FOUND_PRODUCTS))

    def _products(self, store: Store) -> list[Product]:
        version = store.catalogue_version()
        with self._lock:
            if self._catalogue is None or self._catalogue[0] != version:
                listed = (product(item.item_id, item) for item in store.items() if item.available)
                self._catalogue = (version, sorted(listed, key=lambda p: (p.title, p.item_id)))
            return self._catalogue[1]

"""/v1/items: the catalogue, and what is near to one of its items."""

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from coldframe.domain import Item, ItemId
from coldframe.errors import UnknownIdError
from coldframe.serving.context import Context
from coldframe.serving.messages import ItemBatch, ItemIn, SimilarItems, Stored
from coldframe.serving.validation import checked_id, to_item


class ItemsController(Controller):
    """Reads and writes items."""

    path = "/v1/items"
    tags = ("items",)

    @post(status_code=200, sync_to_thread=True)
    def upsert(self, data: JSONBody[ItemBatch], context: NamedDependency[Context]) -> Stored:
        """Insert or replace several items; all of them or, where one is refused, none."""
        context.check_batch(len(data.items), "items")
        items = [to_item(given) for given in data.items]
        return Stored(received=len(items), changed=context.store.upsert_items(items))

    @put("/{item_id:str}", sync_to_thread=True)
    def replace(self, item_id: FromPath[str], data: JSONBody[ItemIn], context: NamedDependency[Context]) -> Stored:
        """Insert or replace one item."""
        item = to_item(data, item_id=item_id)
        return Stored(received=1, changed=context.store.upsert_items([item]))

    @get("/{item_id:str}", sync_to_thread=True)
    def show(self, item_id: FromPath[str], context: NamedDependency[Context]) -> Item:
        """Return one item."""
        item = context.store.item(ItemId(checked_id(item_id, "item_id")))
        if item is None:
            raise _unknown(item_id)
        return item

    @delete("/{item_id:str}", sync_to_thread=True)
    def remove(self, item_id: FromPath[str], context: NamedDependency[Context]) -> None:
        """Take one item out of the catalogue; its events stay."""
        if not context.store.delete_item(ItemId(checked_id(item_id, "item_id"))):
            raise _unknown(item_id)

    @get("/{item_id:str}/similar", sync_to_thread=False)
    def similar(
        self, item_id: FromPath[str], context: NamedDependency[Context], n: FromQuery[int | None] = None
    ) -> SimilarItems:
        """Return the items nearest to one item."""
        checked_id(item_id, "item_id")
        found = context.engine.similar_items(item_id, n=context.checked_n(n))
        return SimilarItems(item_id=item_id, bundle=context.engine.bundle_id or "", items=found)


def _unknown(item_id: str) -> UnknownIdError:
    return UnknownIdError(f"There is no item {item_id!r}.", remedy="PUT it first, or check the id.")

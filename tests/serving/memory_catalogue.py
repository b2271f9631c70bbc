"""What the engine reads and writes of a store, in memory."""

from serving_doubles import MemoryStore


class MemoryLog(MemoryStore):
    """`MemoryStore` with the newest events of an actor, a versioned catalogue, and impressions."""

    def __init__(self):
        super().__init__()
        self.delivered, self.version, self.reads = [], 0, 0

    def recent_events(self, actor, *, limit, before=None):
        own = [event for event in self.events_by_id.values() if event.actor_id == actor]
        return sorted(own, key=lambda event: (event.timestamp, event.event_id), reverse=True)[:limit]

    def upsert_items(self, items):
        self.version += 1
        return super().upsert_items(items)

    def delete_item(self, item_id):
        self.version += 1
        return super().delete_item(item_id)

    def items(self):
        self.reads += 1
        return iter(sorted(self.items_by_id.values(), key=lambda item: item.item_id))

    def catalogue_version(self):
        return self.version

    def append_impressions(self, impressions):
        self.delivered += impressions

    def impressions(self):
        return iter(self.delivered)

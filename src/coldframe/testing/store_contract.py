"""What every store must do, as tests: a subclass gives the fixture `reopen` and runs them all.

Owns the promises of `coldframe.store.protocol` in a form that can be checked. Knows no kind of store.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def reopen(self, tmp_path):
            return lambda: MyStore(tmp_path)
"""
# ruff: noqa: S101

from collections.abc import Callable, Iterator

import pytest

from coldframe.domain import Item, ItemId, User, UserId
from coldframe.errors import StoreError
from coldframe.store.protocol import Store
from coldframe.testing.store_event_contract import EventContract
from coldframe.testing.store_ledger_contract import LedgerContract
from coldframe.testing.store_people_contract import PeopleContract
from coldframe.testing.store_samples import DAY, START, event, events, frame, impression, reject


def told(store: Store, since: int) -> tuple[int, list[Item], list[ItemId]]:
    """Return what a store says of changes."""
    changes = store.catalogue_changes(since)
    return changes.version, list(changes.items), list(changes.removed)


class RecordContract:
    """Catalogue, users, impressions and refused rows."""

    def test_items_are_inserted_replaced_and_removed(self, store: Store) -> None:
        """Only a real change counts, and the last of one id wins."""
        pot = Item(
            item_id="pot", title="Pot", numeric={"price": 2.0, "size": 1.0}, tags=("clay",), embedding=(0.5, 1.0)
        )
        assert store.upsert_items([pot, Item(item_id="axe")]) == 2
        assert store.upsert_items([pot, Item(item_id="axe", title="Axe")]) == 1
        assert store.upsert_items([Item(item_id="axe"), Item(item_id="axe", title="Axe")]) == 0
        assert store.item(ItemId("pot")) == pot
        assert list(store.items()) == [Item(item_id="axe", title="Axe"), pot]
        assert store.delete_item(ItemId("axe"))
        assert not store.delete_item(ItemId("axe"))
        assert store.item(ItemId("axe")) is None

    def test_the_catalogue_version_grows_with_every_change(self, store: Store) -> None:
        """And only then."""
        versions = [store.catalogue_version()]
        for change in (
            lambda: store.upsert_items([Item(item_id="pot")]),
            lambda: store.upsert_items([Item(item_id="pot", available=False)]),
            lambda: store.delete_item(ItemId("pot")),
        ):
            change()
            versions.append(store.catalogue_version())
        assert sorted(set(versions)) == versions
        store.upsert_items([])
        store.upsert_users([User(user_id="ann")])
        assert store.catalogue_version() == versions[-1]

    def test_what_changed_since_a_version_is_told_alone(self, store: Store) -> None:
        """Once, as it is now; what went and came again did not go."""
        store.upsert_items([Item(item_id=item_id) for item_id in ("axe", "jug", "pot")])
        version = store.catalogue_version()
        assert told(store, version) == (version, [], [])
        store.upsert_items([Item(item_id="axe"), Item(item_id="pot", title="Pot")])
        store.upsert_items([Item(item_id="pot", title="Big pot")])
        for item_id in ("axe", "jug"):
            store.delete_item(ItemId(item_id))
        store.upsert_items([Item(item_id="axe")])
        now = store.catalogue_version()
        changes = told(store, version)
        assert changes == (now, [Item(item_id="pot", title="Big pot"), Item(item_id="axe")], ["jug"])
        assert told(store, 0) == changes
        assert told(store, now - 1) == (now, [Item(item_id="axe")], [])
        assert told(store, now + 5) == (now, [], [])

    def test_more_changes_than_a_page_are_told_again_whenever_asked(self, store: Store) -> None:
        """Each item once."""
        store.upsert_items([Item(item_id=f"i{number:05d}") for number in range(2_500)])
        changes = store.catalogue_changes(0)
        for _ in range(2):
            assert [item.item_id for item in changes.items] == [f"i{number:05d}" for number in range(2_500)]

    def test_more_items_than_a_page_come_in_order(self, store: Store) -> None:
        """By item_id."""
        ids = [f"i{number:05d}" for number in range(2_500)]
        store.upsert_items([Item(item_id=item_id) for item_id in ids[::-1]])
        assert [item.item_id for item in store.items()] == ids

    def test_users_are_inserted_replaced_and_removed(self, store: Store) -> None:
        """Attributes keep their types."""
        ann = User(user_id="ann", signed_up_at=START, attributes={"country": "NL", "age": 30.0, "paying": True})
        assert store.upsert_users([ann, User(user_id="bob")]) == 2
        assert store.upsert_users([ann]) == 0
        assert store.user(UserId("ann")) == ann
        assert list(store.users()) == [ann, User(user_id="bob")]
        store.forget_user(UserId("bob"), now=START)
        assert store.user(UserId("bob")) is None

    def test_impressions_come_in_order_of_time(self, store: Store) -> None:
        """Start is within, end is not; an id already known changes nothing."""
        given = [impression(number) for number in range(5)]
        store.append_impressions(given[::-1])
        store.append_impressions([impression(2, bundle="another")])
        store.flush()
        assert list(store.impressions()) == given
        assert list(store.impressions(start=given[1].timestamp, end=given[3].timestamp)) == given[1:3]
        assert (store.impression("r000003"), store.impression("another")) == (given[3], None)

    def test_the_newest_rejects_come_first(self, store: Store) -> None:
        """At most `limit`."""
        store.add_rejects([reject(number) for number in range(3)])
        store.add_rejects([reject(3)])
        assert [each.line for each in store.rejects(limit=3)] == [3, 2, 1]
        assert next(store.rejects()) == reject(3)


class LifeContract:
    """Opening, counting and closing."""

    def test_all_is_there_after_reopening(self, store: Store, reopen: Callable[[], Store]) -> None:
        """Acknowledged means durable; what was queued is kept by closing."""
        store.import_events([frame(events(0, 5))])
        store.append_events(events(5, 10))
        store.upsert_items([Item(item_id="pot")])
        store.upsert_users([User(user_id="ann")])
        store.add_rejects([reject(1)])
        store.append_impressions([impression(1)])
        version = store.catalogue_version()
        store.close()
        again = reopen()
        counts = again.counts()
        assert (counts.events, counts.items, counts.users, counts.impressions, counts.rejects) == (10, 1, 1, 1, 1)
        assert (counts.first_event, counts.last_event) == (event(0).timestamp, event(9).timestamp)
        assert again.catalogue_version() == version
        assert again.recent_events(UserId("ann"), limit=99) == events(0, 10)[::-1]
        again.close()

    def test_an_empty_store_counts_nothing(self, store: Store) -> None:
        """And has no first event."""
        counts = store.counts()
        assert (counts.events, counts.users, counts.items, counts.first_event) == (0, 0, 0, None)

    def test_two_stores_on_one_place_see_each_other(self, store: Store, reopen: Callable[[], Store]) -> None:
        """The command line works beside a service."""
        other = reopen()
        store.append_events(events(0, 30))
        assert other.seal(before=START + DAY) == 24
        assert store.append_events([event(3), event(40)])[0].status == "repeated"
        assert other.append_events([event(40)])[0].status == "repeated"
        assert other.import_events([frame(events(28, 35))]).accepted == 5
        assert store.recent_events(UserId("ann"), limit=99) == [event(40), *events(0, 35)[::-1]]
        other.close()
        assert store.counts().events == 36

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.append_events([event(1)]),
            lambda store: store.import_events([frame([event(1)])]),
            lambda store: store.scan_events(),
            lambda store: store.recent_events("ann", limit=1),
            lambda store: store.seal(before=START),
            lambda store: store.upsert_items([Item(item_id="pot")]),
            lambda store: list(store.items()),
            lambda store: store.user("ann"),
            lambda store: store.append_impressions([impression(1)]),
            lambda store: list(store.rejects()),
            lambda store: store.take_lease("train", owner="a", now=START, until=START + DAY),
            lambda store: store.lease("train"),
            lambda store: list(store.trainings()),
            lambda store: store.arrivals(),
            lambda store: store.merge_session("s", "ann", now=START),
            lambda store: store.forget_user("ann", now=START),
            lambda store: list(store.erasures()),
            lambda store: store.flush(),
            lambda store: store.counts(),
        ],
    )
    def test_a_closed_store_refuses(self, store: Store, use: Callable[[Store], object]) -> None:
        """Every call raises, and closing again does nothing."""
        store.close()
        with pytest.raises(StoreError, match="closed"):
            use(store)
        store.close()

    def test_it_keeps_the_protocol(self, store: Store) -> None:
        """No method is missing."""
        assert isinstance(store, Store)


class StoreContract(EventContract, RecordContract, LedgerContract, PeopleContract, LifeContract):
    """All promises. A subclass gives `reopen`: a function that opens the same place, again or for the first time."""

    @pytest.fixture
    def store(self, reopen: Callable[[], Store]) -> Iterator[Store]:
        """Yield an empty store, closed afterwards."""
        opened = reopen()
        yield opened
        opened.close()

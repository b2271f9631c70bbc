"""What every store must do, as tests: a subclass gives the fixture `reopen` and runs them all.

Owns the promises of `coldframe.store.protocol` in a form that can be checked. Knows no kind of store.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def reopen(self, tmp_path):
            return lambda: MyStore(tmp_path)
"""
# ruff: noqa: S101

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import polars as pl
import pytest

from coldframe.domain import Item, ItemId, User, UserId
from coldframe.errors import StoreError
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.store.protocol import Store
from coldframe.testing.store_samples import DAY, START, event, events, frame, impression, reject


class EventContract:
    """The event log: append-only, one id counts once, live and sealed events alike."""

    def test_appended_events_come_back_as_they_were(self, store: Store) -> None:
        """Every field survives, whatever is known or not."""
        given = [
            event(1, value=2.5, recommendation_id="r", position=3, context={"page": "home", "n": 1.5, "new": True}),
            event(2, user_id=None, session_id="ann"),
            event(3, user_id="ann", session_id="s", item_id="ключ\n\x00"),
        ]
        assert [each.status for each in store.append_events(given)] == ["accepted"] * 3
        assert store.recent_events(UserId("ann"), limit=9) == given[::-1]

    def test_an_id_counts_once(self, store: Store) -> None:
        """A repeat is reported in its place and changes nothing, also within one call."""
        store.append_events([event(1)])
        reports = store.append_events([event(2), event(1, item_id="other"), event(2, item_id="other")])
        assert [(each.event_id, each.status) for each in reports] == [
            ("e000002", "accepted"),
            ("e000001", "repeated"),
            ("e000002", "repeated"),
        ]
        assert store.recent_events(UserId("ann"), limit=9) == [event(2), event(1)]

    def test_no_events_are_no_work(self, store: Store) -> None:
        """Nothing in, nothing out."""
        assert store.append_events([]) == []
        assert store.import_events([]).rows == 0
        assert store.scan_events().collect().is_empty()
        assert store.scan_events().collect_schema() == pl.Schema(EVENT_COLUMNS)

    def test_an_event_that_cannot_be_read_back_is_rejected_alone(self, store: Store) -> None:
        """Its neighbours are kept."""
        bad = [
            event(2, user_id=None),
            event(3, value=float("nan")),
            event(4, item_id="\ud800"),
            event(5, position=2**31),
            event(6, context={"x": float("inf")}),
            event(7, timestamp=START.replace(tzinfo=None)),
            event(8, timestamp=START.replace(year=1969)),
        ]
        reports = store.append_events([event(1), *bad, event(9)])
        assert [each.status for each in reports] == ["accepted", *["rejected"] * len(bad), "accepted"]
        assert all(each.reason for each in reports if each.status == "rejected")
        assert store.recent_events(UserId("ann"), limit=9) == [event(9), event(1)]

    def test_imports_count_every_row_once(self, store: Store) -> None:
        """Ids known, live or sealed, or doubled in the import itself are repeats; the first row of an id counts."""
        store.append_events(events(0, 10))
        twice = frame([event(20), event(20, item_id="other")])
        report = store.import_events([frame(events(5, 15)), twice], source="a file")
        assert (report.kind, report.accepted, report.repeated, report.rejected) == ("events", 6, 6, 0)
        again = store.import_events([frame(events(0, 15)), twice])
        assert (again.accepted, again.repeated) == (0, 17)
        assert store.append_events([event(14)])[0].status == "repeated"
        assert store.scan_events().collect().equals(frame([*events(0, 15), event(20)]))

    def test_an_import_tells_how_far_it_is(self, store: Store) -> None:
        """Progress ends at the number of rows."""
        seen: list[tuple[int, int | None]] = []
        store.import_events(
            [frame(events(0, 3)), frame(events(3, 5))], progress=lambda done, total: seen.append((done, total))
        )
        assert seen[-1][0] == 5

    def test_a_failing_import_keeps_nothing(self, store: Store) -> None:
        """What goes wrong in the reader of the file is the reader's error."""

        def breaking() -> Iterator[pl.DataFrame]:
            yield frame(events(0, 5))
            raise RuntimeError("the file is torn")

        with pytest.raises(RuntimeError, match="torn"):
            store.import_events(breaking())
        assert store.counts().events == 0
        assert store.import_events([frame(events(0, 5))]).accepted == 5

    def test_a_scan_is_in_order_and_within_its_bounds(self, store: Store) -> None:
        """Start is within, end is not; live and sealed events are one table."""
        store.import_events([frame(events(0, 40, step=3))])
        store.import_events([frame(events(0, 40, step=2))])
        store.append_events(events(0, 40)[::-1])
        assert store.scan_events().collect().equals(frame(events(0, 40)))
        window = store.scan_events(start=event(10).timestamp, end=event(30).timestamp)
        assert window.collect().equals(frame(events(10, 30)))

    def test_a_scan_is_the_state_of_its_moment(self, store: Store) -> None:
        """What is appended or sealed later changes neither rows nor order."""
        store.append_events(events(0, 10))
        scan = store.scan_events()
        store.append_events(events(10, 20))
        store.seal(before=START + 3 * DAY)
        assert scan.collect().equals(frame(events(0, 10)))

    def test_events_of_one_moment_are_ordered_by_id(self, store: Store) -> None:
        """The order is total, wherever the events lie."""
        same = [event(number, timestamp=START) for number in range(9)]
        store.import_events([frame(same[0:3][::-1])])
        store.append_events(same[6:9])
        store.import_events([frame(same[3:6])])
        assert store.scan_events().collect().equals(frame(same))
        assert store.recent_events(UserId("ann"), limit=9) == same[::-1]

    def test_sealing_moves_whole_days(self, store: Store) -> None:
        """The day that `before` falls in stays live; nothing else can be seen to change."""
        given = events(0, 60)
        store.append_events(given)
        before, scan = store.counts(), store.scan_events().collect()
        assert store.seal(before=START + timedelta(hours=36)) == 24
        assert store.seal(before=START + timedelta(hours=36)) == 0
        assert store.counts() == before
        assert store.scan_events().collect().equals(scan)
        assert {each.status for each in store.append_events(given)} == {"repeated"}

    def test_an_event_later_than_its_days_seal_is_kept(self, store: Store) -> None:
        """A day may be sealed more than once."""
        store.append_events(events(0, 24, step=2))
        store.seal(before=START + 2 * DAY)
        store.append_events(events(0, 24))
        assert store.seal(before=START + 2 * DAY) == 12
        assert store.scan_events().collect().equals(frame(events(0, 24)))

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_history_is_newest_first(self, store: Store, sealed: bool) -> None:
        """At most `limit`, strictly before a time, of this actor alone."""
        ann, bob = events(0, 20), [event(number, user_id="bob") for number in range(100, 110)]
        store.append_events([*ann, *bob])
        if sealed:
            store.seal(before=START + 9 * DAY)
        assert store.recent_events(UserId("ann"), limit=3) == ann[:-4:-1]
        assert store.recent_events(UserId("ann"), limit=2, before=ann[10].timestamp) == [ann[9], ann[8]]
        assert store.recent_events(UserId("ann"), limit=2, before=ann[0].timestamp) == []
        assert store.recent_events(UserId("nobody"), limit=2) == []

    def test_a_history_spans_live_and_sealed_events(self, store: Store) -> None:
        """Also when they overlap in time and come from several seals."""
        for part in range(1, 4):
            store.import_events([frame(events(part, 40, step=4))])
        store.append_events(events(0, 40, step=4))
        assert store.recent_events(UserId("ann"), limit=25) == events(0, 40)[:14:-1]

    def test_many_threads_lose_and_double_nothing(self, store: Store) -> None:
        """Each id is accepted exactly once, whoever else sends it."""
        with ThreadPoolExecutor(8) as pool:
            reports = list(pool.map(lambda start: store.append_events(events(start, start + 50)), range(0, 200, 25)))
        accepted = [each.event_id for report in reports for each in report if each.status == "accepted"]
        assert sorted(map(str, accepted)) == [each.event_id for each in events(0, 225)]
        assert store.scan_events().collect().equals(frame(events(0, 225)))


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
        assert store.delete_user(UserId("bob"))
        assert not store.delete_user(UserId("bob"))
        assert store.user(UserId("bob")) is None

    def test_impressions_come_in_order_of_time(self, store: Store) -> None:
        """Start is within, end is not; an id already known changes nothing."""
        given = [impression(number) for number in range(5)]
        store.append_impressions(given[::-1])
        store.append_impressions([impression(2, bundle="another")])
        store.flush()
        assert list(store.impressions()) == given
        assert list(store.impressions(start=given[1].timestamp, end=given[3].timestamp)) == given[1:3]

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


class StoreContract(EventContract, RecordContract, LifeContract):
    """All promises. A subclass gives `reopen`: a function that opens the same place, again or for the first time."""

    @pytest.fixture
    def store(self, reopen: Callable[[], Store]) -> Iterator[Store]:
        """Yield an empty store, closed afterwards."""
        opened = reopen()
        yield opened
        opened.close()
